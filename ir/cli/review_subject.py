"""The subject of `ir review stripe`: the inventory, the account, the key under review, and the key that reads."""

from datetime import UTC, datetime
from pathlib import Path

from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal, read_key
from ir.cli.terminal.option_values import moment
from ir.cli.terminal.screen import Screen
from ir.core.caller_group import CallerGroup
from ir.core.errors import IrError, Refused, UsageError
from ir.core.secret import Secret
from ir.inventory import Account
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.runtime import adapter_registry
from ir.runtime.incident_spec import pick_key


def opened_inventory(file: str, names: list[str], account: str, screen: Screen) -> Opened | None:
    """The inventory. One that was not named is left out where it cannot tell which account is meant: a review needs none."""
    path = inventory_source.chosen(file, screen)
    opened = inventory_source.read(path) if path else None
    if opened is None or file or names:
        return opened
    try:
        account_of(opened, names, account)
    except UsageError:
        screen.note(f"{path} does not tell which account is meant, so the review goes without it; to use it, name a key or --account")
        return None
    return opened


def account_of(opened: Opened | None, names: list[str], account: str) -> tuple[Account | None, tuple[str, ...]]:
    """The account that is meant, and its own webhooks."""
    if opened is None:
        if names:
            raise UsageError(f"`{names[0]}` names a key of an inventory", next_step="--inventory FILE")
        return None, ()
    source = opened.source
    row = pick_key(source, names[0] if names else "") if names or len(source.keys) == 1 else None
    if names and row is None:
        raise UsageError(f"there is no key `{names[0]}`", next_step=f"one of {', '.join(key.name for key in source.keys)}")
    wanted = row.account if row else account
    found = [a for a in source.accounts if wanted in (a.name, a.id)] if wanted else list(source.accounts)
    if len(found) != 1:
        raise UsageError("which account?", next_step=f"name a key, or --account {' | '.join(a.name for a in source.accounts)}")
    if row and found[0].review_key is not None and found[0].review_key in row.stored_in:
        raise Refused("the review key is the leaked key itself", safe="nothing was read", next_step="name a read-only rk_ key of its own")
    return found[0], tuple(found[0].webhooks)


def leaked(consent: Consent | None, names: list[str], reader: Secret | None, operator: Terminal) -> str:
    """Fingerprint of the key under review as its stores tell it, "" where none does; looked up only to refuse it as a reader.

    A program without consent behind a store is left out.

    Raises:
        Refused: a store of that key holds the very key that is to read.
    """
    if reader is None or consent is None:
        return ""
    opened = consent.opened
    source, seen = opened.source, []
    row = pick_key(source, names[0] if names else "")
    refs = row.stored_in if row else []
    may_run = consent.may(reading(source, refs))
    for ref in refs if may_run else [ref for ref in refs if not reading(source, [ref])]:
        try:
            seen.append(adapter_registry.resolve(ref, source, operator, opened.base).fingerprint)
        except IrError:
            continue  # a store that cannot be read now refuses nothing; a review can do without its stores, too
    if reader.fingerprint in seen:
        raise Refused("the review key is the leaked key itself", safe="nothing was read", next_step="name a read-only rk_ key of its own")
    return seen[0] if seen else ""


def review_key(source: str, account: Account | None, consent: Consent | None, operator: Terminal) -> Secret | None:
    """Only a restricted key reads; without one the review lives on files."""
    found: Secret | None = None
    if source:
        found = read_key(source, "Read-only review key (rk_…)", operator.screen)
        if found is None:
            raise UsageError(f"no key came from {source}")
    elif consent and account is not None and account.review_key is not None:
        opened = consent.opened
        consent.ask(reading(opened.source, [account.review_key]), "--review-key-from prompt")
        found = adapter_registry.resolve(account.review_key, opened.source, operator, opened.base)
    if found is not None and not found.reveal().startswith(("rk_", "rkcs_")):
        raise Refused(
            "a review reads with a restricted key (rk_…) only",
            safe="nothing was sent",
            next_step="Dashboard > API keys > Create restricted key, with Read permissions",
        )
    return found


def sorted_words(words: list[str], egress: list[str], logs: list[str]) -> tuple[list[str], list[str], list[str]]:
    """A glob that the shell expanded: further files belong to the only option that was given."""
    files = [word for word in words if Path(word).is_file()]
    names = [word for word in words if word not in files]
    if files and bool(egress) == bool(logs):
        raise UsageError(f"`{files[0]}` is a file: is it one of --egress or of --logs?", next_step="put the globs in quotes")
    if len(names) > 1:
        raise UsageError(f"one key at a time, not {', '.join(names)}")
    return names, egress + (files if egress else []), logs + (files if logs else [])


def group(text: str) -> str:
    """`--ours`, checked. Raises UsageError."""
    try:
        return str(CallerGroup.parse(text))
    except ValueError as error:
        raise UsageError(f"--ours: {error}") from None


def end(until: str, watch: str = "") -> datetime:
    """Where the evidence ends; what is said of `--since` counts back from there."""
    now = datetime.now(UTC)
    if until and watch:
        raise UsageError("--until ends a review, --watch goes on with it", next_step="leave one of them out")
    return datetime.fromtimestamp(min(moment(until, now), now.timestamp()), UTC) if until else now
