"""Adoption: rebuild an incident from stores and provider alone, when the machine that began it is lost with all its records.

Whatever an incident stages or keeps carries its id, and so do the names of the keys that it mints. This room only reads. What it
finds becomes the first facts of the new record; the plan is then taken from its start, where each step looks before it acts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ir.core.errors import PortError, Refused
from ir.core.model import KeyRow
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.facts import Adopted, AdoptedStore, Facts
from ir.ports import STAGED, Left, Store

NAMED = re.compile(r"INC-[0-9]{8}-[A-Za-z0-9]{1,16}")
"""An incident's id."""
_TRY = re.compile(r"new-([0-9]+)")


@dataclass
class _Seen:
    """One store: what the incident left there, the present value, and the reason why either is unknown."""

    store: Store
    left: Left = field(default_factory=Left)
    value: Secret | None = None
    trouble: str = ""

    @property
    def name(self) -> str:
        return str(self.store.ref)


def look(world: World) -> Facts:
    """The first facts of an adopted incident: `{adopted, old, mint, new?, opened_at?}`.

    Raises:
        Refused: nothing in the world carries the id, or what was found does not tell the leaked key or the replacement for certain.
        PortError: custody could not be asked.
    """
    seen, rows = world.both(
        lambda: world.each(list(world.ports.stores.values()), lambda store: _look_at(world, store)), lambda: _rows(world)
    )
    _refuse_nothing(world, seen, rows)
    tries = [int(hit.group(1)) for one in seen for role in one.left.roles if (hit := _TRY.fullmatch(role))]
    tries += [_number(world, row) for row in rows]
    old = _given_or_kept(world)
    new, row = _replacement(world, seen, rows, max(tries, default=0), old)
    found = old or _told_apart(world, seen, new)
    dead = new is not None and world.ports.issuer.probe(new).liveness.dead
    _refuse_strangers(world, seen, [found, new] if new else [found])
    n = _number(world, row) if row else max(tries, default=0)
    facts: Facts = {
        "adopted": _told(world, seen, rows, found, new, dead=dead),
        "old": {"fingerprint": found.fingerprint, "found_in_store": world.ports.custody.fetch("old") == found},
        "mint": {"n": max([n, *tries])},
    }
    if new is not None and not dead:
        facts["new"] = {"fingerprint": new.fingerprint, "n": max(n, 1), "id": row.id if row else ""}
    if facts["adopted"]["since"]:
        facts["opened_at"] = facts["adopted"]["since"]
    return facts


def holds(facts: Facts) -> set[str]:
    """Fingerprints of keys of an adopted incident's making, which stores may hold already."""
    made = {str(mark) for mark in facts.get("adopted", {}).get("dead", [])}
    return made | ({str(facts["new"]["fingerprint"])} if facts.get("new") else set())


# ── looking ──


def _look_at(world: World, store: Store) -> _Seen:
    seen = _Seen(store)
    if store.guided:
        return seen
    try:
        seen.value = store.read().value
        seen.left = store.left(world.incident)
    except PortError as error:
        seen.trouble = error.what
    return seen


def _rows(world: World) -> tuple[KeyRow, ...]:
    try:
        return world.ports.issuer.strays(world.incident)
    except PortError as error:
        raise Refused(
            f"which keys {world.incident} minted could not be looked up: {error.what}", safe="nothing was changed", next_step="try again"
        ) from None


def _refuse_nothing(world: World, seen: list[_Seen], rows: tuple[KeyRow, ...]) -> None:
    if rows or any(one.left.roles for one in seen):
        return
    looked = [f"{one.name} (a human's, cannot be looked at)" if one.store.guided else one.name for one in seen if not one.trouble]
    looked.append(
        "the keys that Stripe lists" if not world.ports.issuer.guided else "not the keys at Stripe: no API lists those of the Dashboard"
    )
    failed = "; ".join(f"{one.name} could not be looked at: {one.trouble}" for one in seen if one.trouble)
    raise Refused(
        f"nothing in the world carries {world.incident}. Looked at: {', '.join(looked)}{'. ' + failed if failed else ''}",
        safe="nothing was changed",
        next_step="look at the id again; if it never got as far as a store, start again without --adopt",
    )


# ── telling the keys apart ──


def _given_or_kept(world: World) -> Secret | None:
    kept = world.ports.custody.fetch("old")
    if world.keys.leaked is not None and kept is not None and kept != world.keys.leaked:
        raise Refused(
            f"{world.incident} is about another key: it keeps {kept.fingerprint}, you gave {world.keys.leaked.fingerprint}",
            safe="nothing was changed",
            next_step="look at the id again, or leave out --leaked-key-from",
        )
    return world.keys.leaked or kept


def _replacement(
    world: World, seen: list[_Seen], rows: tuple[KeyRow, ...], tries: int, old: Secret | None
) -> tuple[Secret | None, KeyRow | None]:
    """The newest key that the incident got, and its row where Stripe lists it."""
    for value in _candidates(world, seen, tries, old):
        row = world.ports.issuer.identify(value)
        return value, row if row is not None and _named(world, row) else None
    for value in {one.value for one in seen if one.value is not None and one.value != old}:
        row = world.ports.issuer.identify(value)
        if row is not None and _named(world, row):
            return value, row
    return _given_by_hand(world, seen, rows, old)


def _candidates(world: World, seen: list[_Seen], tries: int, old: Secret | None) -> Iterable[Secret]:
    """Keys in custody, then staged ones. Where the leaked key is unknown, a value that every store holds may be a proof of permission."""
    for n in range(tries, 0, -1):
        kept = world.ports.custody.fetch(f"new-{n}")
        if kept is not None and kept != old:
            yield kept
    for one in seen:
        staged = one.store.fetch(world.incident, STAGED) if STAGED in one.left.roles else None
        everywhere = old is None and all(other.value == staged for other in seen if other.value is not None)
        if staged is not None and staged != old and not everywhere:
            yield staged


def _given_by_hand(world: World, seen: list[_Seen], rows: tuple[KeyRow, ...], old: Secret | None) -> tuple[Secret | None, KeyRow | None]:
    """A value that nothing ties to the incident counts only if the operator has it, too."""
    unknown = {one.value for one in seen if one.value is not None and old is not None and one.value != old}
    unread = [one.name for one in seen if one.trouble or not one.store.promises.reads]
    if not unknown and not (rows and unread):
        return None, None
    given = world.ports.operator.new_key(f"The replacement that {world.incident} got, to be sure which key it is")
    row = world.ports.issuer.identify(given) if given is not None else None
    if given is not None and (given in unknown or (row is not None and _named(world, row))):
        return given, row
    if unknown:
        held = ", ".join(f"{one.name} holds {one.value.fingerprint}" for one in seen if one.value in unknown and one.value is not None)
        said = f"nothing ties to {world.incident} what a store holds now: {held}"
    else:
        said = (
            f"the value of {rows[0].name} ({rows[0].id}) is in no custody, and may be in use where it cannot be read: {', '.join(unread)}"
        )
    raise Refused(
        said, safe="nothing was changed", next_step="if you have the replacement, give it with --new-key-from; else expire it first"
    )


def _told_apart(world: World, seen: list[_Seen], new: Secret | None) -> Secret:
    values = {one.value for one in seen if one.value is not None and one.value != new}
    if len(values) == 1:
        return values.pop()
    lost = (
        f"the leaked key of {world.incident} is in no store and in no custody: an escrow was lost with the machine that held it"
        if not values
        else f"the stores disagree, and no custody tells which key {world.incident} is about"
    )
    raise Refused(lost, safe="nothing was changed", next_step="give the leaked key with --leaked-key-from prompt")


def _refuse_strangers(world: World, seen: list[_Seen], known: list[Secret]) -> None:
    strange = [f"{one.name} holds {one.value.fingerprint}" for one in seen if one.value is not None and one.value not in known]
    if strange:
        raise Refused(
            f"{'; '.join(strange)}: neither the leaked key nor a replacement of {world.incident}",
            safe="nothing was changed",
            next_step="finish or undo that change first",
        )


def _named(world: World, row: KeyRow) -> bool:
    return row.name.startswith(f"ir-{world.incident}-")


def _number(world: World, row: KeyRow) -> int:
    rest = row.name.removeprefix(f"ir-{world.incident}-")
    return int(rest) if rest.isdigit() else 0


# ── telling what was found ──


def _told(world: World, seen: list[_Seen], rows: tuple[KeyRow, ...], old: Secret, new: Secret | None, *, dead: bool) -> Adopted:
    words = {old: "the leaked key", **({new: "a replacement that is dead" if dead else "the replacement"} if new else {})}
    stores: dict[str, AdoptedStore] = {
        one.name: {"roles": list(one.left.roles), "holds": words[one.value] if one.value else "", "trouble": one.trouble} for one in seen
    }
    return {
        "at": world.now(),
        "owner": next((one.left.owner for one in seen if one.left.owner), ""),
        "since": min((one.left.since for one in seen if one.left.since), default=0.0),
        "stores": stores,
        "keys": {row.id: row.name for row in rows},
        "dead": [new.fingerprint] if new and dead else [],
    }
