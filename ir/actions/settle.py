"""Settle: which debts of earlier incidents are paid by now? Looks at their keys; where none of those lives, their custody ends."""

from ir.errors import PortError
from ir.incident import Incident
from ir.model import Debt, Did, Item, Outcome
from ir.plan import Step
from ir.ports import Store
from ir.secret import Secret
from ir.world import World


def run(world: World, record: Incident, step: Step) -> Outcome:
    """What cannot be told stays owed; nothing is killed here."""
    paid: list[str] = []
    items: list[Item] = []
    for earlier in record.facts.get("took_over", {}):
        owed = [debt for debt in map(record.debts.get, _abouts(record, earlier)) if debt is not None]
        dead = [debt.about for debt in owed if debt.kind.startswith("key-") and _is_dead(world, record, earlier, debt)]
        alive = [debt for debt in owed if debt.kind.startswith("key-") and debt.about not in dead]
        items += [] if alive else _end_custody(world, record, earlier)
        paid += dead
    gone = {item.name for item in items if item.did is Did.DONE} - {item.name for item in items if item.did is not Did.DONE}
    paid += [debt.about for debt in record.debts.values() if debt.kind == "custody" and debt.about in gone]
    left = [about for earlier in record.facts.get("took_over", {}) for about in _abouts(record, earlier) if about not in paid]
    still = [about for about in left if about in record.debts]
    said = f"of what earlier incidents owed, {len(paid)} debts are paid just now and {len(still)} are left"
    return Outcome(Did.DONE, said, items=tuple(items), paid=tuple(paid))


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was paid."""
    return Outcome(Did.SKIPPED, "nothing was paid")


def _abouts(record: Incident, earlier: str) -> list[str]:
    return [str(row["about"]) for row in record.facts["took_over"][earlier]]


def _is_dead(world: World, record: Incident, earlier: str, debt: Debt) -> bool:
    if debt.about == world.key.name:
        return bool(record.facts.get("dead_at"))
    try:
        value = _value(world, earlier, debt.about)
        if value is not None:
            return world.issuer.probe(value).liveness.dead
        return not world.issuer.guided and _unlisted(world, earlier, debt.about)
    except PortError:
        return False


def _unlisted(world: World, earlier: str, about: str) -> bool:
    """A key that only its id tells is dead once Stripe lists none of that incident's under this id."""
    rows = world.issuer.strays(earlier)
    if about == f"strays of {earlier}":
        return not rows
    return about.startswith("mk_") and all(row.id != about for row in rows)


def _value(world: World, earlier: str, fingerprint: str) -> Secret | None:
    """A key by its fingerprint, from what the earlier incident still keeps."""
    for store in _stores(world, {}):
        for role in store.left(earlier).roles:
            found = store.fetch(earlier, role)
            if found is not None and found.fingerprint == fingerprint:
                return found
    return None


def _stores(world: World, facts: dict[str, dict[str, bool]]) -> list[Store]:
    return [s for name, s in world.stores.items() if not s.guided and not facts.get(name, {}).get("left_out")]


def _end_custody(world: World, record: Incident, earlier: str) -> list[Item]:
    return world.each(_stores(world, record.facts.get("stores", {})), lambda store: _discard(store, earlier))


def _discard(store: Store, earlier: str) -> Item:
    try:
        store.discard(earlier)
    except PortError as error:
        return Item(str(store.ref), Did.FAILED, error.what)
    return Item(str(store.ref), Did.DONE, "")
