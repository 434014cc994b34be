"""The ladder of an incident: detected → aware → classified → material, each rung by a named person, with a time and a reason. Pure.

Clocks of the law run from awareness. A later word never moves a rung later: the earliest time that a person named counts. A breach that
was classified was known by then, so a classification is awareness at the latest. Detection is not awareness by itself, but may be read
so: it gives an earlier bound, which is told beside each clock.
"""

from dataclasses import dataclass
from datetime import datetime

from ir.core.model import Json, Policy
from ir.incident.record import Incident

SLIP = 30 * 86400.0
"""Seconds by which a time that a person names may lie before all that the record knows of; a wrong month or year is further off."""
RUNGS = ("detected", "aware", "classified", "material")


@dataclass(frozen=True)
class Rung:
    """One word about one rung.

    Attributes:
        at: when it was so, epoch seconds. said_at: when that was said, ISO 8601.
        yes: what was said of it: a breach, or material; of the other rungs always true.
        entry: number of the audit entry, None when an earlier version recorded it elsewhere.
    """

    name: str
    at: float
    by: str
    reason: str = ""
    yes: bool = True
    said_at: str = ""
    entry: int | None = None


def detected(record: Incident) -> Rung:
    """The time at which the incident was opened, or which its alert names; of a scheduled rotation, the word that its key leaked."""
    word = record.facts.get("emergency", {})
    if record.plan.get("policy") == Policy.SCHEDULED.value and word.get("at"):
        said = next((str(told["at"]) for told in record.signals if "emergency" in told.get("facts", {})), "")
        return Rung("detected", float(word["at"]), str(word.get("by", "")), word.get("reason") or "the old key has leaked", said_at=said)
    told = record.facts.get("opened_at")
    opened = datetime.fromisoformat(record.opened_at).timestamp() if record.opened_at else 0.0
    opened = float(told) if isinstance(told, int | float) and told else opened
    return Rung("detected", opened, record.actor, "the incident was opened", said_at=record.opened_at, entry=0)


def known_since(record: Incident) -> float:
    """The earliest time of which anything says that the leak was there or known, epoch seconds: no one was told of it before."""
    times = [rung.at for rung in ladder(record).values()]
    return min([at for at in (*times, float(record.facts.get("exposed_at") or 0.0)) if at], default=0.0)


def key_made_at(record: Incident) -> float:
    """When the leaked key was made, epoch seconds; 0.0 = that was not read. No one can have known of its leak before."""
    return float(record.facts.get("old", {}).get("created") or 0.0)


def words(record: Incident) -> list[Rung]:
    """Every word about a rung, in the order in which they were said."""
    return [_rung(word) for word in record.words if word.get("kind") == "ladder"]


def _rung(word: Json) -> Rung:
    name, entry = str(word["rung"]), word.get("n")
    yes = word.get({"classified": "breach", "material": "material"}.get(name, "")) is not False
    entry = entry if isinstance(entry, int) else None
    return Rung(name, float(word["when"]), str(word["by"]), str(word.get("reason", "")), yes, str(word.get("at", "")), entry)


def ladder(record: Incident) -> dict[str, Rung]:
    """Rung → the word that counts: the earliest time of each, detection included; an unreached rung is left out."""
    found = {"detected": detected(record)}
    for word in words(record):
        for name in ("aware", "classified") if word.name == "classified" and word.yes else (word.name,):
            before = found.get(name)
            if word.yes and (before is None or word.at < before.at):
                found[name] = word if word.name == name else Rung(name, word.at, word.by, _implied(word), True, word.said_at, word.entry)
    return {name: found[name] for name in RUNGS if name in found}


def _implied(word: Rung) -> str:
    return f"classified as a breach, so known by then{': ' + word.reason if word.reason else ''}"


def latest(record: Incident, name: str) -> Rung | None:
    """The last word about a rung: whether it is a breach, or material, is what was said last; since when is not."""
    return next((word for word in reversed(words(record)) if word.name == name), None)


def no_breach(record: Incident) -> Rung | None:
    """The word by which it is no personal data breach, if that was the last one about it."""
    said = latest(record, "classified")
    return said if said is not None and not said.yes else None
