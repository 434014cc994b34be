"""Read what strangers may have written: files to tables, tables to a verdict. This part makes no calls."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ir.core.errors import Unknown
from ir.core.model import Json
from ir.ports import Reviewed, ReviewRequest
from ir.review.collect.collector import Read
from ir.review.collect.leftover_sweep import Swept
from ir.review.detect.rules import LEVELS
from ir.review.detect.window import Window
from ir.review.ingest.load_result import Loaded
from ir.review.judge import (
    affected_customers,
    blast_radius,
    coverage_table,
    detection,
    leftover_list,
    proposing,
    sdk_ages,
    timeline,
    used_calls,
)
from ir.review.judge.verdict import NONE, at_most_suspected, judge
from ir.review.sql.engine import Engine
from ir.review.workspace import ReviewWorkspace, Say

NewEngine = Callable[[str], Engine]


@dataclass(frozen=True)
class Order:
    """The request, and what was collected for it.

    Attributes:
        request: without the key.
        reads, swept: of Stripe; keyed says whether there was a key to read with.
        own: request ids of our own probes.
        unread: why the files of the request were left out, "" for not.
    """

    request: ReviewRequest
    window: Window
    reads: dict[str, Read]
    swept: Swept
    own: tuple[str, ...]
    memory_limit: str
    keyed: bool
    unread: str = ""

    def without_files(self, why: str) -> "Order":
        """The same order without files, from Stripe's record alone."""
        return replace(self, unread=why)


def carry_out(order: Order, say: Say, new_engine: NewEngine | None = None) -> Reviewed:
    """Read and judge. Raises Unknown (no source at all), BadFile (a map)."""
    request = replace(order.request, egress=(), logs=()) if order.unread else order.request
    store = ReviewWorkspace(Path(request.scratch) / "review", memory_limit=order.memory_limit)
    try:
        store.fresh()
        loaded = store.import_files(request, order.reads, say)
        store.write_objects(order.swept)
        if order.keyed and not loaded.files and not any(read.available for read in order.reads.values()):
            raise Unknown(
                "no source at all could be read: " + "; ".join(sorted({r.why for r in order.reads.values() if r.why}))[:300],
                next_step="check the review key, or give exported files",
            )
        if order.unread:
            for label in [*(["egress"] if order.request.egress else []), *(["request-log"] if order.request.logs else [])]:
                loaded.say(label, order.unread)
        engine = _engine(request.engine, store, new_engine)
        try:
            return replace(_judged(engine, order, loaded, say), collected=store.collected(order.swept))
        finally:
            if engine is not store.engine:
                engine.close()
    finally:
        store.close()


def _judged(engine: Engine, order: Order, loaded: Loaded, say: Say) -> Reviewed:
    request, window = order.request, order.window
    looked = detection.look(engine, request, window, order.reads, order.own, say)
    engine.keep("held_against", "SELECT evidence FROM misused")
    told = proposing.propose(engine, request, looked, order.reads, say)
    coverage_table.note_loaded(looked.seen, loaded)
    looked.seen["objects"] = detection.objects_seen(order.swept, window)
    left = leftover_list.list_leftovers(engine, looked.window if looked.began else window, request.account)
    judged = judge(looked.hits, looked.seen, left, looked.window, looked.hidden)
    if told.rows:
        both = judge(looked.hits + told.hits, looked.seen, left, looked.window, looked.hidden)
        judged = at_most_suspected(judged, both, told.rows)
    hits = sorted(looked.hits + told.hits, key=lambda h: (-LEVELS.index(h.finding.severity), h.finding.first_seen))
    reads_found = any(h.rule.judges == "reads" and h.finding.severity in ("high", "critical") for h in hits)
    radius, rows = blast_radius.measure(engine, told.parameters or looked.parameters, reads_found=reads_found or bool(told.hits))
    sdks = sdk_ages.ages(engine, looked.window.until)
    return Reviewed(
        verdict=judged.verdict,
        verdicts=judged.verdicts,
        score=judged.score,
        findings=(*(hit.finding for hit in hits), *told.findings, *sdk_ages.findings(sdks)),
        coverage=coverage_table.table(looked.seen),
        blast_radius=radius,
        leftovers=left,
        timeline=timeline.rows(hits, left, window, told.at),
        complete=judged.verdicts["writes"] == NONE and detection.from_stripe(order.reads),
        request_ids=tuple(order.own[-500:]),
        hours=timeline.hours(engine, window),
        score_parts=judged.parts,
        reasons=judged.reasons,
        affected=affected_customers.write(rows, Path(request.scratch)),
        inputs=tuple(loaded.names),
        exposed=window.exposed > 0,
        began=looked.began,
        proposed=told.rows,
        proposed_at=told.at,
        regular=told.regular,
        sdks=sdks,
        used=_used(engine, request, looked, told.rows) if request.uses else {},
    )


def _used(engine: Engine, request: ReviewRequest, looked: detection.DetectionRun, proposed: tuple[Json, ...]) -> Json:
    values = [one for one in (request.key_id, request.key_fingerprint, *request.generations) if one]
    key = tuple(mark for one in dict.fromkeys(values) for mark in (one, f"key:{one}"))
    safe = used_calls.Safe.of(looked.window, began=looked.began > 0, proposed=proposed)
    return used_calls.read(engine, looked.window, looked.seen, safe, request.account, key)


def _engine(url: str, store: ReviewWorkspace, new_engine: NewEngine | None) -> Engine:
    if url in ("", "duckdb"):
        store.engine.attach(store.tables)
        return store.engine
    from ir.review.sql.other_engines import open_engine

    engine = (new_engine or open_engine)(url)
    engine.attach(store.tables)
    return engine
