"""Deadlines of an incident: each clock of the packs that count, its start, its end, and the notification that answers it. Pure.

`open_ones` is what a status line, a notice or a digest shows; `rows` are the same in the index, readable without the record.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ir.core.durations import spoken
from ir.core.model import Json
from ir.incident import ladder
from ir.incident.obligations import DEFAULT, LegalClock, Pack, shipped
from ir.incident.record import Incident

OPEN, TOLD, LATE, NOT_TOLD, NO_BREACH, NOT_STARTED = "open", "told", "told late", "not told", "no breach", "not started"
"""States of a clock. A clock without a number of hours is open until somebody is told, and never late."""


@dataclass(frozen=True)
class Deadline:
    """One clock of one incident.

    Attributes:
        state: one of the words above.
        since: from when it runs, epoch seconds; 0 = it has not begun.
        due: until when, epoch seconds; 0 = it has not begun, or the law names no number.
        bound: the same from detection, 0 = none: a stricter reader counts from there.
        word: the word that answered it, {} = none. why: who started it, or why it does not run.
    """

    pack: Pack
    clock: LegalClock
    state: str
    since: float = 0.0
    due: float = 0.0
    bound: float = 0.0
    word: Mapping[str, object] | None = None
    why: str = ""

    def said(self, now: float) -> str:
        """One line: recipient, rule, due time, and the time that is left."""
        head = f"tell {self.clock.to} ({self.clock.article})"
        if self.due:
            return f"{head} {_until(self.due, now)}"
        if self.since:
            return f"{head}: without undue delay, no number of hours; {spoken(max(now - self.since, 0.0))} have passed"
        return f"{head}: has not begun ({self.why})"

    def todo(self, incident: str) -> str:
        """The command that records the notification."""
        return f"ir notify record {incident} --to {self.clock.to} --clock {self.clock.id} --at now --by NAME --reference REF"

    def to_json(self) -> Json:
        """A row of the index, of `--json` and of the report; times are epoch seconds."""
        clock = self.clock
        row = {"id": clock.id, "pack": self.pack.name, "to": clock.to, "article": clock.article, "says": clock.says, "state": self.state}
        law = {"source": clock.source, "read": clock.read, "effective": clock.effective.isoformat(), "unclear": clock.unclear}
        return {**row, "since": self.since, "due": self.due, "bound": self.bound, "why": self.why, "word": dict(self.word or {}), **law}


def utc(at: float) -> str:
    """`2026-11-23 22:35 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def packs(record: Incident) -> tuple[str, ...]:
    """Names of the packs that count: the usual ones, and those that people named."""
    named = [str(name) for word in record.words for name in word.get("under", ())]
    return tuple(dict.fromkeys([*DEFAULT, *named]))


def all_of(record: Incident) -> list[Deadline]:
    """Every clock of the packs that count, in the order of the file."""
    found: dict[str, Deadline] = {}
    words = [word for word in record.words if word.get("kind") in ("told", "not-told")]
    for pack, clock in shipped().of(packs(record)):
        found[clock.id] = _deadline(record, pack, clock, found, words)
    return list(found.values())


def open_ones(record: Incident) -> list[Deadline]:
    """Clocks that run and are not answered, the next one first; those without a number last."""
    running = [row for row in all_of(record) if row.state == OPEN]
    return sorted(running, key=lambda row: row.due or float("inf"))


def rows(record: Incident) -> list[Json]:
    """`open_ones` as JSON, for the index: a digest reads them without the record."""
    return [row.to_json() for row in open_ones(record)] if concerns(record) else []


def concerns(record: Incident) -> bool:
    """Whether people's data may be concerned at all: a person said so, or the review found misuse."""
    found = record.facts.get("review") or record.facts.get("triage")
    misused = isinstance(found, dict) and found.get("verdict") in ("confirmed", "suspected")
    return misused or any(word.get("kind") in ("ladder", "under", "told", "not-told") for word in record.words)


def countdown(rows: Iterable[Json], now: float) -> list[str]:
    """Lines for a digest or a notice, of `rows` as the index has them."""
    return [f"tell {row['to']} {_until(float(row['due']), now)} ({row['article']})" for row in rows]


def _until(due: float, now: float) -> str:
    if not due:
        return "without undue delay"
    return f"by {utc(due)}, " + (f"{spoken(due - now)} left" if due > now else f"LATE by {spoken(now - due)}")


def bound_of_detection(record: Incident) -> list[str]:
    """Before a person states awareness: the ends of all clocks, if awareness began with detection."""
    if "aware" in ladder.ladder(record) or ladder.no_breach(record):
        return []
    start, known = ladder.detected(record).at, shipped().of(packs(record))
    return [
        f"{clock.article}: {utc(clock.within.after(start))}, if detection ({utc(start)}) is awareness"
        for _, clock in known
        if clock.starts == "aware" and clock.within is not None and start
    ]


def _deadline(record: Incident, pack: Pack, clock: LegalClock, before: Mapping[str, Deadline], words: list[Json]) -> Deadline:
    rungs, no = ladder.ladder(record), ladder.no_breach(record)
    since, why = _start(clock, rungs, before)
    bound = clock.within.after(rungs["detected"].at) if clock.within and clock.starts == "aware" and rungs["detected"].at else 0.0
    due = clock.within.after(since) if clock.within and since else 0.0
    answer = _answer(clock, words, pack)
    if answer is not None:
        late = answer["kind"] == "told" and due and float(answer["when"]) > due
        state = NOT_TOLD if answer["kind"] == "not-told" else LATE if late else TOLD
        return Deadline(pack, clock, state, since, due, bound, answer, why)
    if no is not None and clock.starts in ("aware", "classified"):
        return Deadline(pack, clock, NO_BREACH, since, due, bound, None, f"{no.by} said at {utc(no.at)}: no personal data breach")
    return Deadline(pack, clock, OPEN if since else NOT_STARTED, since, due, bound, None, why)


def _start(clock: LegalClock, rungs: Mapping[str, ladder.Rung], before: Mapping[str, Deadline]) -> tuple[float, str]:
    """The start of a clock (0 = not yet), and the reason."""
    other = clock.starts.partition(":")[2]
    if other:
        told = (before[other].word or {}) if other in before else {}
        when = float(str(told["when"])) if told.get("kind") == "told" else 0.0
        return when, f"it runs from {other}" if when else f"it runs from {other}, which is not recorded"
    rung = rungs.get(clock.starts)
    if rung is None:
        return 0.0, f"nobody has said `{clock.starts}` yet: ir classify"
    return rung.at, f"{rung.name} at {utc(rung.at)}, says {rung.by}"


def _answer(clock: LegalClock, words: list[Json], pack: Pack) -> Json | None:
    """The first notification that names this clock; one without a name answers the first clock of its recipient in each pack."""
    first = next(one for one in pack.clocks if one.to == clock.to)
    names = {clock.id, clock.same_as} - {""} | ({""} if first.id in (clock.id, clock.same_as) else set())
    return next((word for word in words if word.get("to") == clock.to and word.get("clock", "") in names), None)
