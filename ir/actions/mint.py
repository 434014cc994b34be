"""Mint: get exactly one replacement key, and have it in custody before anything else happens.

The order of the answer to "was it minted?": this incident's own rotation made it · custody says yes · an earlier rotation of the key made
one that waits · the provider lists a key of our name that custody does not have (its value is lost: it is expired, and the next try mints
under the next name) · none of these: mint. The process that began the incident and tries for the first time need not ask the provider.
`prove` sees to it that expired strays are gone.
"""

from dataclasses import replace

from ir.actions import new_list, own_keys, replacement, successor
from ir.core.errors import PortError, Unknown, Waiting
from ir.core.model import Did, Json, KeyRow, Outcome
from ir.core.secret import Secret
from ir.incident import debts as debt_rules
from ir.incident import leak_source
from ir.incident.context import World
from ir.incident.facts import New
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Target


def prepare(world: World, record: Incident, step: Step) -> Json:
    """The facts that must be fixed before the call; a key that a rotation made has them already."""
    new = record.facts.get("new", {})
    if new.get("rotated") and str(new["n"]) not in record.facts["mint"].get("spoilt", {}):
        return {}
    return successor.fixed(world, record)


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look in custody and at the provider, then mint."""
    if world.options.no_replacement:
        return Outcome(Did.SKIPPED, "no replacement was asked for")
    new, mint = record.facts.get("new", {}), record.facts["mint"]
    if new.get("rotated") and str(new["n"]) not in mint.get("spoilt", {}):
        return _rotated(world, record, new)
    found, listed = world.both(
        lambda: replacement.at_hand(world, record), lambda: () if replacement.first(world, record) else replacement.listed(world)
    )
    if found is not None and not replacement.listed_still(world, record, found[0], listed):
        said = "custody holds a key that the provider lists no more: it was expired, or is about to die; minting again under another name"
        return Outcome(Did.UNKNOWN, said, {"mint": {"spoilt": {str(found[0]): "expired"}}})
    if found is not None and world.ports.issuer.guided and world.ports.issuer.probe(found[1]).liveness.dead:
        return _died(world, *found)
    if found is not None:
        return _done(world, record, found[0], found[1], "found in custody, nothing was minted again")
    if isinstance(listed, PortError):
        raise listed
    strays = [row for row in listed if row.id not in record.facts.get("strays", {})]
    if strays:
        held = own_keys.in_stores(world, record.facts, strays)
        return _in_use(world, record, strays, held) if held else _strays_expired(world, strays)
    source = leak_source.open_source(world.options, record)
    if source and world.ports.custody.possible and not world.ports.custody.takes_new:
        said = f"a new key could be kept nowhere but at {source}, where the old one leaked: it is made once that is closed"
        return Outcome(Did.WAITING, said, todo=leak_source.todo(world.incident, source))
    waiting = successor.waiting(world, record)
    return _taken_up(world, record, *waiting) if waiting is not None else _minted(world, record)


def _rotated(world: World, record: Incident, new: New) -> Outcome:
    value = replacement.rotated(world, record)
    if value is not None:
        return _done(world, record, int(new["n"]), value, "the rotation that contained the old key made the replacement; no other is made")
    debt = successor.unvalued(world, lost=True)
    facts: Json = {"rotation": {"value": "lost"}, "mint": {"spoilt": {str(new["n"]): "lost"}}, "new": {"rotated": False}}
    return Outcome(Did.UNKNOWN, f"{debt.why}; another key is asked for", facts, debts=(debt,), paid=(new["fingerprint"],))


def _died(world: World, n: int, value: Secret) -> Outcome:
    """A person killed the new key's row instead of the old one's: another key is asked for, and the death of that one is to be proven."""
    facts, debts = replacement.not_taken(world, value, "it died before it was in use")
    spoilt: Json = {"mint": {"spoilt": {str(n): "dead"}}}
    return Outcome(Did.UNKNOWN, "the key in custody is dead already; another is asked for", {**spoilt, "seen": facts}, debts=debts)


def _in_use(world: World, record: Incident, rows: list[KeyRow], held: dict[str, tuple[str, Secret]]) -> Outcome:
    """The newest key of our making that a store holds is the replacement, though the record does not know of it any more."""
    row = next(row for row in rows if row.id in held)
    store, value = held[row.id]
    tried = row.name.rpartition("-")[2]
    n = int(tried) if tried.isdecimal() else int(record.facts["mint"]["n"])
    if value.fingerprint == record.facts["old"]["fingerprint"]:
        return replace(own_keys.taken_for_leaked(record, store, row.id), did=Did.FAILED)
    facts: Json = {"new": {"id": row.id, "custody": successor.keep(world, n, value)}}
    said = f"{store} holds {row.id}, which an earlier call did mint, and which the record does not know any more; nothing was minted again"
    return _done(world, record, n, value, said, facts)


def _strays_expired(world: World, strays: list[KeyRow]) -> Outcome:
    """Expire strays. Custody may have been read before their value was kept, so an expired key is not taken from it later."""
    for row in strays:
        world.ports.issuer.retire(Target(row.id, Secret(""), name=row.name))
    ids = ", ".join(row.id for row in strays)
    said = f"an earlier call did mint {ids}, but its value was lost with the answer: expired, minting again"
    spoilt = {row.name.rpartition("-")[2]: "expired" for row in strays}
    return Outcome(Did.UNKNOWN, said, {"strays": {row.id: "expired" for row in strays}, "mint": {"spoilt": spoilt}})


def _taken_up(world: World, record: Incident, earlier: str, value: Secret) -> Outcome:
    """The key that an earlier incident's rotation made, kept under this incident's name from now on."""
    n = int(record.facts["mint"]["n"])
    facts = {"new": {"custody": successor.keep(world, n, value), "kind": record.facts["old"]["kind"], "rotated": True, "made_by": earlier}}
    done = _done(world, record, n, value, f"the rotation of {earlier} made the replacement, which waited; no other is made", facts)
    return replace(done, paid=(value.fingerprint,))


def _minted(world: World, record: Incident) -> Outcome:
    n = int(record.facts["mint"]["n"])
    if (unwanted := new_list.refused(world, record)) is not None:
        return unwanted
    order = successor.order(world, record, record.facts["mint"], kept=world.ports.custody.takes_new)
    try:
        minted = world.ports.issuer.mint(order, lambda secret: successor.taken(world, record, n, secret))
    except Waiting as error:
        seen, debts = replacement.seen(world, record)
        return Outcome(Did.WAITING, error.told, {"seen": seen}, debts=debts, todo=error.next_step)
    except Unknown:
        raise
    except PortError as error:
        return _not_minted(world, record, error)
    facts = successor.given(world, minted, n, rotated=order.rotated)
    facts |= {"rotation": {"value": "taken"}} if order.rotated else {}
    differs = "".join(f"; {said}" for said in (new_list.difference(world, record), new_list.expiry(world)) if said)
    done = _done(world, record, n, minted.value, f"a replacement was made and kept{differs}", facts)
    seen, debts = replacement.seen(world, record)
    paid = (minted.value.fingerprint, *([debt_rules.rotation_of(world.incident)] if order.rotated else []))
    return replace(done, facts={**done.facts, "seen": seen}, debts=debts, paid=paid)


def _not_minted(world: World, record: Incident, error: PortError) -> Outcome:
    """The mint failed, perhaps after the key was made (it could not be kept): expire what was made before the failure counts."""
    asked, debts = own_keys.expire_others(world, record.facts)
    did = Did.UNKNOWN if debts else Did.FAILED
    spoilt = {str(tried): "expired" for tried in range(1, int(record.facts["mint"]["n"]) + 1)} if asked else {}
    return Outcome(did, error.what, {"strays": asked, "mint": {"spoilt": spoilt}}, debts=debts, todo=error.next_step)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say what would be called."""
    if world.options.no_replacement:
        return Outcome(Did.SKIPPED, "no replacement was asked for")
    if record.facts.get("rotation"):
        return Outcome(Did.SKIPPED, "would use the key that the rotation made; no other is made")
    how = "guide you through the Dashboard and take the new key" if world.ports.issuer.guided else "mint a key through Stripe's API"
    name = prepare(world, record, step)["mint"]["name"]
    differs = "".join(f"; {said}" for said in (new_list.difference(world, record), new_list.expiry(world)) if said)
    return Outcome(Did.SKIPPED, f"would {how}, under the name {name}{differs}")


def _done(world: World, record: Incident, n: int, value: Secret, said: str, facts: Json | None = None) -> Outcome:
    world.keys.replacement = value
    new = {"n": n, "fingerprint": value.fingerprint, **(facts or {}).get("new", {})}
    if not new.get("id") and not world.ports.issuer.guided:
        new["id"] = own_keys.id_of(world, n, value)
    return Outcome(Did.DONE, said, {**(facts or {}), "new": new, "minted_at": world.now()})
