"""The clock of an incident: the time for which the leaked key has been alive, and the outage that containment has made. Pure."""

from ir.incident import reversibility
from ir.incident.facts import Facts

_MINUTE = 60.0
_UNTOUCHED = "policy"
"""The way to contain a key that leaves our own services their access."""


def said(facts: Facts, now: float, *, minutes: bool = False) -> str:
    """The clock for a person, such as `leaked key alive 14:32 · outage 2:10`; "" before anything is known.

    Args:
        facts: of the record.
        now: epoch seconds, on the clock of the facts.
        minutes: whole minutes only, for a line that stands still.
    """
    span = _in_minutes if minutes else passed
    since = float(facts.get("exposed_at") or 0.0) or float(facts.get("opened_at") or 0.0)
    if not since:
        return ""
    if facts.get("dead_at"):
        key = "leaked key dead"
    elif reversibility.dead(facts):
        key = "leaked key refused by Stripe, not proven dead yet"
    else:
        least = "" if facts.get("exposed_at") or (minutes and now - since < _MINUTE) else "at least "
        key = f"leaked key {'contained, ' if _contained(facts) else ''}alive {least}{span(now - since)}"
    outage = outage_since(facts)
    return f"{key} · outage {span(now - outage)}" if outage else key


def outage_since(facts: Facts) -> float:
    """The time since which containment keeps our own services from Stripe (epoch seconds); 0 = it does not."""
    contained = float(facts.get("contained_at") or 0.0)
    if not contained or facts.get("containment", {}).get("how") == _UNTOUCHED or facts.get("containment", {}).get("undone"):
        return 0.0
    return 0.0 if float(facts.get("verified_at") or 0.0) > contained else contained


def passed(seconds: float) -> str:
    """`75.0` → `1:15`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _in_minutes(seconds: float) -> str:
    hours, minutes = divmod(max(0, int(seconds)) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else "under 1 min"


def _contained(facts: Facts) -> bool:
    containment = facts.get("containment", {})
    return bool(containment) and not containment.get("undone") and not containment.get("unseen")
