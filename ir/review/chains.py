"""Order makes a chain: looking around, then writing, then taking money out or settling in, within a day."""

from dataclasses import replace

from ir.review.detect import Hit
from ir.review.rules import LEVELS
from ir.review.window import DAY

_MEDIUM = LEVELS.index("medium")


def raise_chains(hits: list[Hit]) -> list[Hit]:
    """Severity of what follows recon within a day becomes critical; a sentence says why."""
    strong = [hit for hit in hits if LEVELS.index(hit.finding.severity) >= _MEDIUM]
    recon = [h for h in strong if h.rule.stage == "recon" and h.rule.id[0] == "S"]
    acted = [h for h in strong if h.rule.stage in ("write", "cashout") and h.rule.id[0] == "S"]
    raised: dict[int, str] = {}
    for first in recon:
        for then in acted:
            # One shared source of evidence is no order: the recon must be another request, seen earlier.
            apart = set(first.finding.evidence).isdisjoint(then.finding.evidence)
            if apart and 0 <= then.finding.first_seen - first.finding.first_seen <= DAY:
                raised[id(then)] = first.rule.id
    return [_raised(hit, raised[id(hit)]) if id(hit) in raised else hit for hit in hits]


def _raised(hit: Hit, after: str) -> Hit:
    if hit.finding.severity not in ("high", "medium"):
        return hit
    level = "critical" if hit.finding.severity == "high" else "high"
    why = f"{hit.finding.why}; it follows {after} within a day, as in an attack"
    return replace(hit, finding=replace(hit.finding, severity=level, why=why))
