"""Read what the operator typed: policies, times, exceptions, and the row of the inventory that is meant."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from ir.cli.terminal.operator import Terminal
from ir.core import durations
from ir.core.errors import UsageError
from ir.core.model import Policy
from ir.inventory import Inventory

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


def dies_by_itself(text: str) -> float:
    """When the replacement expires at Stripe; 0 = never. A day at least: nothing of ours rotates it before."""
    if text in ("", "never"):
        return 0.0
    found, now = _to_come(text)
    if found < now + 86400:
        raise UsageError(f"--new-key-expires {text}: a day from now at least", next_step="a duration such as 90d, a time, or never")
    return found


def expires_time(text: str) -> float:
    """When Stripe kills the old key on the Dashboard's Rotate path; 0 = never (the create path)."""
    if text in ("", "never"):
        return 0.0
    found, now = _to_come(text)
    if not now < found <= now + WEEK + 60:
        raise UsageError(
            f"--old-key-expires {text}: it must be between now and 7 days from now", next_step="a time, a duration such as 1h, or never"
        )
    return found


def _to_come(text: str) -> tuple[float, float]:
    """A duration from now, or a time; and now, both in epoch seconds. Raises UsageError."""
    now = datetime.now(UTC)
    try:
        return now.timestamp() + durations.seconds(text), now.timestamp()
    except ValueError:
        return moment(text, now), now.timestamp()


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
