"""The review in straightforward Python over orjson: the same lines read, scrubbed and normalised, the same questions asked.

It is what the engine is measured against, so it does what the engine does with our own log and the events: load and keep them
(`plain_load`), tell who sent each write, set holes of our log apart, look for misuse before the stated exposure, run every rule that
can speak without Stripe's request logs (`plain_rules`), fold hits into findings, and raise what follows a look around. What the
review does besides (blast radius, coverage, timeline, which takes the engine a tenth of a second) is left out.
`benchmarks.review --python` compares the findings.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from benchmarks.plain_load import Evidence, read
from benchmarks.plain_rules import WITH_BASELINE, WITHOUT_BASELINE, Act, Case, Hits
from ir.review.detect.log_gaps import Completeness, measure
from ir.review.detect.window import DAY, HOUR, MIN_BASELINE, Window
from ir.review.judge.detection import LOOK_BACK

_SHOWN = 50
_SERIOUS = ("high", "critical")
_HIGHEST = ("ts", "id", "automatic")
_FOLLOWS = ("S-00", "S-04", "S-05", "S-06", "S-07", "S-08", "S-09")
_OFFERED = ("payment_intent.created", "setup_intent.created")
_CONFIRMED = ("40:intent", "45:setup", "58:decline", "60:payment")


@dataclass(frozen=True)
class Found:
    """One finding: how often, between when, the ids shown, minor units by currency."""

    rule: str
    level: str
    count: int
    first: int
    last: int
    evidence: tuple[str, ...]
    money: dict[str, int]


def review(folder: Path, window: Window) -> tuple[list[Found], Evidence]:
    """Load, derive, detect."""
    seen = read(folder)
    acts = acts_of(seen)
    window = _evidenced(window, seen)
    began = _began(acts, window, seen) if window.baseline else 0
    if began:
        found = _judged(acts, window.from_then(began), seen)
        if any(one.level in _SERIOUS and one.first < window.judged for one in found):
            return found, seen
    return _judged(acts, window, seen), seen


def acts_of(seen: Evidence) -> list[Act]:
    """One row per request that changed something, with who sent it."""
    by_request: dict[str, Act] = {}
    offered = {e["intent"] for e in seen.events.values() if e["type"] in _OFFERED and e["intent"] and e["request_id"] in seen.ours}
    for one in seen.events.values():
        ident = one["request_id"]
        if not ident or not one["ts"]:
            continue
        act = by_request.get(ident)
        if act is None:
            by_request[ident] = dict(one)
            continue
        for name, value in one.items():
            act[name] = (min if name in _HIGHEST else max)(act[name], value)
    for ident, act in by_request.items():
        buyer = act["intent"] in offered and act["act"] in _CONFIRMED
        act["hour"] = act["ts"] // HOUR
        act["sent"] = "own" if ident in seen.ours else "buyer" if buyer else "ghost"
    return list(by_request.values())


def _evidenced(window: Window, seen: Evidence) -> Window:
    """Evidence that begins after the window does gives a shorter baseline."""
    first = min(seen.first, min(one["ts"] for one in seen.events.values()))
    since = min(max(window.since, first), window.judged)
    return replace(window, since=since, baseline=window.exposed > 0 and window.judged - since >= MIN_BASELINE)


def _began(acts: list[Act], window: Window, seen: Evidence) -> int:
    """When the first strong sign of misuse shows in the days before the exposure; 0 = none."""
    earliest = window.judged - LOOK_BACK
    found = _findings(_asked(acts, window.before(), seen, WITHOUT_BASELINE).found)
    return min((max(one.first, earliest) for one in found if one.level in _SERIOUS and one.last >= earliest), default=0)


def _judged(acts: list[Act], window: Window, seen: Evidence) -> list[Found]:
    return _chained(_findings(_asked(acts, window, seen, WITHOUT_BASELINE + (WITH_BASELINE if window.baseline else ())).found))


def _asked(acts: list[Act], window: Window, seen: Evidence, rules: tuple[Callable[[Case], None], ...]) -> Case:
    loss = round(mark_holes(acts, seen, window).loss, 6)
    begin = max(window.since, seen.first, min(one["ts"] for one in seen.events.values()))
    hours = (window.judged - begin) / HOUR
    within = [act for act in acts if act["ts"] < window.until]
    case = Case(within, acts, list(seen.events.values()), window, max(hours, 1.0), window.baseline and hours >= 24, loss)
    for rule in rules:
        rule(case)
    return case


def mark_holes(acts: list[Act], seen: Evidence, window: Window) -> Completeness:
    """Set strangers inside holes of our log apart; returns how complete it is."""
    counted: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for act in acts:
        if act["sent"] in ("own", "ghost") and act["hour"] * HOUR < window.until:
            counted[act["act"], act["client"], act["hour"]][act["sent"] == "ghost"] += 1
    rows = [(kind, client, hour, own, ghosts) for (kind, client, hour), (own, ghosts) in counted.items()]
    found = measure(rows, dict(seen.minutes), window, (seen.first, seen.last))
    holes = {hole[:3]: hole[3:] for hole in found.holes}
    for act in acts:
        begins, ends = holes.get((act["act"], act["client"], act["hour"]), (act["ts"], act["ts"]))
        act["state"] = "hole" if act["sent"] == "ghost" and not begins <= act["ts"] <= ends else act["sent"]
    return found


def _findings(hits: Hits) -> list[Found]:
    """One for each rule and severity; of each entity's evidence the first, then the second, and so on."""
    found = []
    for (rule, level), them in hits.items():
        entities: dict[str, list[Act]] = defaultdict(list)
        for (entity, _), act in them.items():
            entities[entity].append(act)
        turns = zip_longest(*(_first(acts) for acts in sorted(entities.values(), key=len, reverse=True)))
        shown = dict.fromkeys(name for turn in turns for name in turn if name)
        money: dict[str, int] = defaultdict(int)
        for act in them.values():
            money[act["currency"]] += act["amount"]
        times = [act["ts"] for act in them.values()]
        found.append(Found(rule, level, len(them), min(times), max(times), tuple(shown)[:_SHOWN], dict(money)))
    return found


def _first(acts: list[Act]) -> list[str]:
    return [act["request_id"] for act in sorted(acts, key=lambda act: (act["ts"], act["request_id"]))[:_SHOWN]]


def _chained(found: list[Found]) -> list[Found]:
    """Writes and cash-out that follow a look around (of what speaks here: S-01, S-10) within a day are worse."""
    return [_raised(one, [before for before in found if before.rule in ("S-01", "S-10") and _follows(one, before)]) for one in found]


def _follows(one: Found, before: Found) -> bool:
    return one.rule in _FOLLOWS and not set(one.evidence) & set(before.evidence) and 0 <= one.first - before.first <= DAY


def _raised(one: Found, before: list[Found]) -> Found:
    if before and one.level == "high":
        return replace(one, level="critical")
    if one.level == "medium" and any(earlier.level in _SERIOUS for earlier in before):
        return replace(one, level="high")
    return one
