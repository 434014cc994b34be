"""Read what the operator typed: policies, times, exceptions, and the row of the inventory that is meant."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.inventory_source import Opened
from ir.cli.terminal.operator import Terminal
from ir.core import concurrency, durations, key_kind
from ir.core.errors import IrError, UsageError
from ir.core.model import Policy
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.inventory import Inventory, Key
from ir.inventory.consent import reading
from ir.runtime import adapter_registry
from ir.runtime.incident_spec import pick_key

WEEK = 7 * 86400.0
"""Stripe's longest delayed expiration (docs/stripe-facts.md, 1)."""


def choose_policy(policy: str, operator: Terminal, propose: Callable[[], str] = lambda: "") -> str:
    """A policy's name; `auto` asks, with no default but what `propose` returns."""
    names = tuple(p.value for p in Policy)
    if policy in names:
        return policy
    if policy != "auto":
        raise UsageError(f"--policy {policy}: not known", next_step=f"one of auto, {', '.join(names)}")
    if not operator.interactive:
        raise UsageError(
            "without a terminal the policy must be said", next_step="--policy exposed (no misuse known), or --policy exploited"
        )
    proposed = propose()
    operator.tell("exposed: it is out, no misuse known; both keys live until every service moved, then the old one dies.")
    operator.tell("exploited: it is being misused; it is taken away first, and an outage is accepted.")
    return operator.choose("Which policy?", names, proposed=proposed)


def duration(flag: str, text: str) -> float:
    """Seconds. Raises UsageError."""
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from None


def moment(text: str, now: datetime) -> float:
    """Epoch seconds from ISO 8601 (UTC when it names no zone), or from a duration such as `2h`.

    Raises:
        UsageError: neither.
    """
    try:
        return now.timestamp() - durations.seconds(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text[:40]}` is not a valid time", next_step="write 2026-11-23T03:00Z, or 2h") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not 2000 <= found.year < 2100:
        raise UsageError(f"`{text[:40]}` is not a time of this century")
    return found.timestamp()


def exposed_time(text: str) -> float:
    """When the key got out; 0 = not known. Never in the future."""
    return past("--exposed-at", text) if text else 0.0


def past(flag: str, text: str) -> float:
    """A time that is not in the future, epoch seconds. Raises UsageError."""
    now = datetime.now(UTC)
    found = moment(text, now)
    if found > now.timestamp() + 60:
        raise UsageError(f"{flag} {text} is in the future")
    return found


def expires_time(text: str) -> float:
    """When Stripe kills the old key on the Dashboard's Rotate path; 0 = never (the create path)."""
    if text in ("", "never"):
        return 0.0
    now = datetime.now(UTC)
    try:
        found = now.timestamp() + durations.seconds(text)
    except ValueError:
        found = moment(text, now)
    if not now.timestamp() < found <= now.timestamp() + WEEK + 60:
        raise UsageError(
            f"--old-key-expires {text}: it must be between now and 7 days from now", next_step="a time, a duration such as 1h, or never"
        )
    return found


def places(source: Inventory) -> tuple[set[str], set[str]]:
    """Every place where the inventory keeps a key, and the objects, whose other fields can be named, too."""
    refs = [ref for key in source.held for ref in key.stored_in]
    return {str(ref) for ref in refs}, {ref.object for ref in refs}


def accepted(flag: str, rows: Sequence[str] | None, known: set[str], objects: Collection[str] = ()) -> dict[str, str]:
    """`NAME=REASON` pairs; `objects`: whose fields are known, too.

    Raises:
        UsageError: no reason, or a name that the inventory does not list.
    """
    found = {}
    for row in rows or ():
        name, _, reason = row.rpartition("=")
        if not name or not reason.strip():
            raise UsageError(f"{flag} {row}: write NAME=REASON")
        if name not in known and name.partition("#")[0] not in objects:
            raise UsageError(f"{flag}: `{name}` is not listed", next_step=f"one of {', '.join(sorted(known)) or 'nothing'}")
        found[name] = reason.strip()
    return found


def identify_row(consent: Consent, name: str, leaked: Secret | None, operator: Terminal) -> Key:
    """The key that is meant: by name, as the only one, or by fingerprint of the leaked key against the stores.

    Raises:
        UsageError: no such name, or none was named and there are several.
    """
    opened, source = consent.opened, consent.opened.source
    if name or leaked is None:
        found = pick_key(source, name)
        if found is None:
            names = ", ".join(key.name for key in source.keys)
            raise UsageError(
                f"there is no key `{name}`" if name else "which key?", next_step=f"one of {names}; or --leaked-key-from prompt"
            )
        return found
    if len(source.keys) == 1 and not any(ref.promises.reads for ref in source.keys[0].stored_in):
        return source.keys[0]  # none of its places can be read (or there is no inventory file): there is nothing to match it against
    refs = [ref for key in source.keys for ref in key.stored_in]
    holders = [key for key in source.keys if leaked in _held(opened, _plain(opened.source, key.stored_in), operator)]
    unread = [] if holders else _behind_programs(source, refs)
    if unread and consent.may(reading(source, unread)):
        holders, unread = [key for key in source.keys if leaked in _held(opened, _behind_programs(source, key.stored_in), operator)], []
    if holders:
        return holders[0]  # several: the others are found again by their fingerprint, and named
    kind = key_kind.kind_of(leaked)
    said = "is in none of the listed stores"
    said += f" (no person agreed to run what reads {', '.join(map(str, unread))})" if unread else ""
    raise UsageError(
        f"the leaked key {said}; {kind.credential.instruction}", next_step="name the row of the inventory, or go without --inventory"
    )


def held_in_stores(opened: Opened, key: Key, operator: Terminal) -> Secret | None:
    """The key itself, by what can be read without a program; None when nothing gives it, or its stores disagree."""
    found = _held(opened, _plain(opened.source, key.stored_in), operator)
    return found.pop() if len(found) == 1 else None


def stored_key(consent: Consent, key: Key, operator: Terminal) -> Secret | None:
    """Refused: only a program could tell, and it lacks consent.

    Raises:
        Refused: only a program could tell, and it lacks consent.
    """
    opened = consent.opened
    found = _held(opened, _plain(opened.source, key.stored_in), operator)
    programs = _behind_programs(opened.source, key.stored_in)
    if not found and programs:
        consent.ask(reading(opened.source, programs), "--leaked-key-from prompt, which needs no store")
        found = _held(opened, programs, operator)
    return found.pop() if len(found) == 1 else None


def _plain(source: Inventory, refs: Sequence[Reference]) -> list[Reference]:
    return [ref for ref in refs if ref.promises.reads and not reading(source, [ref])]


def _behind_programs(source: Inventory, refs: Sequence[Reference]) -> list[Reference]:
    """Places that need consent to read: a program runs, or a host is told a token."""
    return [ref for ref in refs if ref.promises.reads and reading(source, [ref])]


def _held(opened: Opened, refs: Sequence[Reference], operator: Terminal) -> set[Secret]:
    """The values that places hold; what cannot be read tells nothing."""

    def look(ref: Reference) -> Secret | None:
        try:
            return adapter_registry.store(ref, opened.source, operator, opened.base).read().value
        except IrError:
            return None

    return {value for value in concurrency.each(refs, look) if value is not None}
