"""Mint: get exactly one replacement key, and have it in custody before anything else happens.

The order of the answer to "was it minted?": custody says yes · the provider lists a key of our name that custody does
not have (its value is lost: it is expired, and the next try mints under the next name) · neither: mint. Who began the
incident himself and tries for the first time need not ask the provider. `prove` sees to it that expired strays are gone.
"""

import uuid
from contextlib import suppress
from dataclasses import replace

from ir.actions import own_keys
from ir.core.errors import PortError, Unknown, Waiting
from ir.core.model import Debt, Did, Json, KeyKind, KeyRow, Outcome
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import MintOrder, Target


def prepare(world: World, record: Incident, step: Step) -> Json:
    """What must be fixed before the call: the try's number, the key's unique name, the idempotency key."""
    tried = int(record.facts.get("mint", {}).get("n", 0))
    n = max(tried, 1) if world.issuer.guided else tried + 1  # a human's name stays; an unanswered call's name is burnt
    name = f"ir-{world.incident}-{n}"
    # The lost machine may have sent this very name: its answer, sealed to a key that is gone, is not to be had again.
    salt = str(record.facts.get("adopted", {}).get("at", ""))
    return {"mint": {"n": n, "name": name, "idempotency_key": str(uuid.uuid5(uuid.NAMESPACE_URL, name + salt))}}


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look in custody and at the provider, then mint."""
    if world.options.no_replacement:
        return Outcome(Did.SKIPPED, "no replacement was asked for")
    mint = record.facts["mint"]
    found, listed = world.both(lambda: _at_hand(world, record), lambda: () if _first(world, record) else _listed(world))
    if found is not None and not _listed_still(world, record, found[0], listed):
        said = "custody holds a key that the provider lists no more: it was expired, or is about to die; minting again under another name"
        return Outcome(Did.UNKNOWN, said, {"mint": {"spoilt": {str(found[0]): "expired"}}})
    if found is not None:
        return _done(world, record, found[0], found[1], "found in custody, nothing was minted again")
    if isinstance(listed, PortError):
        raise listed
    known = record.facts.get("strays", {})
    strays = [row for row in listed if row.id not in known]
    if strays:
        for row in strays:
            world.issuer.retire(Target(row.id, Secret(""), name=row.name))
        ids = ", ".join(row.id for row in strays)
        return Outcome(
            Did.UNKNOWN,
            f"an earlier call did mint {ids}, but its value was lost with the answer: expired, minting again",
            {"strays": {row.id: "expired" for row in strays}},
        )
    try:
        minted = world.issuer.mint(_order(world, record), lambda secret: _keep(world, int(mint["n"]), secret))
    except Waiting as error:
        seen, debts = _seen(world, record)
        return Outcome(Did.WAITING, error.told, {"seen": seen}, debts=debts, todo=error.next_step)
    except Unknown:
        raise
    except PortError as error:
        return _not_minted(world, record, error)
    told = {"id": minted.id, "created": minted.created, "kind": minted.kind.value, "custody": minted.custody}
    facts = {"new": {**told, "alone": minted.alone}}
    done = _done(world, record, int(mint["n"]), minted.value, "a replacement was minted and kept", facts)
    seen, debts = _seen(world, record)
    return replace(done, facts={**done.facts, "seen": seen}, debts=debts, paid=(minted.value.fingerprint,))


def _not_minted(world: World, record: Incident, error: PortError) -> Outcome:
    """A no may come after the key was made, as when it could not be kept: what was made is expired before the no counts."""
    asked, debts = own_keys.expire_others(world, record.facts)
    did = Did.UNKNOWN if debts else Did.FAILED
    spoilt = {str(tried): "expired" for tried in range(1, int(record.facts["mint"]["n"]) + 1)} if asked else {}
    return Outcome(did, error.what, {"strays": asked, "mint": {"spoilt": spoilt}}, debts=debts, todo=error.next_step)


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """What would be called."""
    if world.options.no_replacement:
        return Outcome(Did.SKIPPED, "no replacement was asked for")
    how = "guide you through the Dashboard and take the new key" if world.issuer.guided else "mint a key through Stripe's API"
    name = prepare(world, record, step)["mint"]["name"]
    return Outcome(Did.SKIPPED, f"would {how}, under the name {name}")


def _order(world: World, record: Incident) -> MintOrder:
    facts = record.facts
    declared = world.key.permissions or facts["old"].get("permissions", [])
    return MintOrder(
        incident=world.incident,
        name=facts["mint"]["name"],
        idempotency_key=facts["mint"]["idempotency_key"],
        kind=KeyKind(facts["old"]["kind"]),
        mode=world.mode,
        account=world.account.id,
        permissions=tuple(declared),
        old=world.old_key(facts),
        expires_old_at=world.options.old_key_expires,
    )


def _keep(world: World, n: int, secret: Secret) -> str:
    if not world.custody.possible:
        return ""
    address = world.custody.keep(f"new-{n}", secret)
    if world.custody.fetch(f"new-{n}") != secret:
        raise Waiting("the new key could not be read back from custody", next_step="do not close the Dashboard dialog; try again")
    return address


def _first(world: World, record: Incident) -> bool:
    """Whether nobody can have tried before: then no key of our name is listed. Custody is looked at all the same: it must answer by now."""
    return world.fresh and not world.issuer.guided and int(record.facts["mint"]["n"]) == 1


def _seen(world: World, record: Incident) -> tuple[Json, tuple[Debt, ...]]:
    """Keys that were pasted, answered, and were not taken: kept, and owed until they are in use or seen dead."""
    found: Json = {}
    for secret, why in world.issuer.seen_alive.items():
        if secret.fingerprint == record.facts["old"]["fingerprint"]:
            continue
        if world.custody.possible:
            world.custody.keep(f"seen-{secret.fingerprint}", secret)
        found[secret.fingerprint] = why
    todo = f"expire it in the Dashboard, then: ir resume {world.incident}"
    return found, tuple(Debt("key-alive", mark, f"a pasted key that was not taken lives: {why}", todo) for mark, why in found.items())


def _listed(world: World) -> tuple[KeyRow, ...] | PortError:
    """Keys of our name at the provider; what keeps us from knowing matters only when custody has none."""
    try:
        return world.issuer.strays(world.incident)
    except PortError as error:
        return error


def _at_hand(world: World, record: Incident) -> tuple[int, Secret] | None:
    """The newest key of any try that custody holds; an adopted incident's may lie elsewhere, and is kept from now on."""
    facts = record.facts
    spoilt = set(facts["mint"].get("spoilt", {}))  # kept, and expired after all: custody has it still, and it answers for a while yet
    tries = [n for n in range(int(facts["mint"]["n"]), 0, -1) if str(n) not in spoilt]
    found = _in_custody(world, tries, set(facts.get("adopted", {}).get("dead", [])))
    if found is not None or not facts.get("adopted") or not facts.get("new"):
        return found
    n, value = int(facts["new"]["n"]), world.new_key(facts)
    with suppress(PortError):  # It lies where it was found in any case.
        _keep(world, n, value)
    return n, value


def _listed_still(world: World, record: Incident, n: int, listed: tuple[KeyRow, ...] | PortError) -> bool:
    """Whether the provider has what custody holds; who was killed after he had expired it could not record that.

    What a lost machine left was looked at when it was adopted, and the number of its try may not be known.
    """
    if world.issuer.guided or isinstance(listed, PortError) or record.facts.get("adopted"):
        return True
    return any(row.name == f"ir-{world.incident}-{n}" for row in listed)


def _in_custody(world: World, tries: list[int], dead: set[str]) -> tuple[int, Secret] | None:
    if not world.custody.possible:
        return None
    for tried in tries:
        found = world.custody.fetch(f"new-{tried}")
        if found is not None and found.fingerprint not in dead:
            return tried, found
    return None


def _done(world: World, record: Incident, n: int, value: Secret, said: str, facts: Json | None = None) -> Outcome:
    world.replacement = value
    new = {"n": n, "fingerprint": value.fingerprint, **(facts or {}).get("new", {})}
    if not new.get("id") and not world.issuer.guided:
        new["id"] = own_keys.id_of(world, n, value)
    return Outcome(Did.DONE, said, {"new": new, "minted_at": world.now()})
