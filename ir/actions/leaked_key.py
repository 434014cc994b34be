"""The first look at the leaked key (no action of its own): its identity, its answer, its row at Stripe, and reasons against it."""

from dataclasses import replace

from ir.actions.store_check import tried
from ir.core import key_kind
from ir.core.errors import PortError
from ir.core.model import Json, KeyKind, KeyRow, Liveness, Policy, Probe
from ir.core.secret import Secret
from ir.incident import adoption
from ir.incident.context import World
from ir.incident.record import Incident
from ir.ports import Held

_PROBES = 4
"""Tries at the key before a missing answer (a rate limit, a 500) is accepted."""


def of_stores(world: World, record: Incident, held: dict[str, Held | None]) -> tuple[Secret | None, str]:
    """The one key that the stores hold, or the given one; else None and the reason."""
    values = {name: found.value for name, found in held.items() if found is not None and found.value is not None}
    if world.keys.leaked is not None:
        strangers = [
            name
            for name, value in values.items()
            if value != world.keys.leaked and value.fingerprint not in half_way(record, world.keys.leaked)
        ]
        if values and len(strangers) == len(values):
            return None, f"the leaked key that you gave is in none of its stores ({', '.join(values)})"
        if strangers:
            return None, f"{', '.join(strangers)} holds another key than the leaked one: finish or undo that change first"
        return world.keys.leaked, ""
    prints = {value.fingerprint for value in values.values()}
    left = [value for value in values.values() if prints - {value.fingerprint} and prints <= {value.fingerprint, *half_way(record, value)}]
    if left:
        return left[0], ""
    if len(prints) > 1:
        shown = ", ".join(f"{name} holds {value.fingerprint}" for name, value in values.items())
        return None, f"the stores disagree about key `{world.key.name}`: {shown}"
    if not values:
        told = [f"{name}: nothing readable" for name in held] or ["no store is listed"]
        return None, f"no store gave the current key ({'; '.join(told)})"
    return next(iter(values.values())), ""


def half_way(record: Incident, old: Secret) -> set[str]:
    """Fingerprints of replacements for this key that earlier, abandoned incidents had already put in some of its places."""
    return {pair["new"] for pair in record.facts.get("earlier", {}).values() if pair["old"] == old.fingerprint and pair["new"]}


def of_adopted(world: World, record: Incident, held: dict[str, Held | None]) -> tuple[Secret | None, str]:
    """The leaked key of an incident that another machine began, some of whose stores may hold the replacement already."""
    try:
        old = world.old_key(record.facts)
    except PortError as error:
        return None, error.what
    fine = {old.fingerprint, *adoption.holds(record.facts)}
    strange = [name for name, found in held.items() if found and found.value and found.value.fingerprint not in fine]
    return (None, f"{', '.join(strange)} holds neither the leaked key nor the replacement") if strange else (old, "")


def look(world: World, old: Secret) -> tuple[Probe, KeyRow | None, list[str]]:
    """The key's answer, its row in Stripe's list, and the reason why that list could not be read: containment does not wait for it."""
    probe = world.ports.issuer.probe(old)
    for attempt in range(1, _PROBES):
        if probe.liveness is not Liveness.UNKNOWN:
            break
        world.ports.clock.sleep(float(attempt))
        probe = world.ports.issuer.probe(old)
    if not probe.liveness.answers:
        return probe, None, []
    account, row = world.both(
        # A successful answer does not name the account.
        lambda: probe.account or tried(lambda: world.lookups.account_of(old)),
        lambda: tried(lambda: _row(world, old)),
    )
    probe = replace(probe, account="" if isinstance(account, PortError) else account)
    return (probe, None, [row.what]) if isinstance(row, PortError) else (probe, row, _wrong_id(world, row))


def _row(world: World, old: Secret) -> KeyRow | None:
    """The key's own row: at the listed id, else by the characters that rows show."""
    row = world.ports.issuer.identify(old, known_id=world.key.id) if world.key.id else None
    return row or world.ports.issuer.identify(old)


def _wrong_id(world: World, row: KeyRow | None) -> list[str]:
    """Report an `id` of the inventory that belongs to another or a former key, before anything is made: that row must not die."""
    listed = world.key.id
    if not listed or world.ports.issuer.guided or (row is not None and row.id == listed):
        return []
    fix = f"this key is {row.id}: write that" if row else "remove it"
    return [f"the inventory's `id: {listed}` was not found to be the id of the key that the stores hold for `{world.key.name}`; {fix}"]


def facts_of(world: World, old: Secret, probe: Probe, row: KeyRow | None, held: dict[str, Held | None]) -> Json:
    """The facts to record, as `facts.Old`."""
    in_store = any(found and found.value == old for found in held.values())
    return {
        "fingerprint": old.fingerprint,
        # An unchecked id is only shown to a person who clicks; no call acts on it.
        "id": row.id if row else world.key.id * world.ports.issuer.guided,
        "kind": world.key.kind.value,
        "mode": world.mode.value,
        "account": world.account.id,
        "liveness": probe.liveness.value,
        "seen_alive": probe.liveness.answers,
        "probed_at": probe.date,  # a use of ours, by Stripe's clock
        "found_in_store": in_store,
        "last_used": row.last_used if row else 0.0,
        "created": row.created if row else 0.0,
        "permissions": list(row.permissions) if row else [],
        "row_read": row is not None,
        "deadline": world.options.old_key_expires,
    }


def problems(world: World, old: Secret, probe: Probe) -> list[str]:
    """Reasons why it is not the key that the inventory means, or cannot be told to be."""
    problems = []
    kind = key_kind.kind_of(old)
    if kind.key_kind is None or (kind.key_kind is KeyKind.WEBHOOK) is not (world.key.kind is KeyKind.WEBHOOK):
        problems.append(kind.credential.instruction)
    elif kind.mode is not None and kind.mode is not world.mode:
        problems.append(f"the key is a {kind.mode.value}-mode key, account `{world.account.name}` is listed as {world.mode.value}")
    if probe.mode is not None and probe.mode is not world.mode:
        problems.append(f"Stripe says the key is {probe.mode.value} mode, account `{world.account.name}` is listed as {world.mode.value}")
    if probe.account and probe.account != world.account.id:
        problems.append(f"the key belongs to {probe.account}, not to {world.account.id}")
    if probe.liveness is Liveness.UNKNOWN and world.plan.policy is not Policy.EXPLOITED:
        problems.append(_no_answer(world, probe))
    return problems


def _no_answer(world: World, probe: Probe) -> str:
    if world.key.kind is KeyKind.WEBHOOK:
        return "neither Stripe nor a service shows that the signing secret in the stores is the one in use"
    return f"Stripe gave no answer about the key ({probe.why or f'status {probe.status}'})"


def mint_problems(world: World, old: Secret, row: KeyRow | None, *, listed: bool) -> list[str]:
    """Reasons why no replacement could be made or kept. `listed`: Stripe's list was read, and `row` is the key's, if it has one there."""
    if world.options.no_replacement or world.plan.key_alone:
        return []
    problems = []
    if not world.ports.custody.possible and not world.ports.issuer.guided:
        problems.append("no listed store can hold custody and there is no escrow: a minted key could be lost")
    if not world.ports.issuer.guided and world.account.app_key is not None and str(world.account.app_key) in map(str, world.ports.stores):
        problems.append("it is the key of the Stripe App itself, which mints the others and which no API replaces: use issuer `dashboard`")
    if world.ports.issuer.guided and world.options.new_key_expires:
        problems.append("the Dashboard is not known to make keys that expire by themselves: leave out --new-key-expires")
    if world.ports.issuer.guided or world.plan.wanted or world.key.permissions or world.key.kind is KeyKind.WEBHOOK:
        return problems  # a person chooses them, the inventory lists them, or there are none
    if {world.key.kind, key_kind.kind_of(old).key_kind} == {KeyKind.SECRET}:
        problems.append("a managed replacement of a secret key needs `permissions`; declare them, or use issuer `dashboard`")
    elif listed and (row is None or not row.permissions):
        why = "no row of Stripe's list is known to be its" if row is None else "its row in Stripe's list shows none"
        problems.append(f"the permissions of the replacement are not known ({why}): list `permissions` of this key in the inventory")
    return problems
