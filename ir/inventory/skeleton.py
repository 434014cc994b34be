"""Write a first inventory from keys that a search found: one key per value with every place that holds it, as YAML to be completed.

Nothing is read or written here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from ir.core.key_kind import Credential, account_hint, kind_of
from ir.core.key_search import FoundKey
from ir.core.model import KeyKind, Mode

UNKNOWN_ACCOUNT = "acct_FILLMEIN"
"""Placeholder where the key does not tell its account. An inventory with it is valid in form, and the first look at Stripe refuses it."""
_TAIL = {
    "api_key",
    "apikey",
    "key",
    "rk",
    "secret",
    "secret_key",
    "secretkey",
    "sk",
    "stripe",
    "stripe_api_key",
    "stripe_key",
    "stripe_secret_key",
    "token",
    "value",
}


@dataclass(frozen=True)
class _Key:
    name: str
    account: str
    mode: Mode
    kind: KeyKind
    found_keys: tuple[FoundKey, ...]


def write(found_keys: Sequence[FoundKey], unread: Sequence[str] = (), accounts: Mapping[str, str] | None = None) -> str:
    """YAML text that `inventory.loads` takes, free of secrets.

    Args:
        found_keys: what `core.key_search` describes: one row per value found; values that are no rotatable keys become comments.
        unread: what could not be read, for a comment.
        accounts: mode → account id, for keys that do not tell theirs.
    """
    keys = _keys([find for find in found_keys if find.rotatable], accounts or {})
    lines = ["# Made from what the stores hold. Stripe was asked nothing. Values are matched by fingerprint.", "version: 1", "accounts:"]
    for account, mode in dict.fromkeys((key.account, key.mode) for key in keys):
        row = {"name": _account_name(keys, account, mode), "id": account, "mode": mode.value, "issuer": "dashboard"}
        lines.append(f"  - {_flow(row)}{'  # fill in: acct_… of the Dashboard' if account == UNKNOWN_ACCOUNT else ''}")
    lines.append("keys:")
    for key in keys:
        lines += _key_lines(key, _account_name(keys, key.account, key.mode))
    lines += ["# Which services read them cannot be seen from here; each needs a row like this one, or it fails when its key dies:"]
    lines += [f"# {line}" for line in _SERVICE.splitlines()]
    others = [find for find in found_keys if not find.rotatable]
    lines += [f"# seen too, {_other(find)}" for find in others]
    lines += [f"# not read: {_one_line(text)}" for text in unread]
    return "\n".join(lines) + "\n"


def _other(find: FoundKey) -> str:
    credential = kind_of(find.value).credential
    if credential is Credential.WEBHOOK:
        return f"list it under `webhooks:` with its endpoint's url: {credential.value} at {_one_line(str(find.ref))}"
    return f"not rotated by `ir rotate stripe`: {credential.value} at {_one_line(str(find.ref))}"


_SERVICE = """services:
  - name: checkout
    uses: [NAME OF A KEY]
    reads_from: A PLACE OF ITS stored_in
    reload: {command: [systemctl, reload, checkout]}
    verify:
      - {http: https://checkout.internal/healthz, expect: {json: {key_fingerprint: "{{ new.fingerprint }}"}}}"""


def _keys(found_keys: Sequence[FoundKey], accounts: Mapping[str, str]) -> list[_Key]:
    groups: dict[str, list[FoundKey]] = {}
    for find in found_keys:
        groups.setdefault(find.value.fingerprint, []).append(find)
    keys: list[_Key] = []
    taken: set[str] = set()
    objects = [find.ref.object for find in {find.ref: find for find in found_keys}.values()]
    for group in groups.values():
        value = group[0].value
        about = kind_of(value)
        mode, kind = about.mode or Mode.TEST, about.key_kind or KeyKind.SECRET
        account = accounts.get(mode.value) or account_hint(value) or UNKNOWN_ACCOUNT
        places = sorted(dict.fromkeys(group), key=lambda find: find.ref)
        keys.append(_Key(_unique(_name(places[0], objects.count(places[0].ref.object) > 1), taken), account, mode, kind, tuple(places)))
    return sorted(keys, key=lambda key: key.name)


def _name(find: FoundKey, crowded: bool) -> str:
    """Name a key after its place: the last telling part of the path, and of the field where the place holds several keys."""
    path = [part for part in find.ref.path.split("/") if part not in ("", ".")]
    field = find.ref.field.split("/")
    if find.ref.scheme == "dotenv":
        path, crowded = path[:-1], True
    parts = [*_telling(path)[-1:], *(_telling(field)[-1:] if crowded else [])] or path[-1:]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-._").lower()[:50] or "key"


def _telling(parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part and part.lower().replace("-", "_") not in _TAIL]


def _unique(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    taken.add(found)
    return found


def _account_name(keys: Sequence[_Key], account: str, mode: Mode) -> str:
    """`live` or `test`; with a number where several accounts have the same mode."""
    same = list(dict.fromkeys(key.account for key in keys if key.mode is mode))
    return mode.value if len(same) == 1 else f"{mode.value}-{same.index(account) + 1}"


def _key_lines(key: _Key, account: str) -> list[str]:
    head = _flow({"name": key.name, "account": account, "kind": key.kind.value})[1:-1].split(", ")
    lines = [f"  - {head[0]}", *(f"    {part}" for part in head[1:])]
    if key.kind is KeyKind.RESTRICTED:
        lines.append("    # permissions: [charge_read]  # what a replacement by API is minted with")
    lines.append("    stored_in:")
    for find in key.found_keys:
        kept = f"  # {_one_line('; '.join(find.keepers))}: would write its own value back" if find.keepers else ""
        lines.append(f"      - {_flow(str(find.ref))}{kept}")
    return lines


def _flow(data: object) -> str:
    text = yaml.safe_dump(data, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
