"""Propose an exposure time where none is known: groups of callers that came late, and the verdict if they are not ours.

A proposed time is not an exposure time. That a group is new counts once, whatever is new about it; the verdict is at most *suspected*,
and only where the group did what a rule calls dangerous; else it cannot be told. See docs/decisions/0025.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ir.core.caller_group import EVENTS, CallerGroup
from ir.core.model import Finding, Json
from ir.core.wording import counted
from ir.ports import ReviewRequest
from ir.review.collect.collector import Read
from ir.review.detect import attack_chains, callers, change_points, citations, regular_callers
from ir.review.detect.change_points import Candidate
from ir.review.detect.regular_callers import Regular
from ir.review.detect.rules import LEVELS, RuleParameters, load_rules
from ir.review.detect.run_rules import Hit
from ir.review.detect.window import DAY, Window
from ir.review.judge import carrying, detection
from ir.review.sql.engine import Engine, quoted
from ir.review.workspace import Say

NOVELTY = frozenset({"S-01", "S-02", "S-03", "S-13", "N-01"})
"""Rules that report a newcomer: about a group that is proposed because it is new, they add nothing."""
RULE = "N-02"
_SHOWN = 5
_RUNS = 6
_IDS = 20
_KINDS = 4


@dataclass
class Proposed:
    """The proposal in place of an exposure time.

    Attributes:
        at: epoch seconds, 0 = nothing. rows: `{at, group, who, key, requests, of, last_seen, new, kinds, every, said, follows, evidence}`,
            the latest rare group first.
        regular: `{who, key, every, visits, requests, last_seen, due, said}`.
        hits: of what the groups did. parameters: those that they were judged with, None where nothing dangerous was done.
        findings: one for each group shown, of low severity.
    """

    at: int = 0
    rows: tuple[Json, ...] = ()
    regular: tuple[Json, ...] = ()
    hits: list[Hit] = field(default_factory=list)
    parameters: RuleParameters | None = None
    findings: tuple[Finding, ...] = ()


def propose(engine: Engine, request: ReviewRequest, looked: detection.DetectionRun, reads: dict[str, Read], say: Say) -> Proposed:
    """The late groups (unless the exposure is known), and the rare but regular consumers."""
    until = looked.window.until
    log = looked.seen["request-log"].rows > 0 and carrying.request_log(engine, until).usable > 0
    if not log and (looked.window.exposed or not looked.seen["events"].rows):
        return Proposed()
    ours = [CallerGroup.parse(text) for text in request.ours]
    known = callers.read(engine, looked.window, ours, log=log)
    regular = regular_callers.find(engine, known, looked.window) if log else []
    found = change_points.candidates(known, regular, until) if not looked.window.exposed else []
    told = Proposed(regular=tuple(map(_regular, regular)))
    if not found:
        return told
    engine.keep("flagged_undated", "SELECT evidence FROM flagged")
    hits, begun = _judged(engine, request, looked, reads, found, say)
    detection.derive_again(engine, looked)
    ids = {one.group: _evidence(engine, looked.window, one) for one in found[:_SHOWN]}
    plain = [hit for hit in looked.hits if detection.strong(hit) and hit.rule.id not in NOVELTY]
    hits = [hit for hit in hits if not any(_again(hit, other) for other in plain)]
    follows = {one.group: [hit for hit in (*plain, *hits) if _touches(engine, looked.window, one, hit)] for one in found}
    found.sort(key=lambda one: not follows[one.group])  # a group that did something dangerous is shown in any case
    shown = found[:_SHOWN]
    told.rows = tuple(_row(one, follows[one.group], ids.get(one.group) or _evidence(engine, looked.window, one)) for one in shown)
    told.findings = tuple(_finding(one, row) for one, row in zip(shown, told.rows, strict=True))
    evil = [one for one in found if follows[one.group]]
    told.at = min((one.use.first for one in evil), default=found[0].use.first)
    if evil:
        told.hits = [replace(hit, finding=replace(hit.finding, proposed=True)) for hit in hits]
        told.parameters = begun[min(begun)] if begun else None
        also = " UNION ALL ".join(f"SELECT evidence FROM ({_ids_of(looked.window, one)}) x" for one in evil)
        engine.keep("flagged", f"SELECT DISTINCT evidence FROM (SELECT evidence FROM flagged_undated UNION ALL {also}) y")
    else:
        engine.keep("flagged", "SELECT evidence FROM flagged_undated")
    return told


def _judged(
    engine: Engine, request: ReviewRequest, looked: detection.DetectionRun, reads: dict[str, Read], found: list[Candidate], say: Say
) -> tuple[list[Hit], dict[int, RuleParameters]]:
    """Dangerous acts of the groups, judged from the first of them each day; and the parameters of that judgement."""
    rules = load_rules(request.rules)
    hits: dict[tuple[str, str], Hit] = {}
    begun: dict[int, RuleParameters] = {}
    for at, group in _by_day(found)[:_RUNS]:
        window = looked.window.from_then(at)
        dated = detection.judged_from(engine, rules, window, deepcopy(looked.seen), reads, say, raised=False)
        strange = [hit for hit in dated.hits if hit.rule.id not in NOVELTY and _mostly(engine, looked.window, found, hit)]
        for hit in attack_chains.raise_chains(strange):
            if detection.strong(hit) and any(_touches(engine, looked.window, one, hit) for one in group):
                hits.setdefault((hit.rule.id, hit.finding.severity), hit)
                begun[at] = dated.parameters
    cited = citations.with_events(engine, list(hits.values()), egress=looked.seen["egress"].rows > 0)
    return cited, begun


def _again(dated: Hit, plain: Hit) -> bool:
    """Whether a finding repeats what shows without any time."""
    levels = (LEVELS.index(plain.finding.severity), LEVELS.index(dated.finding.severity))
    return dated.rule.id == plain.rule.id and levels[0] >= levels[1] and not set(dated.finding.evidence).isdisjoint(plain.finding.evidence)


def _by_day(found: Sequence[Candidate]) -> list[tuple[int, list[Candidate]]]:
    """Groups that began within a day of each other are judged together, from the first of them on; the most telling day first."""
    days: list[tuple[int, list[Candidate]]] = []
    for one in found:
        near = next((day for day in days if abs(day[0] - one.use.first) < DAY), None)
        if near is None:
            days.append((one.use.first, [one]))
        else:
            near[1].append(one)
    return [(min(one.use.first for one in group), group) for _, group in days]


_LOG_IDS = """
SELECT r.request_id AS evidence, r.ts AS ts FROM requests r LEFT JOIN ours o ON r.request_id = o.request_id
WHERE r.own = 0 AND r.ts >= {first} AND r.ts <= {last} AND o.request_id IS NULL AND r.request_id <> ''
  AND r.key_id = {key} AND r.agent = {client} AND r.agent_version = {version}{net}{kind}
"""
_EVENT_IDS = """
SELECT request_id AS evidence, ts FROM sent
WHERE client = {client} AND state IN ('ghost', 'unknown') AND ts >= {first} AND ts <= {last}{kind}
"""


def _ids_of(window: Window, one: Candidate) -> str:
    verb, _, resource = one.kind.partition(" ")
    fill: dict[str, object] = {"first": one.use.first, "last": min(one.use.last, window.until)}
    fill |= {name: quoted(getattr(one.actor, name)) for name in ("key", "client", "version")}
    if one.actor.net == EVENTS:
        kind = f" AND act LIKE {quoted('%:' + resource)}" if one.kind else ""
        return _EVENT_IDS.format(**fill, kind=kind)
    path = quoted(resource)
    kind = f" AND r.verb = {quoted(verb)} AND (r.endpoint = {path} OR r.endpoint LIKE {quoted(resource + '/%')})" if one.kind else ""
    net = f" AND r.net = {quoted(one.actor.net)}" if one.actor.net != callers.ANY else ""
    return _LOG_IDS.format(**fill, kind=kind, net=net)


def _evidence(engine: Engine, window: Window, one: Candidate) -> tuple[str, ...]:
    rows = engine.rows(f"SELECT evidence, ts FROM ({_ids_of(window, one)}) x ORDER BY ts, evidence LIMIT {_IDS}")
    return tuple(str(row[0]) for row in rows)


def _held(engine: Engine, window: Window, found: Sequence[Candidate], evidence: Sequence[str]) -> set[str]:
    """Those of these ids that the groups made."""
    if not evidence or not found:
        return set()
    wanted = ", ".join(map(quoted, evidence))
    union = " UNION ALL ".join(f"SELECT evidence FROM ({_ids_of(window, one)}) x" for one in found[: _SHOWN * _RUNS])
    return {str(row[0]) for row in engine.rows(f"SELECT DISTINCT evidence FROM ({union}) y WHERE evidence IN ({wanted})")}


def _touches(engine: Engine, window: Window, one: Candidate, hit: Hit) -> bool:
    return bool(_held(engine, window, [one], hit.finding.evidence))


def _mostly(engine: Engine, window: Window, found: list[Candidate], hit: Hit) -> bool:
    """Whether late groups made at least half of what is cited."""
    return 2 * len(_held(engine, window, found, hit.finding.evidence)) >= len(hit.finding.evidence) > 0


def _row(one: Candidate, follows: list[Hit], evidence: tuple[str, ...]) -> Json:
    key = f" with {one.actor.key}" if one.actor.key else ""
    said = (
        f"{one.use.n:,} of {counted(one.of, 'request')}{key}: {one.actor.named} ({_kinds(one)}), first seen {_day(one.use.first)}, "
        f"{one.news} not seen before; if these are not yours, the key was out by then"
    )
    done = [f"{hit.rule.id} {hit.finding.severity}: {hit.rule.title}" for hit in follows]
    return {
        "at": one.use.first, "group": one.group, "who": one.actor.named, "key": one.actor.key, "requests": one.use.n, "of": one.of,
        "last_seen": one.use.last, "new": one.news, "kinds": _kinds(one), "every": one.regular, "said": said, "follows": done,
        "evidence": list(evidence),
    }  # fmt: skip


def _kinds(one: Candidate) -> str:
    told = [f"{use.n:,} {kind}" + (f", {use.refused:,} refused" if use.refused else "") for kind, use in one.kinds[:_KINDS]]
    more = [f"and {len(one.kinds) - _KINDS} more kinds"] if len(one.kinds) > _KINDS else []
    regular = [f"once a {one.regular}"] if one.regular else []
    return "; ".join(told + more + regular)


def _finding(one: Candidate, row: Json) -> Finding:
    return Finding(
        rule=RULE,
        severity="low",
        title="A group of requests that came late",
        why=str(row["said"]),
        usual="Who uses a key changes with a deploy of ours, which replaces what was there; a stranger adds to it.",
        first_seen=one.use.first,
        last_seen=one.use.last,
        count=one.use.n,
        evidence=tuple(row["evidence"]),
        money=(),
        next_action=f"Ask who runs it; if it is yours: --ours '{one.group}'",
        proposed=True,
    )


def _regular(one: Regular) -> Json:
    who = callers.Actor(one.key, one.client, "", one.net).named
    said = f"{who} comes about once a {one.every}: {counted(one.requests, 'request')} in {one.visits} visits, next due {_day(one.due)}"
    return {
        "who": who, "key": one.key, "every": one.every, "visits": one.visits, "requests": one.requests, "last_seen": one.last,
        "due": one.due, "said": said,
    }  # fmt: skip


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M UTC")
