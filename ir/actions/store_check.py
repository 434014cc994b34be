"""The first look at a store (no action of its own): its content, our right to write, and unfinished work of others."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

from ir.actions import owned, unread
from ir.core.durations import spoken
from ir.core.errors import Denied, Missing, PortError, Unknown
from ir.core.model import Did, Item, Json
from ir.incident.context import World
from ir.incident.facts import Facts, StoreFacts
from ir.ports import Held, Pending, Permission, Store

T = TypeVar("T")
_Others = tuple[Pending | None, tuple[str, ...]]
"""A stranger's stage, and incidents without a record here that keep something there."""


def whose(pending: Pending, now: float) -> str:
    """An unfinished rotation in words: owner, time, version."""
    age = f", {spoken(max(now - pending.since, 0.0))} old" if pending.since else ", of unknown age"
    return f"an unfinished rotation of {pending.owner}{age} (version {pending.version or 'unknown'})"


def another_value(known: StoreFacts) -> str:
    """The error for a store that does not hold the replacement, by what is recorded of it."""
    return "no longer holds the replacement: somebody put another value there" if known.get("after") else "it was not written"


def look(world: World, store: Store, known: Facts) -> tuple[Item, Held | None]:
    """Look at the store's content, our right to write, and the owner of an unfinished rotation.

    No hindrance are stages that the operator was shown and gave up, and those of an incident whose debts this one took over.
    What an incident keeps that no record here tells of is one: a lost machine may have put its replacement in place already, and then
    the key that leaked is none of those that the stores hold.
    """
    name = str(store.ref)
    if store.guided:
        return Item(name, Did.SKIPPED, "a human sets it; what it holds cannot be read", {"guided": True}), None
    held, (asked, owners) = world.both(
        lambda: _tried_twice(store.read),
        lambda: world.both(lambda: _tried_twice(lambda: _may_be_written(world, store)), lambda: tried(lambda: world.lookups.owners(store))),
    )
    if isinstance(held, PortError):
        return _store_trouble(world, name, None, held), None
    if isinstance(asked, PortError):
        return _store_trouble(world, name, held, asked), held
    item = unread.looked(world, store, asked[1], held.version) if unread.concerns(store) else _judged(world, name, known, held, asked)
    return owned.judged(world, store, item, owners), held


def _judged(world: World, name: str, known: Facts, held: Held, asked: tuple[_Others, Permission]) -> Item:
    (pending, unknown), permission = asked
    facts: Json = {
        "guided": False,
        "permission": permission.said,
        "permission_proven": permission.proven,
        "siblings": list(held.siblings),
        "before": {"version": held.version, "fingerprint": held.value.fingerprint if held.value else ""},
    }
    if pending is not None:
        facts["pending"] = asdict(pending)
        mine = bool(pending.incident) and world.hooks.over(pending.incident)
        facts |= {"leftover": pending.incident} if mine else {}
        given_up = known.get("pending", {}).get(name) == facts["pending"]
        if not given_up and not mine and pending.incident not in known.get("took_over", {}):
            return Item(name, Did.REFUSED, f"{whose(pending, world.now())} is there", facts)
    if unknown:
        facts["unknown"] = list(unknown)
        if not world.options.discard_pending:
            said = f"{', '.join(unknown)} keeps keys there and is not on record here: it was begun on another machine, and may not be over"
            return Item(name, Did.REFUSED, said, facts)
    if held.value is None:
        return Item(name, Did.FAILED, "the field is empty", facts)
    said = permission.said if permission.proven else f"write permission not proven: {permission.said}"
    said += f"; what {facts['leftover']} left there is cleared at the end" if facts.get("leftover") else ""
    if held.blanks:
        said += "; white space stands around the key there (a line end?): the new one is written without"
    return Item(name, Did.DONE, said, facts)


def _may_be_written(world: World, store: Store) -> tuple[_Others, Permission]:
    def others() -> _Others:
        pending, there = world.both(lambda: store.pending(world.incident), store.incidents)
        return pending, tuple(one for one in there if one != world.incident and not world.hooks.knows(one))

    return world.both(others, lambda: store.check_write(world.incident))


def tried(call: Callable[[], T]) -> T | PortError:
    """The result, or the reason why there is none."""
    try:
        return call()
    except PortError as error:
        return error


def _tried_twice(call: Callable[[], T]) -> T | PortError:
    """As `tried`, with one more try after no answer: a dropped connection must not refuse a rotation, and a look changes nothing."""
    found = tried(call)
    return tried(call) if isinstance(found, Unknown) else found


def _store_trouble(world: World, name: str, held: Held | None, error: PortError) -> Item:
    reason = world.options.accept_unreachable.get(name)
    facts: Json = {"guided": False, "accepted": reason or ""}
    if held is not None:
        facts["before"] = {"version": held.version, "fingerprint": held.value.fingerprint if held.value else ""}
    if reason:
        return Item(name, Did.SKIPPED, f"left out ({reason}): {error.what}", {**facts, "left_out": True})
    if isinstance(error, Denied):
        return Item(name, Did.REFUSED, f"permission is missing: {error.what}", facts)
    if isinstance(error, Missing):
        return Item(name, Did.FAILED, f"not there: {error.what}", facts)
    return Item(name, Did.UNKNOWN, f"cannot be reached: {error.what}", facts)
