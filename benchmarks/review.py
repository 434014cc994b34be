"""How fast the review is, as ratios in one run.

    python benchmarks/review.py [--lines 5000000] [--events 500000] [--memory 350MB] [--python] [--parquet-rows 0] [--seed 7] [--times 1]

Load = our own log lines (JSONL.gz) and events, normalised, scrubbed, bad lines handled. Base = DuckDB merely converting the
same files to Parquet. `--python` runs the same load and detections in plain Python over orjson. `--times 10` does the same with ten times
as many lines and events, and says what a row costs there against here. Each phase is a process of its own.
"""

import argparse
import gzip
import multiprocessing
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from benchmarks import running

_START, _DAYS = 1_788_220_800, 30


def generate(folder: Path, lines: int, events: int, seed: int) -> None:
    """30 daily files of our own log, with a torn line in 50,000; 10 files of events, of which one in 500 is a stranger's."""
    base = duckdb.connect(config={"threads": "2"})
    base.execute("SET enable_progress_bar = false")
    base.execute(f"SELECT setseed({(seed % 1000) / 1000})")
    per_day, per_file = lines // _DAYS, max(1, events // 10)
    for day in range(_DAYS):
        base.execute(f"""COPY (SELECT CASE WHEN i % 50000 = 49999 THEN '{{"ts": 17' ELSE to_json({{
          ts: {_START + day * 86400} + (i * 86400) // {per_day}, level: 'info', service: 'svc-' || (i % 7),
          request_id: 'req_' || substr(md5('{seed}-{day}-' || i), 1, 14), method: CASE WHEN i % 3 = 0 THEN 'POST' ELSE 'GET' END,
          path: CASE i % 4 WHEN 0 THEN '/v1/charges/ch_3' || substr(md5(i::VARCHAR), 1, 22) WHEN 1 THEN '/v1/customers?limit=10'
            WHEN 2 THEN '/v1/payment_intents' ELSE '/v1/refunds' END,
          status: CASE WHEN i % 50 = 0 THEN 402 ELSE 200 END, key: 'mk_' || (i % 12), ip: '10.0.' || (i % 40) || '.' || (i % 200),
          user_agent: 'Stripe/v1 NodeBindings/18.' || (i % 5), idempotency_key: 'stripe-node-retry-' || uuid()::VARCHAR,
          stripe_version: '2026-10-28.endive', duration_ms: (random() * 100)::INT}})::VARCHAR END AS l
          FROM range({per_day}) t(i)) TO '{folder}/egress-{day:02d}.jsonl.gz'
          (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01', COMPRESSION gzip)""")
    for part in range(10):
        base.execute(f"""COPY (SELECT 'evt_' || substr(md5('e{seed}-{part}-' || i), 1, 20) AS id, 'event' AS object, '2026-10-28.endive' AS api_version,
          {_START} + (({part} * {per_file} + i) * {_DAYS} * 86400) // {events} AS created, true AS livemode, 0 AS pending_webhooks,
          CASE WHEN i % 20 = 0 THEN 'charge.failed' WHEN i % 7 = 0 THEN 'customer.created' ELSE 'charge.succeeded' END AS type,
          {{id: 'req_' || CASE WHEN {part} = 9 AND i % 50 = 0 THEN substr(md5('x{seed}' || i), 1, 14)
              ELSE substr(md5('{seed}-' || (({part} * {per_file} + i) * {_DAYS} // {events}) || '-' || ((i * 3) % {per_day})), 1, 14) END,
            idempotency_key: 'stripe-node-retry-' || uuid()::VARCHAR}} AS request,
          {{object: {{id: 'ch_' || substr(md5(i::VARCHAR), 1, 22), object: 'charge', amount: (i % 90) * 100, currency: 'usd', customer: 'cus_' || (i % 90000),
            status: 'succeeded', description: 'order ' || i, receipt_email: 'a' || i || '@example.com', billing_details: {{name: 'N ' || i, address: {{city: 'X', country: 'US'}}}},
            outcome: {{type: 'authorized', risk_level: 'normal', reason: NULL::VARCHAR}}, payment_method: 'pm_' || (i % 90000),
            payment_method_details: {{type: 'card', card: {{brand: 'visa', country: 'US', funding: 'credit', fingerprint: substr(md5((i % 90000)::VARCHAR), 1, 16), last4: '4242'}}}}}}}} AS data
          FROM range({per_file}) t(i)) TO '{folder}/events-{part}.jsonl.gz' (FORMAT json, COMPRESSION gzip)""")
    _attack(folder)
    base.close()


def _attack(folder: Path) -> None:
    """A stranger's last day: cards tried, customers charged, refunds, and a payout to a card of his own."""
    day = _START + (_DAYS - 1) * 86400
    rows: list[dict[str, Any]] = []

    def add(kind: str, ts: int, **thing: object) -> None:
        n = len(rows)
        rows.append({
            "id": f"evt_bad{n:06d}", "object": "event", "created": ts, "livemode": True, "type": kind,
            "request": {"id": f"req_bad{n:08d}", "idempotency_key": None}, "data": {"object": {"object": kind.split(".")[0], "currency": "usd", **thing}},
        })  # fmt: skip

    for n in range(60):
        card = {"card": {"brand": "visa", "country": "US", "funding": "prepaid", "fingerprint": f"fp_bad{n}"}}
        add("charge.failed", day + 40000 + 9 * n, id=f"ch_a{n}", amount=100, customer="", payment_method_details=card)
        add("charge.succeeded", day + 50000 + 20 * n, id=f"ch_b{n}", amount=50_000, customer=f"cus_{n}")
        add("refund.created", day + 60000 + 30 * n, id=f"re_{n}", amount=2500)
    add("payout.created", day + 70000, id="po_1", amount=700_000, method="instant", automatic=False, destination="card_bad")
    with gzip.open(folder / "events-attack.jsonl.gz", "wb") as out:
        out.writelines(orjson.dumps(row) + b"\n" for row in rows)


def convert(folder: Path, _: str) -> None:
    """What DuckDB does when it is merely asked to convert; it fails under 1 GB, so it gets what it wants."""
    base = duckdb.connect(
        config={"threads": "2", "memory_limit": "4GB", "preserve_insertion_order": "false", "temp_directory": str(folder / "tmp")}
    )
    base.execute("SET enable_progress_bar = false")
    for name in ("egress", "events"):
        source = f"read_json_auto('{folder}/{name}-*.jsonl.gz', format = 'newline_delimited', ignore_errors = true)"
        base.execute(f"COPY (SELECT * FROM {source}) TO '{folder}/{name}.base.parquet' (FORMAT parquet)")
    base.close()


def load(folder: Path, memory: str) -> None:
    """Our own loading, nothing else."""
    from ir.review.ingest.given_files import expand
    from ir.review.workspace import ReviewWorkspace

    store = ReviewWorkspace(folder / "load", memory_limit=memory)
    store.fresh()
    importer = store.importer((), lambda _: None)
    importer.load(expand([str(folder / "egress-*.jsonl.gz")])[0], own=True)
    importer.load(expand([str(folder / "events-*.jsonl.gz")])[0], own=False)
    importer.finish()
    print(f"    rows {importer.loaded.rows}, unreadable {importer.loaded.bad}")
    store.close()


def review(folder: Path, memory: str) -> dict[str, int]:
    """Loading and every detection; returns hits per rule and severity."""
    from ir.clients.stripe_api import StripeApi
    from ir.ports import ReviewRequest
    from ir.review import StripeReviewer

    until = _START + _DAYS * 86400
    request = ReviewRequest(
        "acct_1",
        "http://127.0.0.1:9",
        _START,
        until,
        until - 3 * 86400,
        0,
        None,
        "",
        "",
        str(folder / "review"),
        egress=(str(folder / "egress-*.jsonl.gz"),),
        logs=(str(folder / "events-*.jsonl.gz"),),
    )
    reviewed = StripeReviewer(StripeApi("http://127.0.0.1:9"), memory_limit=memory).review(request, lambda _: None)
    counts: Counter[str] = Counter()
    for finding in reviewed.findings:
        counts[f"{finding.rule} {finding.severity}"] += finding.count
    return dict(sorted(counts.items()))


def plain_python(folder: Path, _: str) -> dict[str, int]:
    """The same load and the same detections in straightforward Python over orjson; see `benchmarks/plain.py`."""
    from benchmarks import plain
    from ir.review.detect.window import Window

    until = _START + _DAYS * 86400
    found, seen = plain.review(folder, Window.of(_START, until - 3 * 86400, until))
    print(f"    rows {seen.rows}, unreadable {seen.bad}, repeated {seen.repeated}; {seen.keeping:.1f} s of it to keep normalised rows")
    counts: Counter[str] = Counter()
    for one in found:
        counts[f"{one.rule} {one.level}"] += one.count
    return dict(sorted(counts.items()))


def scan(folder: Path, memory: str) -> None:
    """Every rule over many rows that lie in Parquet already, against one full scan."""
    from ir.review.detect.derived_tables import derive_acts, derive_sent
    from ir.review.detect.rules import RuleParameters, load_rules
    from ir.review.detect.run_rules import run_rules
    from ir.review.detect.window import Window
    from ir.review.sql.engine import DuckDb

    engine = DuckDb(folder / "scan", memory_limit=memory)
    engine.attach(folder / "tables")
    begun = time.perf_counter()
    engine.rows("SELECT max(hash(t)) FROM requests t")
    full = time.perf_counter() - begun
    until = _START + _DAYS * 86400
    derive_sent(engine, egress=False, probes=())
    derive_acts(engine, [])
    parameters = RuleParameters.of(Window.of(_START, until - 3 * 86400, until))
    have = {"events", "egress", "requests", "activity", "webhooks", "api", "baseline"}
    times = {}
    for rule in load_rules():
        begun = time.perf_counter()
        run_rules(engine, [rule], parameters, have, lambda _: None)
        times[rule.id] = (time.perf_counter() - begun) / full
    print(f"    full scan {full:.1f} s; per rule, in scans: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in times.items()))
    print(f"    average {sum(times.values()) / len(times):.2f} scans a detection")
    engine.close()


def make_parquet(folder: Path, rows: int) -> None:
    """Stripe-side request logs, as the loader would have written them."""
    from ir.review.sql.schema import TABLES

    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    made = {
        "ts": f"{_START} + (i * {_DAYS * 86400}) // {rows}", "own": "0", "source": "'request-log'", "request_id": "'req_' || i",
        "method": "CASE WHEN i % 3 = 0 THEN 'POST' ELSE 'GET' END", "endpoint": "'/v1/' || ['charges', 'customers', 'refunds', 'payment_intents'][1 + i % 4]",
        "verb": "CASE WHEN i % 3 = 0 THEN 'write' ELSE 'read' END", "status": "CASE WHEN i % 50 = 0 THEN 402 ELSE 200 END", "key_id": "'mk_' || (i % 12)",
        "ip": "'10.0.' || (i % 40) || '.' || (i % 200)", "net": "'10.0.' || (i % 40) || '.0/24'", "agent": "'stripe-node'", "api_version": "'2026-10-28.endive'",
        "idem": "CASE WHEN i % 3 = 0 THEN (hash(i) >> 1)::BIGINT ELSE 0 END", "idem_format": "CASE WHEN i % 3 = 0 THEN 'node' ELSE 'none' END", "paged": "CASE WHEN i % 101 = 0 THEN 1 ELSE 0 END",
    }  # fmt: skip
    cells = ", ".join(
        f"CAST({made.get(c.name, repr('') if c.type == 'VARCHAR' else '0')} AS {c.type}) AS {c.name}" for c in TABLES["requests"]
    )
    base = duckdb.connect(config={"threads": "2", "memory_limit": "2GB", "preserve_insertion_order": "false"})
    base.execute(f"COPY (SELECT {cells} FROM range({rows}) t(i)) TO '{tables}/requests-0000.parquet' (FORMAT parquet)")
    base.close()


@dataclass(frozen=True)
class Phase:
    """One phase: seconds on the clock, the most memory in MB, processor seconds, and what it answered."""

    seconds: float
    peak: int
    busy: float
    told: Any


def measured(work: Callable[[Path, str], Any], folder: Path, memory: str) -> Phase:
    """Run one phase in a process of its own."""
    context = multiprocessing.get_context("spawn")
    answer: Any = context.Queue()
    child = context.Process(target=_child, args=(work.__name__, str(folder), memory, answer))
    child.start()
    try:
        seconds, peak, busy, told = answer.get()
        child.join()
    finally:
        child.kill()
    if child.exitcode or seconds < 0:
        raise SystemExit(f"{work.__name__} failed")
    print(f"  {work.__name__:<14}{seconds:8.1f} s  {peak:6d} MB  {busy:8.1f} CPU s   {told or ''}", flush=True)
    return Phase(seconds, peak, busy, told)


def _child(name: str, folder: str, memory: str, answer: Any) -> None:
    begun, told, seconds = time.perf_counter(), None, -1.0
    try:
        told = globals()[name](Path(folder), memory)
        seconds = time.perf_counter() - begun
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        answer.put((seconds, used.ru_maxrss >> 10, used.ru_utime + used.ru_stime, told))


def main() -> None:
    """Generate, measure, print ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--memory", default="350MB")
    parser.add_argument("--python", action="store_true")
    parser.add_argument("--parquet-rows", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--times", type=int, default=1)
    asked = parser.parse_args()
    small = compare(asked, asked.lines, asked.events)
    if asked.times > 1:
        large = compare(asked, asked.lines * asked.times, asked.events * asked.times)
        costs = (f"{work} {large[work].busy / asked.times / small[work].busy:.2f} x" for work in ("convert", "load", "review"))
        print(f"processor time per row, {asked.times} times as many rows against the first: {', '.join(costs)}")


def compare(asked: argparse.Namespace, lines: int, events: int) -> dict[str, Phase]:
    """Generate one size, run each phase over it, and print the ratios."""
    with tempfile.TemporaryDirectory(prefix="ir-bench-") as name:
        folder = Path(name)
        generate(folder, lines, events, asked.seed)
        size = sum(file.stat().st_size for file in folder.glob("*.gz")) >> 20
        print(f"{lines:,} lines, {events:,} events, {size} MB of gzip, memory limit {asked.memory}, seed {asked.seed}")
        phases = {work.__name__: measured(work, folder, asked.memory) for work in (convert, load, review)}
        base, loaded, whole = phases.values()
        print(
            f"load {loaded.seconds / base.seconds:.2f} x base (1.15 allowed), "
            f"load and detect {whole.seconds / base.seconds:.2f} x base (1.3 allowed), peak {max(whole.peak, loaded.peak)} MB (400 allowed)"
        )
        if asked.python:
            slow = measured(plain_python, folder, asked.memory)
            same = "the same hits" if whole.told == slow.told else f"OTHER HITS: {whole.told} against {slow.told}"
            print(f"plain Python takes {slow.seconds / whole.seconds:.1f} x as long (5 asked), {same}")
        if asked.parquet_rows:
            make_parquet(folder, asked.parquet_rows)
            measured(scan, folder, "2GB")
        return phases


if __name__ == "__main__":
    running.run(main)
