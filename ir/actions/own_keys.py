"""Keys of this incident's own making (no action of its own): found at the provider by their name, told apart, expired."""

from collections.abc import Iterable, Sequence

from ir.core.errors import Missing, PortError, Waiting
from ir.core.model import Debt, Did, Json, KeyRow, Outcome
from ir.core.secret import Secret
from ir.incident import debts as debt_rules
from ir.incident.context import World
from ir.incident.facts import Facts, New, Old
from ir.incident.record import Incident
from ir.ports import Store, Target

_LIST_LOOKS = 30
"""Looks, a second apart, until a key that was expired by its id leaves the provider's list."""


def id_of(world: World, n: int, value: Secret) -> str:
    """The provider's id of our key of try `n`; empty when it cannot be told for certain.

    One call may have minted twice under one name, so a name alone does not tell which row is the key that we hold; and what a lost machine
    left may bear another number than is known.
    """
    if world.ports.issuer.guided:
        return ""
    rows = [row for row in world.ports.issuer.strays(world.incident) if row.name == f"ir-{world.incident}-{n}"]
    if len(rows) == 1:
        return rows[0].id
    row = world.ports.issuer.identify(value)
    return row.id if row else ""


def others(world: World, facts: Facts) -> tuple[KeyRow, ...]:
    """Live keys of our name that are not the replacement.

    Raises:
        PortError: the provider's list cannot be read.
    """
    new = facts.get("new", {})
    return tuple(row for row in world.ports.issuer.strays(world.incident) if not new.get("id") or row.id != new["id"])


def expire_others(world: World, facts: Facts) -> tuple[Json, tuple[Debt, ...]]:
    """Ask for the death of every key of our name except the replacement.

    Returns:
        `strays` as facts, `{id: "expired"}`: asked for, not yet seen dead; and debts for those that could not be asked for.
    """
    try:
        rows = others(world, facts)
    except PortError as error:
        return {}, (unlisted(world, error),)
    new = facts.get("new", {})
    unsure = {row.id for row in rows if new and not new.get("id") and row.name == f"ir-{world.incident}-{new.get('n')}"}
    asked, why_not = expire_each(world, facts, [row for row in rows if row.id not in unsure])
    why_not |= dict.fromkeys(unsure, "which of the keys of its name is the replacement cannot be told for certain")
    debts = (
        Debt("key-alive", one, f"an unanswered mint left it behind; {why}", f"ir resume {world.incident}") for one, why in why_not.items()
    )
    return dict.fromkeys(asked, "expired"), tuple(debts)


def expire_each(world: World, facts: Facts, rows: Sequence[KeyRow]) -> tuple[list[str], dict[str, str]]:
    """Ask for the death of keys of our name; the ids whose death was asked for, and of the others why it was not."""
    why_not = {key_id: f"{store} holds it" for key_id, (store, _value) in in_stores(world, facts, rows).items()}
    asked = list[str]()
    for row in [row for row in rows if row.id not in why_not]:
        try:
            world.ports.issuer.retire(Target(row.id, Secret(""), name=row.name))
            asked.append(row.id)
        except (PortError, Waiting) as error:
            why_not[row.id] = f"it could not be expired: {error.what}"
    return asked, why_not


def in_stores(world: World, facts: Facts, rows: Sequence[KeyRow]) -> dict[str, tuple[str, Secret]]:
    """Those of our keys that listed stores hold, as far as they can be read: id → store and value.

    The record may know less than the world: a database that fell back to an older copy has lost what was done last.
    """
    if not rows or world.ports.issuer.guided:
        return {}
    new, found = facts.get("new", {}).get("fingerprint"), dict[str, tuple[str, Secret]]()
    stores = list(world.ports.stores.values())
    for store, value in zip(stores, world.each(stores, _held), strict=True):
        row = world.ports.issuer.identify(value) if value is not None and value.fingerprint != new else None
        if row is not None and value is not None and row.id in {one.id for one in rows}:
            found[row.id] = str(store.ref), value
    return found


def taken_for_leaked(record: Incident, where: str, key_id: str) -> Outcome:
    """What is taken for the leaked key is one that this incident made: its record of that is lost, and services are on it."""
    said = (
        f"{where} holds {key_id}, which this incident made itself, so another key leaked; its record of that is lost. Nothing was expired"
    )
    todo = f"ir abort {record.id}, then: {debt_rules.again(record)} --leaked-key-from prompt, with the key that leaked"
    return Outcome(Did.WAITING, said, todo=todo)


def _held(store: Store) -> Secret | None:
    try:
        return None if store.guided else store.read().value
    except PortError:
        return None


def replaced(world: World, facts: Facts, error: Missing) -> Outcome:
    """Expire, by its id, a replacement whose value is in no store and no custody any more, so that the step `mint` runs again.

    Raises:
        Missing: no row of the provider's list is known to be its, so only a human can end it.
        PortError: it could not be expired.
    """
    new = facts["new"]
    if facts.get("promoted_at") or not (ids := expire_by_id(world, new)):
        raise error
    told = ", ".join(ids)
    said = f"the value of the replacement {told} is in no store and in no custody any more: expired by its id, another is minted"
    spoilt: Json = {"mint": {"spoilt": {str(new["n"]): "lost"}, "again": True}}
    return Outcome(Did.FAILED, said, {"strays": dict.fromkeys(ids, "expired"), **spoilt})


def expire_by_id(world: World, new: New) -> tuple[str, ...]:
    """Ask for the death of a replacement that no store and no service holds, by its id and the name that this incident gave it.

    Where its id is not known, one call may have minted twice under that name: neither is in use, so all of that name die. Returns their
    ids, empty where the provider lists none.
    """
    name = f"ir-{world.incident}-{new['n']}"
    ids = (new["id"],) if new.get("id") else tuple(row.id for row in world.ports.issuer.strays(world.incident) if row.name == name)
    for key_id in ids:
        world.ports.issuer.retire(Target(key_id, Secret(""), replacement=True, name=name))
    return ids


def still_listed(world: World, ids: Iterable[str], *, looks: int = _LIST_LOOKS) -> set[str]:
    """Which of them the provider still lists as living keys of ours, once all have gone or all looks are over; raises PortError."""
    left = set(ids)
    for look in range(looks if left else 0):
        if look:
            world.ports.clock.sleep(1.0)
        left &= {row.id for row in world.ports.issuer.strays(world.incident)}
        if not left:
            break
    return left


def shown_paid(record: Incident, rows: Iterable[KeyRow]) -> tuple[str, ...]:
    """Debts about keys of this incident's making that the provider's list, read just now, shows to be paid."""
    listed = {row.id for row in rows}
    earlier = {row["about"] for rows in record.facts.get("took_over", {}).values() for row in rows}  # not of our name, so not in that list
    with_debt = {debt.about for debt in record.debts.values() if debt.kind in debt_rules.KEYS and debt_rules.is_id(debt.about)}
    with_debt -= {*earlier, record.facts.get("old", {}).get("id", "")}
    return (f"strays of {record.id}", *sorted((with_debt | set(record.facts.get("strays", {}))) - listed))


def names(new: Old | New) -> tuple[str, ...]:
    """The subjects that a debt about one of our two keys can have."""
    return tuple(name for name in (new.get("id"), new.get("fingerprint")) if name)


def spare(world: World, facts: Facts, old: Secret | None = None) -> None:
    """Have a key watched that must not die while a person kills the other: the replacement, or on the way back the `old` one."""
    new = facts["new"]
    name = "" if new.get("rotated") else str(facts.get("mint", {}).get("name", ""))
    marks = {"created": float(new.get("created") or 0.0), "pasted": float(new.get("pasted") or 0.0)}
    world.ports.issuer.watch_also(world.new_key(facts) if old is None else old, **marks, name=name)


def unlisted(world: World, error: PortError) -> Debt:
    """The debt when the provider's list could not be read: a stray may live."""
    about = f"strays of {world.incident}"
    why = f"whether an unanswered mint left a key behind is not known: {error.what}"
    return Debt("key-unproven", about, why, f"ir resume {world.incident}")
