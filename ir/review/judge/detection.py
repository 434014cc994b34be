"""Run the detection: completeness of our logs, coverage of each source, hits of the rules."""

from copy import deepcopy
from dataclasses import dataclass, replace

from ir.core.caller_group import CallerGroup
from ir.ports import ReviewRequest
from ir.review.collect import leftover_sweep
from ir.review.collect.collector import Read
from ir.review.detect import attack_chains, citations, derived_tables, log_gaps, source_holes
from ir.review.detect.rules import Rule, RuleParameters, load_rules
from ir.review.detect.run_rules import Hit, run_rules
from ir.review.detect.window import DAY, HOUR, MIN_BASELINE, Window
from ir.review.judge import carrying, coverage, cross_checks
from ir.review.sql.engine import Engine
from ir.review.workspace import Say

LOOK_BACK = 3 * DAY
"""Seconds before a stated exposure in which misuse is looked for. Further back, changes that people made by hand would look like it."""


@dataclass
class DetectionRun:
    """The results of detection; `window` is the one that the evidence allows.

    Attributes:
        began: when misuse began, if that was before the stated exposure; 0 = it was not.
    """

    window: Window
    seen: dict[str, coverage.SourceCoverage]
    parameters: RuleParameters
    complete: log_gaps.Completeness
    hits: list[Hit]
    hidden: int
    began: int = 0


def look(
    engine: Engine,
    request: ReviewRequest,
    window: Window,
    reads: dict[str, Read],
    own: tuple[str, ...],
    say: Say,
) -> DetectionRun:
    """Derive, measure, run the rules. `own` are request ids of our own probes.

    A stated exposure is often only a scanner's first sight, and everything before it counts as usual. So the review first looks for
    misuse before it. If there is some, and it shows again when measured by the time before that, all is judged from there.
    """
    seen = coverage.look(engine, window.until)
    window = _evidenced(window, seen)
    declared = [CallerGroup.parse(text) for text in request.ours]
    derived_tables.derive_sent(engine, egress=seen["egress"].rows > 0, probes=own, mine=request.own_objects, declared=declared)
    rules = load_rules(request.rules)
    began = _began(engine, rules, window, seen, reads, say) if window.baseline else 0
    if began:
        looked = judged_from(engine, rules, window.from_then(began), deepcopy(seen), reads, say)
        if any(strong(hit) and hit.finding.first_seen < window.judged for hit in looked.hits):
            return replace(looked, began=looked.window.judged)
    return judged_from(engine, rules, window, seen, reads, say)


def _began(
    engine: Engine, rules: tuple[Rule, ...], window: Window, seen: dict[str, coverage.SourceCoverage], reads: dict[str, Read], say: Say
) -> int:
    """The time of the first strong sign of misuse in the days before the exposure; 0 = none. Reads have no history and are left out."""
    before, earliest = window.before(), window.judged - LOOK_BACK
    complete = _completeness(engine, seen, before)
    derived_tables.derive_acts(engine, complete.holes, judged=_can_tell_strangers(seen, complete))
    telling = [rule for rule in rules if rule.judges != "reads" and "baseline" not in rule.needs]
    hits, _ = run_rules(engine, telling, _parameters(before, seen, complete, reads), _have(seen, reads, before), say)
    late = [hit.finding for hit in hits if strong(hit) and hit.finding.last_seen >= earliest]
    return min((max(finding.first_seen, earliest) for finding in late), default=0)


def strong(hit: Hit) -> bool:
    """Whether it is of high or critical severity."""
    return hit.finding.severity in ("high", "critical")


def judged_from(
    engine: Engine,
    rules: tuple[Rule, ...],
    window: Window,
    seen: dict[str, coverage.SourceCoverage],
    reads: dict[str, Read],
    say: Say,
    *,
    raised: bool = True,
) -> DetectionRun:
    """Measure and run the rules over the derived tables. Not `raised`: each rule speaks for itself, and cites requests alone."""
    complete = _completeness(engine, seen, window)
    derived_tables.derive_acts(engine, complete.holes, judged=_can_tell_strangers(seen, complete), hours=complete.hours)
    _cover(engine, seen, window, reads, complete)
    parameters = _parameters(window, seen, complete, reads)
    hits, blind = run_rules(engine, rules, parameters, _have(seen, reads, window), say)
    hidden = engine.rows(f"SELECT COUNT(*) FROM acts WHERE state = 'hole' AND ts >= {window.judged}")[0][0]
    _say_blind(seen, blind)
    if raised:
        hits = citations.with_events(engine, attack_chains.raise_chains(hits), egress=seen["egress"].rows > 0)
    return DetectionRun(window, seen, parameters, complete, hits, int(hidden))


def derive_again(engine: Engine, looked: DetectionRun) -> None:
    """Restore `acts` for this look, after another one."""
    complete = looked.complete
    derived_tables.derive_acts(engine, complete.holes, judged=_can_tell_strangers(looked.seen, complete), hours=complete.hours)


def _can_tell_strangers(seen: dict[str, coverage.SourceCoverage], complete: log_gaps.Completeness) -> bool:
    """Whether our logs are complete enough, outside of their holes, to call a write that they lack a stranger's."""
    return complete.tells and not 2 * seen["egress"].untimed > seen["egress"].rows


def _cover(
    engine: Engine, seen: dict[str, coverage.SourceCoverage], window: Window, reads: dict[str, Read], complete: log_gaps.Completeness
) -> None:
    """The coverage of each source in the judged window."""
    archive = seen["events"].rows > 0 and not from_stripe(reads)
    events = carrying.minutes(engine, "events", "ts > 0") if archive else {}
    silent, lacking = carrying.unacknowledged(engine, window) if archive and seen["egress"].rows else ([], [])
    missing = source_holes.merged(carrying.holes(events, {}, window) + silent)
    coverage.judge_events(seen["events"], reads.get("events"), window, reads.get("thin"), missing, lacking)
    clock = cross_checks.egress_clock(engine, window) if seen["egress"].rows and seen["events"].rows else ""
    coverage.judge_egress(seen["egress"], complete, window, clock)
    if seen["request-log"].rows:
        given = carrying.request_log(engine, window.until)
        span = (seen["request-log"].first, seen["request-log"].last)
        doubt = cross_checks.request_log(engine, window, span) if given.usable and seen["egress"].rows else ""
        rows = carrying.minutes(engine, "requests", carrying.USABLE) if given.usable else {}
        expected = carrying.other_requests(engine, window.until) if rows and carrying.young(rows) else {}
        coverage.judge_requests(seen["request-log"], given, window, carrying.holes(rows, expected, window), doubt)
    activity = carrying.minutes(engine, "activity", "ts > 0")
    coverage.judge_activity(seen["activity"], reads.get("activity"), window, carrying.holes(activity, {}, window))


def from_stripe(reads: dict[str, Read]) -> bool:
    """Whether it is Stripe's own list: an archive may lack types that no one subscribed to."""
    return "events" in reads and reads["events"].available and not reads["events"].unread


def _evidenced(window: Window, seen: dict[str, coverage.SourceCoverage]) -> Window:
    """Evidence that begins after the window does shortens the baseline; the judged part stays the same."""
    first = min((one.first for one in seen.values() if one.rows and one.first), default=window.since)
    since = min(max(window.since, first), window.judged)
    baseline = window.exposed > 0 and window.judged - max(since, first) >= MIN_BASELINE
    return Window(since, window.judged, window.until, window.exposed, baseline)


def _completeness(engine: Engine, seen: dict[str, coverage.SourceCoverage], window: Window) -> log_gaps.Completeness:
    if not seen["egress"].rows:
        return log_gaps.Completeness()
    rows = [
        (str(a), str(c), int(h), int(o), int(g)) for a, c, h, o, g in engine.rows(derived_tables.KIND_HOURS) if int(h) * HOUR < window.until
    ]
    minutes = {
        int(minute): int(count)
        for minute, count in engine.rows(
            "SELECT CAST(FLOOR(ts / 60) AS BIGINT) AS minute, COUNT(*) AS n FROM requests WHERE own = 1 AND source = 'egress' AND ts > 0 "
            f"AND ts <= {window.until + carrying.SLACK} GROUP BY CAST(FLOOR(ts / 60) AS BIGINT)"
        )
    }
    return log_gaps.measure(rows, minutes, window, (seen["egress"].first, seen["egress"].last))


def _parameters(
    window: Window, seen: dict[str, coverage.SourceCoverage], complete: log_gaps.Completeness, reads: dict[str, Read]
) -> RuleParameters:
    begin = max(window.since, seen["egress"].first or window.since, seen["events"].first or window.since)
    ghost_hours = (window.judged - begin) / HOUR
    read = from_stripe(reads)
    return RuleParameters.of(
        window,
        ghost_baseline=int(window.baseline and ghost_hours >= 24),
        ghost_hours=max(round(ghost_hours, 3), 1.0),
        loss=round(complete.loss, 6),
        api_from=max(window.since, window.until - coverage.KEPT_BY_API) if read else window.until,
        api_until=window.until,
        own_from=seen["egress"].first,
        own_until=seen["egress"].last,
    )


def _have(seen: dict[str, coverage.SourceCoverage], reads: dict[str, Read], window: Window) -> set[str]:
    given = {
        "events": seen["events"].rows > 0,
        "egress": seen["egress"].rows > 0,
        "requests": seen["request-log"].rows > 0,
        "activity": seen["activity"].rows > 0,
        "webhooks": seen["webhook-log"].rows > 0 or seen["events"].rows > 0,
        "api": from_stripe(reads),
        "baseline": window.baseline,
    }
    return {name for name, there in given.items() if there}


def _say_blind(seen: dict[str, coverage.SourceCoverage], blind: list[str]) -> None:
    if not blind:
        return
    for name, one in seen.items():
        if not one.rows:
            rules = [rule for rule in blind if rule in _SEES.get(name, ())]
            if rules:
                one.blind_to = (one.blind_to or coverage.ABSENT.get(name, "")) + f" (rules {', '.join(rules)} could not run)"


_SEES = {
    "egress": ("S-00",),
    "request-log": ("S-02", "S-03", "S-11", "S-13", "S-14"),
    "webhook-log": ("W-01", "W-02", "W-03"),
}


def objects_seen(swept: leftover_sweep.Swept, window: Window) -> coverage.SourceCoverage:
    """The coverage of the list sweeps."""
    one = coverage.SourceCoverage(len(swept.rows), window.judged if swept.read else 0, window.until if swept.read else 0)
    one.gaps = [coverage.gap(window.judged, window.until, f"{kind}: {why}") for kind, why in sorted(swept.unread.items())]
    one.full = swept.read > 0
    if swept.read and swept.unread:
        one.blind_to = "leftovers of the kinds " + ", ".join(sorted(swept.unread))
    return one
