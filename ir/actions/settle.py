"""Settle: look at the keys of earlier incidents and end the debts that are paid by now; custody ends where no key of theirs lives."""

from dataclasses import replace
from functools import partial
from itertools import chain

from ir.actions import death, discard
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Item, Outcome
from ir.core.secret import Secret
from ir.incident import debts
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look at the keys; a debt that cannot be judged stays, and nothing is killed here."""
    paid: list[str] = []
    alive: list[Debt] = []
    ended: dict[str, list[Item]] = {}
    for earlier in record.facts.get("took_over", {}):
        keys = [debt for debt in map(record.debts.get, _abouts(record, earlier)) if debt is not None and debt.kind.startswith("key-")]
        proven = world.each(keys, partial(_is_dead, world, record, earlier))
        dead = [debt.about for debt, is_dead in zip(keys, proven, strict=True) if is_dead]
        ended[earlier] = discard.emptied(world, record, earlier) if len(dead) == len(keys) else []
        paid += dead
        alive += [_unused(record, earlier, debt) for debt in keys if debt.about not in dead]
    emptied = _emptied(ended)
    paid += [debt.about for debt in record.debts.values() if debt.kind == "custody" and debt.about in emptied]
    left = [about for earlier in record.facts.get("took_over", {}) for about in _abouts(record, earlier) if about not in paid]
    still = [about for about in left if about in record.debts]
    said = f"of what earlier incidents left to do, {len(paid)} done just now, {len(still)} still to do"
    return Outcome(Did.DONE, said, items=tuple(item for items in ended.values() for item in items), debts=tuple(alive), paid=tuple(paid))


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was paid."""
    return Outcome(Did.SKIPPED, "nothing was paid")


def _unused(record: Incident, earlier: str, debt: Debt) -> Debt:
    """The remedy for a key that lives on: all services are on this incident's key, which another rotation would take away."""
    if debt.todo != debts.again(record) or debts.webhook(record) or not record.facts.get("dead_at") or not record.facts.get("new"):
        return debt
    leaked = record.facts.get("earlier", {}).get(earlier, {}).get("old") == debt.about
    why = f"{'the leaked key' if leaked else 'a key'} of {earlier} lives ({debt.about}); no listed store or service is on it"
    return replace(debt, why=why, todo=debts.end_it(record) if leaked else "expire it in the Dashboard, if nothing uses it")


def _abouts(record: Incident, earlier: str) -> list[str]:
    return [str(row["about"]) for row in record.facts["took_over"][earlier]]


def _is_dead(world: World, record: Incident, earlier: str, debt: Debt) -> bool:
    if debt.about == world.key.name:
        return bool(record.facts.get("dead_at"))
    try:
        value = value_of(world, earlier, debt.about)
        if value is not None:
            return death.is_proven(world, record, value)
        return not world.ports.issuer.guided and _unlisted(world, earlier, debt.about)
    except PortError:
        return False


def _unlisted(world: World, earlier: str, about: str) -> bool:
    """A key that only its id tells is dead once Stripe lists none of that incident's under this id."""
    rows = world.ports.issuer.strays(earlier)
    if about == f"strays of {earlier}":
        return not rows
    return debts.is_id(about) and all(row.id != about for row in rows)


def value_of(world: World, earlier: str, fingerprint: str) -> Secret | None:
    """A key by its fingerprint, from the custody of the earlier incident."""
    kept = world.ports.custody.of(earlier)
    in_stores = (
        store.fetch(earlier, role) for store in world.ports.stores.values() if not store.guided for role in store.left(earlier).roles
    )
    in_escrow = (kept.fetch(role) for role in kept.escrowed())
    return next((found for found in chain(in_stores, in_escrow) if found is not None and found.fingerprint == fingerprint), None)


def _emptied(ended: dict[str, list[Item]]) -> set[str]:
    """Subjects of `custody` debts whose place is empty now. An escrow on another machine does not count."""
    items = [item for mine in ended.values() for item in mine]
    found = {item.name for item in items if item.did is Did.DONE} - {item.name for item in items if item.did is not Did.DONE}
    for earlier, mine in ended.items():
        stores = [item for item in mine if item.name != discard.ESCROW]
        if stores and all(item.did is not Did.FAILED for item in stores):
            found.add(debts.in_stores(earlier))
        if any(item.name == discard.ESCROW and item.did is Did.DONE for item in mine):
            found.add(debts.in_escrow(earlier))
    return found
