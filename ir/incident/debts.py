"""Debts, what is still to do: those that follow from the record of one incident as a whole, and the steps that pay them."""

import shlex
from dataclasses import replace
from pathlib import Path

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Debt, Did, Json, KeyKind
from ir.core.stripe_address import STRIPE
from ir.incident.facts import of_role
from ir.incident.record import Incident

_DEAD = ("expired", "invalid")
KEYS = ("key-alive", "key-unproven", "key-waits")
"""Kinds of debts about keys."""
WAITS = "key-waits"
"""Kind of the debt about a key that a rotation made and that no service has yet: it lives, and is wanted."""
LACKING, LEARNED = "right-lacking", "right-learned"
"""Kinds of debts about permissions of the replacement: one that a service is refused without, one that was added and is to be confirmed."""


END_IT = "ir rotate stripe --leaked-key-from prompt --no-replacement"
"""The command that kills a key that nothing of ours uses."""


def end_it(record: Incident) -> str:
    """`END_IT`; it goes without an inventory, so a Stripe stand-in on loopback is named."""
    try:
        source = inventory.loads(str(record.opened["inventory"]), str(record.opened["inventory_name"]))
        base = source.account(source.key(str(record.opened["key"])).account).api_base
    except (IrError, KeyError, StopIteration):
        return END_IT
    return END_IT if base == STRIPE else f"{END_IT} --api-base {base}"


def is_id(about: str) -> bool:
    """Whether a debt is about a key that is known by the provider's id for it, or for its endpoint."""
    return about.startswith(("mk_", "we_"))


def rotation_of(incident: str) -> str:
    """The subject of a debt about a key that a rotation made and whose value was not given: it has no known fingerprint."""
    return f"rotation of {incident}"


def lack_of(right: str) -> str:
    """What a debt is about where the replacement lacks a permission; "" = one that is not named."""
    return f"lack of {right or 'a right'}"


def right_called(right: str) -> str:
    """What a debt is about whose permission was added to the replacement."""
    return f"right {right}".strip()


def leaked_key_lives(record: Incident) -> list[Debt]:
    """The debt of a plan that ends with the leaked key alive (contained only); dead is only what was proven dead."""
    old = record.facts.get("old", {})
    if not old.get("fingerprint") or record.facts.get("dead_at"):
        return []
    if old.get("liveness") in _DEAD:
        todo = f"ir resume {record.id} looks again"
        return [Debt("key-unproven", old["fingerprint"], "the leaked key answers as dead, which is not proven", todo)]
    todo = again(record) if webhook(record) else roll_out(record)
    return [Debt("key-alive", old["fingerprint"], "the leaked key is not dead", todo)]


def roll_out(record: Incident) -> str:
    """The command that gives another key to a contained key's services."""
    return f"{again(record)} --policy exploited"


def waiting_replacement(record: Incident, fingerprint: str, *, kept: bool = True) -> Debt:
    """The debt about a key that a rotation made and that waits for a rollout."""
    where = "waits in custody" if kept else "is in no custody: keep the Dashboard's dialog open"
    why = f"the key that the rotation made ({fingerprint}) lives and {where}; no service has it yet"
    return Debt(WAITS, fingerprint, why, roll_out(record))


def by_word(record: Incident) -> list[Debt]:
    """Debts that a person's word can end, each by its own name; a debt that a look decides (a key that answers) is not among them."""
    return [debt for debt in record.debts.values() if debt.kind not in ("key-alive", WAITS, "custody")]


def critical(record: Incident, about: str) -> bool:
    """Whether what an attacker left is of critical severity: it is still to do until a look finds it gone, or a person keeps it by name."""
    debt = record.debts.get(about)
    rows: list[Json] = []
    for told in (record.facts.get("sweep"), record.facts.get("review"), record.facts.get("triage")):
        rows += (told or {}).get("leftovers", [])
    grave = any(str(row["id"]) == about and row["severity"] == "critical" for row in rows)
    return debt is not None and debt.kind == "leftover" and grave


def called(record: Incident, name: str) -> list[Debt]:
    """Debts that a person may mean by `name`: a subject, or a kind."""
    same = [debt for debt in record.debts.values() if debt.about == name]
    return same or [debt for debt in record.debts.values() if debt.kind == name]


def never_looked_at(record: Incident) -> list[Debt]:
    """The debt of a run that ends before its first look: the leaked key under its name."""
    if record.facts.get("old"):
        return []
    key = str(record.opened.get("key", ""))
    return [Debt("key-alive", key, "the leaked key was not looked at, so it counts as alive", again(record))]


def webhook(record: Incident) -> bool:
    """Whether it is about a webhook's signing secret; by the playbook until the first look."""
    kind = record.facts.get("old", {}).get("kind") or record.plan.get("playbook", "").partition("-")[2]
    return bool(kind == KeyKind.WEBHOOK)


def again(record: Incident) -> str:
    """The command that rotates its key, as it can be typed anywhere."""
    return f"ir rotate stripe{'-webhook' if webhook(record) else ''} {record.opened.get('key', '')}{_inventory_of(record)}"


def _inventory_of(record: Incident) -> str:
    """The option that names its inventory; for one that was made for a pasted key, the paste."""
    name, base = str(record.opened.get("inventory_name", "")), str(record.opened.get("inventory_base", ""))
    if not name or not base:
        return ""
    if name.startswith("("):
        return " --leaked-key-from prompt"
    return f" --inventory {shlex.quote(str(Path(base) / Path(name).name))}"


def live_keys(record: Incident) -> list[Debt]:
    """Debts after an abort: every living key by name, with its users."""
    services = record.facts.get("services", {})
    users = {name: row.get("after") or row.get("before", "") for name, row in services.items()}
    users |= {name: row["holds"] for name, row in record.facts.get("stores", {}).items() if row.get("holds")}
    found = []
    for role, word in (("old", "leaked"), ("new", "replacement")):
        key = of_role(record.facts, role)
        if not key.get("fingerprint") or (role == "old" and record.facts.get("dead_at")):
            continue
        if role == "old" and key.get("liveness") in _DEAD:
            why = f"the leaked key {key.get('id') or key['fingerprint']} answers as dead, which is not proven"
            found.append(Debt("key-unproven", key["fingerprint"], why, again(record)))
            continue
        if role == "new" and key.get("liveness") in _DEAD:
            continue
        on = ", ".join(name for name, held in users.items() if held == key["fingerprint"]) or "none"
        why = f"the {word} key {key.get('id') or key['fingerprint']} lives; on it: {on}"
        todo = again(record)
        if on == "none" and role == "new" and key.get("rotated"):
            found.append(waiting_replacement(record, key["fingerprint"], kept=bool(key.get("custody"))))
            continue
        if on == "none" and not webhook(record):
            todo = end_it(record) if role == "old" else "expire it in the Dashboard"
        found.append(Debt("key-alive", key["fingerprint"], why, todo))
    return found


def kept(record: Incident) -> list[Debt]:
    """Debts after an abort about keys that the incident still keeps, if its custody was not emptied."""
    places, found = custody(record), []
    todo = f"{again(record)}: at its end it empties that, once those keys are dead"
    stored, escrowed = [p for p in places if not is_escrowed(p)], [p for p in places if is_escrowed(p)]
    if stored:
        found.append(Debt("custody", in_stores(record.id), f"{record.id} still keeps keys at {', '.join(stored)}", todo))
    if escrowed:
        found.append(escrow_debt(record.id, escrowed, todo))
    return found


def in_stores(incident: str) -> str:
    """The subject of a debt whose incident keeps keys in stores."""
    return f"custody of {incident}"


def in_escrow(incident: str) -> str:
    """The subject of a debt whose incident keeps keys in the escrow of one machine."""
    return f"escrow of {incident}"


def custody(record: Incident) -> list[str]:
    """Addresses where the incident still keeps keys."""
    emptied = record.run_of("discard")
    if emptied is not None and emptied.outcome.did is Did.DONE:
        return []
    places = [str(of_role(record.facts, role).get("custody") or "") for role in ("old", "new")]
    return sorted({place for place in places if place})


def not_resumed(record: Incident, debt: Debt) -> Debt:
    """Debts of an incident that was given up: a resume does not pay them."""
    return replace(debt, todo=debt.todo.replace(f"ir resume {record.id}", again(record)))


def is_escrowed(place: str) -> bool:
    """Whether a place of custody is the escrow of one machine."""
    return place.startswith("escrow://")


def needs_keys(debt: Debt) -> bool:
    """Whether what is still to do takes the keys that custody holds."""
    return debt.kind.startswith("key-") or debt.kind.endswith("-behind") or debt.kind == LACKING


def pays(action: str, kinds: set[str], *, kills: bool = True) -> bool:
    """The steps that are taken again for debts; `kills`: the plan has a kill of its own, so that containment does not end it."""
    if action == "contain":
        return not kills and bool(kinds & {"store-behind", "service-behind", "key-alive", "key-unproven", "key-waits"})
    if action == "report":
        return True
    if kinds & {"store-behind", "service-behind"} and action in ("stage", "wave", "verify"):
        return True
    if kinds & {"store-behind", "service-behind", "key-alive", "key-unproven"} and action in ("retire", "prove", "watch", "remove"):
        return True
    if LACKING in kinds and action in ("wave", "watch"):
        return True
    if action == "undelivered":
        return action in kinds
    return action in ("sweep", "remove") and "leftover" in kinds


def escrow_debt(incident: str, places: list[str], todo: str) -> Debt:
    """The debt to empty an escrow, which only its own machine can open."""
    why = f"{incident} still keeps keys at {', '.join(places)}"
    return Debt("custody", in_escrow(incident), why, f"on the machine where it lies, {todo}")
