"""What is still owed: debts that follow from the record as a whole, and which steps pay which debts."""

from ir.incident import Incident
from ir.model import Debt, Json

_DEAD = ("expired", "invalid")


def leaked_key_lives(record: Incident) -> list[Debt]:
    """A plan that ends with the leaked key alive (contained only) owes its death."""
    old = record.facts.get("old", {})
    if not old.get("fingerprint") or old.get("liveness") in _DEAD or record.facts.get("dead_at"):
        return []
    todo = f"ir rotate stripe {record.opened.get('key', '')} --policy exploited"
    return [Debt("key-alive", old["fingerprint"], "the leaked key is not dead", todo)]


def never_looked_at(record: Incident) -> list[Debt]:
    """A run that ends before its first look owes the leaked key under its name."""
    if record.facts.get("old"):
        return []
    key = str(record.opened.get("key", ""))
    return [Debt("key-alive", key, "the leaked key was not looked at, so it counts as alive", f"ir rotate stripe {key}")]


def live_keys(record: Incident) -> list[Debt]:
    """After an abort every live key is named, with who is on it."""
    services: Json = record.facts.get("services", {})
    users = {name: row.get("after") or row.get("before", "") for name, row in services.items()}
    found = []
    for role, word in (("old", "leaked"), ("new", "replacement")):
        key = record.facts.get(role, {})
        if not key.get("fingerprint") or key.get("liveness") in _DEAD:
            continue
        on = ", ".join(name for name, held in users.items() if held == key["fingerprint"]) or "nobody"
        why = f"the {word} key {key.get('id') or key['fingerprint']} lives; on it: {on}"
        todo = f"ir rotate stripe {record.opened.get('key', '')}"
        if on == "nobody":
            todo = "ir rotate stripe --leaked-key-from prompt --no-replacement" if role == "old" else "expire it in the Dashboard"
        found.append(Debt("key-alive", key["fingerprint"], why, todo))
    return found


def pays(action: str, kinds: set[str]) -> bool:
    """Which steps are taken again for which debts."""
    if action == "report":
        return True
    if kinds & {"store-behind", "service-behind"} and action in ("stage", "wave", "verify"):
        return True
    if kinds & {"store-behind", "service-behind", "key-alive", "key-unproven"} and action in ("retire", "prove", "watch"):
        return True
    return action == "sweep" and "leftover" in kinds
