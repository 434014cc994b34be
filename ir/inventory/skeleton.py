"""A first inventory as YAML, with what is still to be filled in and what a person should know as comments. Pure."""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from ir.core.key_search import FoundKey
from ir.core.model import KeyKind
from ir.inventory.proposal import UNKNOWN_ACCOUNT, NewKey, Proposal, Proposer
from ir.inventory.proposed_services import FILL_IN

HEAD = "# Made from what the stores hold. Stripe was asked nothing. Values are matched by fingerprint."
_PROOF = "a check that shows the fingerprint proves more: docs/key-fingerprint.md"
_SERVICE = """services:
  - name: checkout
    uses: [NAME OF A KEY]
    reads_from: A PLACE OF ITS stored_in
    reload: {command: [systemctl, reload, checkout]}
    verify:
      - {http: https://checkout.internal/healthz, expect: {json: {key_fingerprint: "{{ new.fingerprint }}"}}}"""


def write(found_keys: Sequence[FoundKey], unread: Sequence[str] = (), accounts: Mapping[str, str] | None = None) -> str:
    """YAML text that `inventory.loads` takes, free of secrets.

    Args:
        found_keys: what `core.key_search` describes: one row per value found; values that are no rotatable keys become comments.
        unread: what could not be read, for a comment.
        accounts: mode → account id, for keys that do not tell theirs.
    """
    return text(Proposer(found_keys, accounts=accounts).proposal(), unread)


def text(proposal: Proposal, unread: Sequence[str] = ()) -> str:
    """A whole inventory; `unread`: what was not looked into, for comments."""
    lines = [HEAD, "version: 1", "accounts:"]
    lines += [f"  - {flow(row)}{fill_in(row)}" for row in proposal.accounts]
    lines.append("keys:")
    for key in proposal.keys:
        lines += key_lines(key, "  ")
    if proposal.services:
        lines += ["# Hosts tell of these alone; any other program that uses a key needs a row, or it fails when its key dies.", "services:"]
        for row, remark in proposal.services:
            lines += service_lines(row, remark, "  ")
    else:
        lines += ["# Which services read them cannot be seen from here; each needs a row like this one, or it fails when its key dies:"]
        lines += [f"# {line}" for line in _SERVICE.splitlines()]
    lines += [f"# seen too, {one_line(remark)}" for remark in proposal.remarks]
    lines += [f"# not read: {one_line(row, 3000)}" for row in unread]
    return "\n".join(lines) + "\n"


def fill_in(account: Mapping[str, object]) -> str:
    """A comment behind an account whose id is not known."""
    return "  # fill in: acct_… of the Dashboard" if account["id"] == UNKNOWN_ACCOUNT else ""


def key_lines(key: NewKey, indent: str) -> Iterator[str]:
    """A row under `keys:`."""
    if key.remark:
        yield f"{indent}# {one_line(key.remark)}"
    head = [f"name: {flow(key.name)}", f"account: {flow(key.account)}", f"kind: {key.kind.value}"]
    yield f"{indent}- {head[0]}{f'  # fingerprint {key.fingerprint}' if key.fingerprint else ''}"
    yield from (f"{indent}  {part}" for part in head[1:])
    if key.kind is KeyKind.RESTRICTED:
        yield f"{indent}  # permissions: [charge_read]  # what a replacement by API is minted with"
    yield f"{indent}  stored_in:"
    for ref, remark in key.places.items():
        yield f"{indent}    - {flow(ref)}{f'  # {one_line(remark)}' if remark else ''}"


def service_lines(row: Mapping[str, object], remark: str, indent: str) -> Iterator[str]:
    """A row under `services:`."""
    if remark:
        yield f"{indent}# {one_line(remark)}"
    for number, (name, value) in enumerate(row.items()):
        known = FILL_IN not in str(value)
        note = f"  # {_PROOF if known else 'fill in: its address, as several services use the key'}" if name == "verify" else ""
        yield f"{indent}{'- ' if not number else '  '}{name}: {flow(value)}{note}"


def flow(data: object) -> str:
    """Data on one line."""
    text = yaml.safe_dump(data, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def one_line(text: str, most: int = 300) -> str:
    """Text of others as a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:most]
