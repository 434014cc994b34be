"""What an index row keeps of a record for `standing`: what an incident asks, how the leaked key was last seen, and the outage. Pure."""

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Did, Json, Liveness
from ir.incident import deadlines, debts
from ir.incident.record import Incident


def told(record: Incident) -> Json:
    """The part of the index row's summary that `stand` reads."""
    told = {"leaked": leaked(record), "outage": outage(record), "asks": asks(record), "again": debts.again(record)}
    return {**told, "clocks": deadlines.rows(record), **kept(record)}


def kept(record: Incident) -> Json:
    """Living keys that a person keeps, as `Incident.accepted`; {} of an incident that no close has looked at."""
    return {"accepted": record.accepted} if "accepted" in record.ended or record.accepted else {}


def asks(record: Incident) -> Json:
    """What a waiting incident asks a person for: `{said, todo, action}`; {} when it does not wait."""
    last = record.runs[-1] if record.runs else None
    if record.status != "waiting" or last is None or last.outcome.did is not Did.WAITING:
        return {}
    return {"said": last.outcome.said, "todo": last.outcome.todo, "action": last.action}


def leaked(record: Incident) -> Json:
    """The leaked key by what was seen: `{state, since}`. Dead is proven dead, contained is seen refused; between the two: unknown."""
    facts, old = record.facts, record.facts.get("old", {})
    start = float(facts.get("exposed_at") or facts.get("opened_at") or 0.0)
    if not old.get("fingerprint"):
        return {"state": "unknown", "since": 0.0}
    key_debts = {debt.about for debt in record.debts.values() if debt.kind in ("key-alive", "key-unproven")}
    if facts.get("dead_at") and old["fingerprint"] not in key_debts and record.status != "rolled back":
        return {"state": "dead", "since": float(facts["dead_at"])}
    if _contained(record):
        return {"state": "contained", "since": float(facts["contained_at"])}
    seen = Liveness(old.get("liveness", Liveness.UNKNOWN))
    back = facts.get("dead_at") == 0.0  # proven dead once, and not any more
    undecided = not back and (facts.get("retire_asked_at") or facts.get("containment")) and record.status != "rolled back"
    return {"state": "alive", "since": start} if seen.answers and not undecided else {"state": "unknown", "since": 0.0}


def _contained(record: Incident) -> bool:
    """Seen to be refused, and not undone since; an access policy that does not bite here was not seen."""
    how = record.facts.get("containment") or {}
    return bool(how and record.facts.get("contained_at") and not how.get("unseen") and record.status != "rolled back")


def outage(record: Incident) -> Json:
    """Services that were not seen on a working key since the leaked one was taken away: `{since, until, services}`, {} = no outage.

    An access policy leaves our own services their key; whatever else takes a key away takes it from them, too.
    """
    cut, seen = _cut_at(record), record.facts.get("services", {})
    moved = {name: float(seen.get(name, {}).get("moved_at") or 0.0) for name in seen or _listed(record)} if cut else {}
    out, late = sorted(name for name, at in moved.items() if not at), [at for at in moved.values() if at > cut]
    if not out and not late:
        return {}
    return {"since": cut, "until": 0.0 if out else max(late), "services": out}


def _cut_at(record: Incident) -> float:
    """The time at which the key stopped working for every caller, 0 = it works for our services."""
    facts = record.facts
    if record.status == "rolled back":
        return 0.0
    if _contained(record) and facts["containment"].get("how") != "policy":
        return float(facts["contained_at"])
    found = facts.get("opened_at") if facts.get("dead_on_arrival") else facts.get("dead_at")
    return float(found or 0.0)


def _listed(record: Incident) -> list[str]:
    """Services of the key, by the inventory that the incident was begun with."""
    try:
        source = inventory.loads(str(record.opened["inventory"]), str(record.opened["inventory_name"]))
        return [service.name for service in source.services_of(str(record.opened["key"]))]
    except (IrError, KeyError):
        return []
