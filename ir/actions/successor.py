"""The value that replaces the leaked key (no action of its own): its order, its custody, and the value of a guided rotation.

A guided rotation with expiration *Now* is the mint (decision 20): its value is asked for at once and kept before anything else. Where a
rotation makes nothing but that value, as with `ir contain`, it waits in custody, and the next rotation of the key takes it up.
"""

import uuid
from dataclasses import replace

from ir.actions import new_list
from ir.core.errors import PortError, Waiting
from ir.core.model import Debt, Json, KeyKind
from ir.core.secret import Secret
from ir.incident import debts as debt_rules
from ir.incident import irreversible
from ir.incident.context import World
from ir.incident.facts import Mint
from ir.incident.record import Incident
from ir.incident.reversibility import Way, way
from ir.ports import Containment, Minted, MintOrder, Rotation

CUSTODY_WITHIN = 10.0
"""Seconds in which custody has to answer before a person is told to click: the red button waits for no store."""
_MOST_TRIES = 4
EXPIRED, NOT_YET = "expired", "not yet"


def way_of(world: World, record: Incident) -> Way:
    """The way of containment in this incident, as it is now."""
    return way(world.account, replaces=not world.options.no_replacement, made="new" in record.facts)


def fixed(world: World, record: Incident) -> Json:
    """The facts fixed before a replacement is asked for: the try's number, the key's unique name, the idempotency key."""
    mint = record.facts.get("mint", {})
    tried = int(mint.get("n", 0))
    new_name = not world.ports.issuer.guided or str(tried) in mint.get("spoilt", {})
    n = tried + 1 if new_name else max(tried, 1)  # a name that a person uses stays; the name of an unanswered call is used up
    name = f"ir-{world.incident}-{n}"
    # The lost machine may have sent this very name: its answer, sealed to a key that is gone, cannot be read again.
    salt = str(record.facts.get("adopted", {}).get("at", ""))
    return {"mint": {"n": n, "name": name, "idempotency_key": str(uuid.uuid5(uuid.NAMESPACE_URL, name + salt))}}


def order(world: World, record: Incident, mint: Mint, *, kept: bool = True) -> MintOrder:
    """The order for the issuer; `mint` as `fixed`."""
    facts = record.facts
    return MintOrder(
        incident=world.incident,
        name=mint["name"],
        idempotency_key=mint["idempotency_key"],
        kind=new_list.kind(world.plan, facts) if world.ports.issuer.guided else KeyKind(facts["old"]["kind"]),
        mode=world.mode,
        account=world.account.id,
        permissions=new_list.names(world.plan, world.key, facts),
        old=world.old_key(facts),
        expires_old_at=world.options.old_key_expires,
        expires_at=world.options.new_key_expires,
        asked_at=float(facts.get("opened_at") or 0.0),
        rotated=facts.get("rotation", {}).get("value") == "open",
        kept=kept,
        holder=world.lookups.holder_of,
    )


def keep(world: World, n: int, secret: Secret) -> str:
    """Take the key into custody and read it back; "" = no custody is possible. Raises PortError, Waiting."""
    if not world.ports.custody.possible:
        return ""
    address = world.ports.custody.keep(f"new-{n}", secret)
    if world.ports.custody.fetch(f"new-{n}") != secret:
        raise Waiting("the new key could not be read back from custody", next_step="do not close the Dashboard dialog; try again")
    return address


def taken(world: World, record: Incident, n: int, secret: Secret) -> str:
    """As `keep`, and note the key in the index at once: a process that ended before its step is recorded would leave it unseen."""
    address = keep(world, n, secret)
    if world.ports.issuer.guided:
        where = f"is kept at {address}" if address else "is in this process alone"
        waits = Debt(debt_rules.WAITS, secret.fingerprint, f"a new key was taken, {where}, and is not in use yet", f"ir resume {record.id}")
        world.hooks.note(replace(record, debts={**record.debts, waits.about: waits}))
    return address


# ── a guided rotation ──


def rotation(world: World, record: Incident, mint: Mint) -> tuple[Rotation, Json]:
    """The parts that the issuer needs to guide one, and the facts of the custody that was found, before anything is clicked."""
    facts = record.facts
    planned = way_of(world, record) is Way.ROTATION
    address = _custody(world, world.old_key(facts)) if planned else ""
    told = bool(facts.get("rotation")) or bool(facts["old"].get("seen_alive"))
    asked = Rotation(
        order(world, record, mint, kept=bool(address) or (not planned and world.ports.custody.possible)),
        lambda secret: _kept(world, record, int(mint["n"]), secret),
        told=told,
        sure=(lambda: True) if way_of(world, record).kills else (lambda: _sure(world, record)),
        stop=world.run.stopping,
        found=_found(world, int(mint["n"])) if planned else None,
    )
    return asked, ({"old": {"custody": address}} if address else {})


def _custody(world: World, old: Secret) -> str:
    """The place of custody, shown by keeping the old key there. "" = none is possible now."""
    if not world.ports.custody.possible:
        return ""
    try:
        return world.within(CUSTODY_WITHIN, lambda: world.ports.custody.keep("old", old))
    except (PortError, TimeoutError):
        return ""


def _found(world: World, n: int) -> Secret | None:
    """The key that an earlier try took and could not record; the mint handles one that is dead by now."""
    if not world.ports.custody.possible:
        return None
    try:
        value = world.within(CUSTODY_WITHIN, lambda: world.ports.custody.fetch(f"new-{n}"))
    except (PortError, TimeoutError):
        return None
    return value if value is not None and world.ports.issuer.probe(value).liveness.answers else None


def _kept(world: World, record: Incident, n: int, secret: Secret) -> str:
    """As `keep`; a custody that refuses must not cost a value that is shown once."""
    world.keys.replacement = secret
    try:
        return taken(world, record, n, secret)
    except (PortError, Waiting) as error:
        world.ports.operator.tell(f"Custody did not take it: {error.what}. Leave the Dashboard's dialog open until the services have it.")
        return ""


def _sure(world: World, record: Incident) -> bool:
    """Stripe refused the way that can be undone, so the other one is confirmed here, by name."""
    ends_in = world.old_key(record.facts).reveal()[-4:] if world.ports.operator.interactive else ""
    return not world.ports.operator.interactive or world.ports.operator.confirm_by_name(irreversible.to_contain(record, ends_in))


def given(world: World, minted: Minted, n: int, *, rotated: bool) -> Json:
    """The facts of a replacement."""
    world.keys.replacement = minted.value
    new: Json = {"n": n, "fingerprint": minted.value.fingerprint, "id": minted.id, "kind": minted.kind.value, "custody": minted.custody}
    new |= {"created": minted.created, "pasted": minted.pasted, "alone": minted.alone}
    new |= {"rotated": True} if rotated else {}
    new |= {"because": minted.because} if minted.because else {}
    asked = [] if world.ports.issuer.guided else list(new_list.names(world.plan, world.key, world.run.facts()))
    new |= {"permissions": asked} if asked else {}
    new |= {"expires": world.options.new_key_expires} if world.options.new_key_expires else {}
    return {"new": new, "minted_at": world.now()}


def after(world: World, record: Incident, done: Containment, mint: Mint) -> tuple[Json, tuple[Debt, ...], tuple[str, ...]]:
    """Facts, debts and paid debts of a containment that may have been a rotation."""
    if done.minted is not None:
        found = given(world, done.minted, int(mint["n"]), rotated=True)
        debts = waits(world, record, done.minted.value.fingerprint)
        return {**found, "mint": mint, "rotation": {"value": "taken"}}, debts, (debt_rules.rotation_of(world.incident),)
    if done.value not in ("open", "lost"):
        return {}, (), ()
    return {"rotation": {"value": done.value}}, (unvalued(world, lost=done.value == "lost"),), ()


def waits(world: World, record: Incident, fingerprint: str) -> tuple[Debt, ...]:
    """The debt about a key that this incident does not put to use: it is named until it is in use or dead."""
    if not world.plan.key_alone:
        return ()
    return (debt_rules.waiting_replacement(record, fingerprint, kept=world.ports.custody.possible),)


def unvalued(world: World, *, lost: bool) -> Debt:
    """A living key whose value was not given."""
    if not lost:
        why = "the key that the rotation made lives, and its value was not given yet"
        return Debt("key-alive", debt_rules.rotation_of(world.incident), why, f"ir resume {world.incident} asks for it")
    why = "the key that the rotation made lives, and its value is lost"
    row = "in the Dashboard, under API keys, in the newest row of this account (the rotation made it)"
    clicks = f"{row}, click ⋯ > `Expire key` or `Delete key`"
    return Debt("key-alive", debt_rules.rotation_of(world.incident), why, f"{clicks}; then: ir resume {world.incident}")


def lost(world: World, record: Incident) -> tuple[Json, tuple[str, ...]]:
    """Whether a key whose value is lost was expired: only a person can say so. Returns facts, and the debts that it pays."""
    name = debt_rules.rotation_of(world.incident)
    if name not in record.debts or record.facts.get("rotation", {}).get("value") != "lost" or not world.ports.operator.interactive:
        return {}, ()
    if world.ports.operator.choose("Was the key whose value was lost expired in the Dashboard?", (EXPIRED, NOT_YET)) != EXPIRED:
        return {}, ()
    return {"rotation": {"attested": {"by": world.ports.operator.name, "at": world.now()}}}, (name,)


# ── a value that an earlier incident waits with ──


def waiting(world: World, record: Incident) -> tuple[str, Secret] | None:
    """The incident whose rotation made a key that waits to be put to use, and its value, if it works.

    Raises:
        PortError: its custody cannot be asked.
    """
    old = record.facts["old"]["fingerprint"]
    for earlier, rows in record.facts.get("took_over", {}).items():
        for mark in [row["about"] for row in rows if row["kind"] == debt_rules.WAITS and row["about"] in record.debts]:
            value = _of(world, earlier, mark)
            if value is not None and mark != old and world.ports.issuer.probe(value).liveness.answers:
                return earlier, value
    return None


def _of(world: World, earlier: str, fingerprint: str) -> Secret | None:
    custody = world.ports.custody.of(earlier)
    values = (custody.fetch(f"new-{n}") for n in range(1, _MOST_TRIES + 1)) if custody.possible else iter(())
    return next((value for value in values if value is not None and value.fingerprint == fingerprint), None)
