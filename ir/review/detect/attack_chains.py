"""Findings in order make a chain: recon, then writes, then money out or persistence, within a day."""

from dataclasses import replace

from ir.review.detect.rules import LEVELS
from ir.review.detect.run_rules import Hit
from ir.review.detect.window import DAY

_MEDIUM = LEVELS.index("medium")


def raise_chains(hits: list[Hit]) -> list[Hit]:
    """Raise the severity of what follows recon within a day; a new network together with a new client is high."""
    return _follow([_with_new_client(hit, hits) for hit in hits])


def _with_new_client(hit: Hit, hits: list[Hit]) -> Hit:
    if hit.rule.id != "S-02" or hit.finding.severity != "medium":
        return hit
    clients = [h for h in hits if h.rule.id == "S-01" and not set(h.finding.evidence).isdisjoint(hit.finding.evidence)]
    return _raised(hit, "high", "the same requests came from a client that is new too (S-01)") if clients else hit


def _follow(hits: list[Hit]) -> list[Hit]:
    recon = [h for h in hits if h.rule.stage == "recon" and h.rule.id[0] == "S" and _level(h) >= _MEDIUM]
    return [_chained(hit, recon) if hit.rule.stage in ("write", "cashout") and hit.rule.id[0] == "S" else hit for hit in hits]


def _chained(then: Hit, recon: list[Hit]) -> Hit:
    # one shared source of evidence is not an order: the recon must be other requests, seen earlier
    before = [
        h
        for h in recon
        if set(h.finding.evidence).isdisjoint(then.finding.evidence) and 0 <= then.finding.first_seen - h.finding.first_seen <= DAY
    ]
    said = f"it follows {before[0].rule.id} within a day, as in an attack" if before else ""
    if before and then.finding.severity == "high":
        return _raised(then, "critical", said)
    if then.finding.severity == "medium" and any(_level(h) > _MEDIUM for h in before):
        return _raised(then, "high", said)
    return then


def _level(hit: Hit) -> int:
    return LEVELS.index(hit.finding.severity)


def _raised(hit: Hit, level: str, said: str) -> Hit:
    return replace(hit, finding=replace(hit.finding, severity=level, why=f"{hit.finding.why}; {said}"))
