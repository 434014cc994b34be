"""Close: a person's word ends what cannot be proven. A key that answers is proven alive, so no word ends that.

Keys of our own making that nothing holds are expired first. What answers then is still to do, unless the person keeps it by name and
reason. Nothing that a store or a service holds is touched. Of other debts one sentence ends one, by name; a critical leftover stays
until a look finds it gone.
"""

from dataclasses import asdict, dataclass, field, replace

from ir.actions import death, leave, own_keys, settle
from ir.actions.review import request
from ir.actions.sweep import looked_for
from ir.core.errors import Missing, PortError
from ir.core.model import Debt, Did, Json, KeyRow, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import debts as debt_rules
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Store


@dataclass
class _Held:
    """The values that stores hold now, by fingerprint, and the stores that do not tell."""

    by: dict[str, Secret] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Expire, look, and say what lives on."""
    held = _held(world, record)
    strays, asked, spared = _expired(world, record, held)
    leaked = _leaked(world, record, held)
    made = [] if leaked == [] and _settled_on(world, record, held) else _replacement(world, record, held, asked, spared)
    living = [*strays, *leaked, *made, *_others(world, record), *_left(world, record)]
    alive = {debt.about: debt for debt in living}
    keys = [debt for debt in alive.values() if debt.kind.startswith("key-")]
    kept = {about: reason for about, reason in _kept(record).items() if about in alive}
    accepted = {about: {"why": alive[about].why, "reason": reason, "by": _word(record)["by"]} for about, reason in kept.items()}
    left = tuple(debt for about, debt in alive.items() if about not in kept)
    ended = [asdict(debt) for about, debt in record.debts.items() if about not in alive]
    held_here = {*held.by, *(about for about in alive if debt_rules.is_id(about))}
    lost = any(debt.about not in held_here for debt in left if debt in keys)
    facts: Json = {"accepted": accepted, "attested": ended, "needs_custody": lost}
    said = _answering(keys)
    said += f"; expired first: {', '.join(asked)}" if asked else ""
    paid = tuple(about for about in record.debts if about not in alive or about in kept)
    return Outcome(Did.DONE, said, {"closed": facts, "strays": dict.fromkeys(asked, "expired")}, debts=left, paid=paid)


def _answering(keys: list[Debt]) -> str:
    """How many keys answer, and what was not told of others."""
    number = sum(key.kind != "key-unproven" for key in keys)
    said = f"{counted(number, 'key')} still {'answers' if number == 1 else 'answer'}" if number else "no key that is at hand answers"
    return "; ".join([said, *(key.why for key in keys if key.kind == "key-unproven")])


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was made, so nothing lives."""
    return Outcome(Did.SKIPPED, "nothing was made")


def _left(world: World, record: Incident) -> list[Debt]:
    """Debts that one sentence does not end: all but the named one, and critical leftovers, unless a look finds them gone."""
    critical = [debt for debt in record.debts.values() if debt_rules.critical(record, debt.about)]
    named, open_ones = str(_word(record).get("debt", "")), debt_rules.by_word(record)
    rest = [debt for debt in open_ones if debt.about != named] if len(open_ones) > 1 else []
    return list(dict.fromkeys([*_still_there(world, record, critical), *(debt for debt in rest if debt not in critical)]))


def _still_there(world: World, record: Incident, left: list[Debt]) -> list[Debt]:
    if not left:
        return []
    try:
        swept = world.ports.reviewer.sweep(request(world, record), world.hooks.say)
    except PortError:
        return left
    there = {str(row["id"]) for row in swept.rows}
    return [debt for debt in left if debt.about in there or not looked_for(debt, swept.looked)]


def _word(record: Incident) -> Json:
    """The person's word."""
    return next(signal for signal in reversed(record.signals) if signal["kind"] == "close")


def _kept(record: Incident) -> dict[str, str]:
    """Keys that a person keeps alive, now or by an earlier word: the subject of a debt → reason."""
    return {about: str(reason) for s in record.signals if s["kind"] == "close" for about, reason in s.get("accept_alive", {}).items()}


# ── who holds what ──


def _held(world: World, record: Incident) -> _Held:
    found = _Held()
    known = record.facts.get("stores", {})
    stores = [store for name, store in world.ports.stores.items() if not known.get(name, {}).get("left_out")]
    for store, value in zip(stores, world.each(stores, _read), strict=True):
        if value is None:
            found.silent.append(str(store.ref))
        else:
            found.by[value.fingerprint] = value
    return found


def _read(store: Store) -> Secret | None:
    try:
        return None if store.guided else store.read().value
    except PortError:
        return None


def _in_use(world: World, record: Incident, held: _Held) -> str:
    """The reason why a key of ours must not be expired: its holder, certain or possible; "" = none holds it."""
    facts = record.facts
    new = facts.get("new", {})
    if not new:
        strange = set(held.by) - {facts.get("old", {}).get("fingerprint", "")}
        return "a store holds a value that this incident does not know" if facts.get("adopted") and strange else ""
    if new["fingerprint"] in held.by:
        return "a store holds it"
    if not record.run_of("stage"):
        return ""  # no store was given it, so no service can have taken it up
    if held.silent:
        return f"whether {', '.join(held.silent)} holds it cannot be told"
    items = service_health.look_at(world, world.services, service_health.expected_new(facts))
    on = [item.name for item in items if item.did is Did.DONE and item.facts["proves"] in service_health.PROOFS]
    dark = [item.name for item in items if item.did is Did.UNKNOWN]
    return f"on it: {', '.join(on)}" if on else (f"whether it is used was not told by {', '.join(dark)}" if dark else "")


# ── keys of our own making ──


def _expired(world: World, record: Incident, held: _Held) -> tuple[list[Debt], tuple[str, ...], set[str]]:
    """Ask for the death of each that nothing holds.

    Returns:
        Debts for what the provider lists still; ids whose death was asked for; ids that live and were spared: something may hold them.
    """
    if world.ports.issuer.guided or not (record.facts.get("mint") or record.facts.get("adopted")):
        return [], (), set()
    try:
        rows = world.ports.issuer.strays(world.incident)
        in_use = _in_use(world, record, held) if rows else ""
        spared = [row for row in rows if in_use and _may_be_it(world, record, row)]
        asked, lives = own_keys.expire_each(world, record.facts, [row for row in rows if row not in spared])
        lives |= dict.fromkeys(own_keys.still_listed(world, asked), "it was expired, and Stripe lists it still")
    except PortError as error:
        return [own_keys.unlisted(world, error)], (), set()
    if "new" not in record.facts or len(spared) > 1:
        lives |= dict.fromkeys((row.id for row in spared), in_use)
    todo = "expire it in the Dashboard, if nothing uses it"
    debts = [Debt("key-alive", one, f"{one}, which this incident made, lives: {why}", todo) for one, why in lives.items()]
    return debts, tuple(asked), {row.id for row in spared}


def _may_be_it(world: World, record: Incident, row: KeyRow) -> bool:
    """Whether a row of our name may be the key that is in use."""
    new = record.facts.get("new", {})
    return row.id == new["id"] if new.get("id") else not new or row.name == f"ir-{world.incident}-{new['n']}"


def _settled_on(world: World, record: Incident, held: _Held, *, services: bool = False) -> bool:
    """Whether every store that can be read holds the replacement, and every listed service was seen on it (`services`).

    A step that was cut short may have moved more services than its record tells.
    """
    mark = record.facts.get("new", {}).get("fingerprint", "")
    if set(held.by) != {mark} or not services:
        return set(held.by) == {mark}
    seen = record.facts.get("services", {})
    names = {service.name for service in world.services}
    return all(seen.get(name, {}).get("after") == mark for name in names) or names <= set(leave.on_the_replacement(world, record))


def _replacement(world: World, record: Incident, held: _Held, asked: tuple[str, ...], spared: set[str]) -> list[Debt]:
    """The place of the replacement's value, unless all services are on it: then it is simply the key that is in use."""
    new = record.facts.get("new", {})
    if not new or new.get("id") in asked or _settled_on(world, record, held, services=True):
        return []
    try:
        value = world.held_new(new)
    except PortError:
        value = None
    if new.get("id") not in spared and (value is None or not death.liveness(world, value).answers):
        return []
    name = new.get("id") or new["fingerprint"]
    todo = debt_rules.again(record) if new["fingerprint"] in held.by else "expire it in the Dashboard, if nothing uses it"
    return [Debt("key-alive", new["fingerprint"], f"the replacement {name} answers", todo)]


# ── other keys ──


def _leaked(world: World, record: Incident, held: _Held) -> list[Debt]:
    """The leaked key, if it answers; for an incident that never looked at it, the key that the stores hold."""
    old, again = record.facts.get("old", {}), debt_rules.again(record)
    if old.get("fingerprint"):
        name = old.get("id") or old["fingerprint"]
        try:
            value: Secret | None = world.old_key(record.facts)
        except Missing:
            value = None
        except PortError as error:
            return _not_told(record, old["fingerprint"], f"whether the leaked key {name} answers was not told: {error.what}", again)
        found = [value] if value is not None and death.liveness(world, value).answers else []
        unused = not debt_rules.webhook(record) and _settled_on(world, record, held, services=True)
        todo = debt_rules.end_it(record) if unused else again
        return [Debt("key-alive", old["fingerprint"], f"the leaked key {name} answers", todo) for _ in found]
    values = [world.keys.leaked] if world.keys.leaked is not None else list(held.by.values())
    if any(death.liveness(world, value).answers for value in values):
        return [Debt("key-alive", world.key.name, "the leaked key answers", again)]
    return []


def _not_told(record: Incident, about: str, why: str, todo: str) -> list[Debt]:
    """A key whose value lies in a place that gives no answer now: a person's word ends it only by its name."""
    return [] if _word(record).get("debt") == about else [Debt("key-unproven", about, why, todo)]


def _others(world: World, record: Incident) -> list[Debt]:
    """Other keys that are named as debts, as far as they can be looked at: by what custody holds, or by Stripe's list."""
    facts = record.facts
    ours = {world.key.name, *own_keys.names(facts.get("old", {})), *own_keys.names(facts.get("new", {}))}
    named = [debt for debt in record.debts.values() if debt.kind in debt_rules.KEYS and debt.about not in ours]
    return [replace(debt, kind="key-alive") for debt in named if _lives(world, record, debt.about)]


def _lives(world: World, record: Incident, about: str) -> bool:
    earlier = next((name for name, rows in record.facts.get("took_over", {}).items() if about in [row["about"] for row in rows]), "")
    try:
        if earlier and debt_rules.is_id(about):
            return any(row.id == about for row in world.ports.issuer.strays(earlier))
        value = settle.value_of(world, earlier, about) if earlier else None
        if value is None and world.ports.custody.possible:
            value = world.ports.custody.fetch(f"seen-{about}")
    except PortError:
        return False
    return value is not None and death.liveness(world, value).answers
