"""The three verdicts, each within its coverage, and a score whose parts are shown.

`confirmed`: a critical finding, and another of at least medium severity on other evidence: one act that two rules name is one act.
`suspected`: a finding of high severity or worse, two of medium severity that are told by different sources or on other evidence where
there is a baseline, two of different areas and sources on the same requests, or a leftover made after the exposure.
`cannot tell`: the coverage does not allow more, or one medium finding is unexplained.
`none seen within coverage`: the coverage is complete for what is judged, and nothing was found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ir.core.model import Json
from ir.core.wording import counted
from ir.review.detect.rules import LEVELS
from ir.review.detect.run_rules import Hit
from ir.review.detect.window import Window
from ir.review.judge.coverage import SourceCoverage

CONFIRMED, SUSPECTED, CANNOT, NONE = "confirmed", "suspected", "cannot tell", "none seen within coverage"
RANKS = (NONE, CANNOT, SUSPECTED, CONFIRMED)
_WEIGHTS = {"informational": 0.0, "low": 5.0, "medium": 30.0, "high": 60.0, "critical": 85.0}
_CAP = 15.0
_MEDIUM, _CRITICAL = LEVELS.index("medium"), LEVELS.index("critical")
_NOBODYS = "S-15"


@dataclass(frozen=True)
class Judged:
    """Verdicts for `writes`, `reads`, `account`; why one is *cannot tell*; the score's parts."""

    verdict: str
    verdicts: dict[str, str]
    reasons: dict[str, list[str]]
    score: float
    parts: dict[str, float]


def worst(verdicts: Iterable[str]) -> str:
    """By rank: confirmed, suspected, cannot tell, none seen."""
    return max(verdicts, key=RANKS.index, default=CANNOT)


def judge(hits: list[Hit], seen: dict[str, SourceCoverage], leftovers: tuple[Json, ...], window: Window, hidden: int) -> Judged:
    """Args: `hidden` is the number of strangers' writes that fall into holes of our logs."""
    reasons = {"writes": _no_writes(seen, hidden), "reads": _no_reads(seen, hits), "account": _no_account(seen)}
    verdicts = {area: _area(area, hits, reasons[area], window.baseline) for area in reasons}
    for area in _named_twice(hits):
        verdicts[area] = worst((verdicts[area], SUSPECTED))
    if not window.exposed and not seen["egress"].rows:  # nothing tells whose acts these are: neither a time nor our own logs
        verdicts = {area: min(told, SUSPECTED, key=RANKS.index) for area, told in verdicts.items()}
    fresh = [row for row in leftovers if window.exposed and int(row["created"]) >= window.exposed]
    if fresh:
        verdicts["account"] = worst((verdicts["account"], SUSPECTED))
    parts = _parts(hits, fresh)
    return Judged(worst(verdicts.values()), verdicts, reasons, min(100.0, round(sum(parts.values()), 1)), parts)


def at_most_suspected(undated: Judged, proposed: Judged, groups: Sequence[Json]) -> Judged:
    """The part of the verdict that a proposed exposure time adds: never *confirmed*, and never *none seen* while a group is open."""
    capped = {area: min(told, SUSPECTED, key=RANKS.index) for area, told in proposed.verdicts.items()}
    verdicts = {area: worst((undated.verdicts[area], capped[area], CANNOT)) for area in capped}
    why = f"when the key got out is not known, and {groups[0]['who']} came late: {groups[0]['new']} not seen before"
    reasons = {area: [why, *told] for area, told in undated.reasons.items()}
    parts = {**proposed.parts, "a group that came late": _WEIGHTS["low"]}
    return Judged(worst(verdicts.values()), verdicts, reasons, min(100.0, round(sum(parts.values()), 1)), parts)


def _area(area: str, hits: list[Hit], reasons: list[str], baseline: bool) -> str:
    here = [hit for hit in hits if hit.rule.judges == area]
    strong = [hit for hit in hits if _level(hit) >= _MEDIUM]
    if any(_level(hit) == _CRITICAL and any(_apart(hit, other) for other in strong) for hit in here):
        return CONFIRMED
    if any(_level(hit) > _MEDIUM for hit in here):
        return SUSPECTED
    medium = [hit for hit in here if _level(hit) == _MEDIUM]
    if baseline and any(_apart(one, other) or _elsewhere(one, other) for one, other in combinations(medium, 2)):
        return SUSPECTED
    return CANNOT if reasons or medium else NONE


def _level(hit: Hit) -> int:
    return LEVELS.index(hit.finding.severity)


def _apart(one: Hit, other: Hit) -> bool:
    """Whether two rules rest on different evidence, and not on one act that both name."""
    return one.rule.id != other.rule.id and set(one.finding.evidence).isdisjoint(other.finding.evidence)


def _elsewhere(one: Hit, other: Hit) -> bool:
    """Whether two rules look into different sources."""
    return one.rule.id != other.rule.id and one.rule.logsource.get("service") != other.rule.logsource.get("service")


def _named_twice(hits: list[Hit]) -> set[str]:
    """Areas of medium findings that name the same requests from different sources: each may be chance, both together are not."""
    medium = [hit for hit in hits if _level(hit) == _MEDIUM]
    pairs = [(a, b) for a, b in combinations(medium, 2) if a.rule.judges != b.rule.judges and _elsewhere(a, b)]
    return {hit.rule.judges for a, b in pairs if not set(a.finding.evidence).isdisjoint(b.finding.evidence) for hit in (a, b)}


def _no_writes(seen: dict[str, SourceCoverage], hidden: int) -> list[str]:
    reasons = []
    if not seen["events"].full:
        reasons.append("Stripe's events do not cover the whole window")
    if not seen["egress"].rows:
        reasons.append("our own egress logs were not given, so it cannot be told which writes were ours")
    elif not seen["egress"].full:
        reasons.append(seen["egress"].lacks or "our egress logs do not hold 95 % of our own known writes")
    if hidden:
        reasons.append(f"{hidden} write(s) of unknown origin fall into holes of our logs")
    return reasons


def _no_reads(seen: dict[str, SourceCoverage], hits: list[Hit]) -> list[str]:
    if seen["request-log"].full and not seen["egress"].rows:
        return ["no log of ours was given, so requests with our client from our addresses cannot be told from our own"]
    if seen["request-log"].full:
        nobodys = sum(hit.finding.count for hit in hits if hit.rule.id == _NOBODYS)
        return [f"{counted(nobodys, 'request')} in Stripe's log {'is' if nobodys == 1 else 'are'} in no log of ours"] if nobodys else []
    if seen["request-log"].lacks:
        return [seen["request-log"].lacks]
    return ["reads leave no trace in events; a request-log export (Workbench) that covers the window was not given"]


def _no_account(seen: dict[str, SourceCoverage]) -> list[str]:
    return [] if seen["activity"].full else ["the activity log was not readable for the whole window"]


def _parts(hits: list[Hit], fresh: list[Json]) -> dict[str, float]:
    rules = {hit.rule.id: 0.0 for hit in hits if not hit.rule.id.startswith(("N-", "D-"))}
    for hit in hits:
        if hit.rule.id in rules:
            rules[hit.rule.id] = max(rules[hit.rule.id], _WEIGHTS[hit.finding.severity])
    parts: dict[str, float] = {}
    if rules:
        strongest = max(rules, key=lambda name: rules[name])
        parts[f"strongest rule {strongest}"] = rules[strongest]
        others = sum(weight for name, weight in rules.items() if name != strongest)
        parts["other rules"] = round(min(_CAP, others / 10), 1)
    for prefix, name in (("N-", "novelty"), ("D-", "deviation")):
        points = sum(_WEIGHTS[hit.finding.severity] / 4 for hit in hits if hit.rule.id.startswith(prefix))
        if points:
            parts[name] = round(min(_CAP, points), 1)
    if fresh:
        parts["leftovers since the exposure"] = min(60.0, max(_WEIGHTS[str(row["severity"])] for row in fresh))
    return parts
