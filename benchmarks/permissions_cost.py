"""Two measures of the permissions that do not need accounts: how much of Stripe's API the map knows, and what a derivation costs."""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import stripe

from ir.permissions import permission_for
from ir.permissions.endpoint_map import rows
from ir.review.detect.window import Window
from ir.review.judge import used_calls
from ir.review.judge.coverage import SourceCoverage
from ir.review.sql.engine import AS_PARQUET, DuckDb
from ir.review.sql.schema import TABLES, Column

DAY = 86400
_START = 1_788_220_800
_TARGET = 1.5
_PATHS = ("/v1/charges/:id", "/v1/customers", "/v1/payment_intents", "/v1/refunds", "/v1/invoices/:id")
_FILLED = {
    "ts": f"{_START} + i // 20",
    "own": "{own}",
    "source": "CASE WHEN {own} = 1 THEN 'egress' ELSE 'request-log' END",
    "service": "'svc-' || (i % 7)",
    "request_id": "'req_' || substr(md5(i::VARCHAR), 1, 14)",
    "method": "CASE WHEN i % 3 = 0 THEN 'POST' ELSE 'GET' END",
    "endpoint": f"list_value({', '.join(map(repr, _PATHS))})[1 + i % 5]",
    "verb": "CASE WHEN i % 3 = 0 THEN 'write' ELSE 'read' END",
    "status": "CASE WHEN i % 50 = 0 THEN 402 ELSE 200 END",
    "key_id": "'mk_' || (i % 12)",
    "ip": "'10.0.' || (i % 40) || '.' || (i % 200)",
    "net": "'10.0.' || (i % 40) || '.0/24'",
    "agent": "'stripe-node'",
    "agent_version": "'18.1.' || (i % 5)",
    "api_version": "'2026-10-28.endive'",
    "idem": "i * 7919 % 1000003",
    "idem_format": "'node'",
    "params": "i * 104729 % 1000003",
    "amount": "i % 9000",
    "currency": "'usd'",
    "customer": "'cus_' || (i % 90000)",
    "object_id": "CASE WHEN i % 5 = 0 THEN 'ch_3' || substr(md5(i::VARCHAR), 1, 22) ELSE '' END",
    "country": "'US'",
    "expands": "CASE WHEN i % 40 = 0 THEN 'customer' ELSE '' END",
}


def description() -> set[tuple[str, str]]:
    """Endpoints that Stripe's Python library calls; it is made from Stripe's published API description."""
    found: set[tuple[str, str]] = set()
    shape = re.compile(r'_request\(\s*"(get|post|delete)",\s*f?"([^"]+)"')
    for file in Path(str(stripe.__file__)).parent.rglob("_*_service.py"):
        found |= {(method.upper(), re.sub(r"\{[^}]+\}", ":id", path)) for method, path in shape.findall(file.read_text(encoding="utf-8"))}
    return found


def coverage() -> None:
    """Of the description, what the map knows: *sourced* and *inferred* apart."""
    grades: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for method, path in description():
        row = permission_for(method, path)
        grades["sourced" if row and row.sourced else "inferred" if row else "not known"] += 1
        if row is None:
            lacking["/".join(path.split("/")[:3])] += 1
    total = sum(grades.values())
    told = ", ".join(f"{grades[name]} {name} ({grades[name] / total:.0%})" for name in ("sourced", "inferred", "not known"))
    print(f"map: {len(rows())} endpoints, each with source and date; Stripe's description ({stripe.VERSION}, {total} endpoints): {told}")
    print("  not known, by family: " + ", ".join(f"{name} {count}" for name, count in lacking.most_common()))


def cost(count: int) -> bool:
    """One pass over `count` rows, beside one full scan of the same files, each value read and summed; medians of three.

    Returns whether it is cheap enough.
    """
    until = _START + count // 20 + 1
    window, seen = (
        Window(1, until - DAY, until, until - DAY, baseline=True),
        {name: SourceCoverage(1, 1, until, full=True) for name in used_calls.LOGS},
    )
    safe = used_calls.Safe(until - DAY, "given")
    every = ", ".join(f"SUM(LENGTH({c.name}))" if c.type == "VARCHAR" else f"SUM({c.name})" for c in TABLES["requests"])
    with tempfile.TemporaryDirectory(prefix="ir-permissions-") as folder:
        engine = DuckDb(Path(folder))
        _fill(engine, Path(folder) / "tables", count)
        scans, passes = [], []
        for _ in range(3):
            scans.append(_timed(lambda: engine.rows(f"SELECT COUNT(*), {every} FROM requests")))  # noqa: S608
            passes.append(_timed(lambda: used_calls.read(engine, window, seen, safe, "acct_1", ())))
        engine.close()
    ratio = median(passes) / median(scans)
    print(
        f"cost of {count:,} rows: full scan {median(scans):.2f} s, derivation {median(passes):.2f} s, {ratio:.2f} times (at most {_TARGET})"
    )
    return ratio <= _TARGET


def _fill(engine: DuckDb, store: Path, count: int) -> None:
    """Three fifths our own log, two fifths Stripe's; each in files of its own, as the import writes them."""
    store.mkdir()
    empty = {"VARCHAR": "''"}
    columns = ", ".join(f"CAST({_FILLED.get(c.name, empty.get(c.type, '0'))} AS {c.type}) AS {c.name}" for c in TABLES["requests"])
    for own, share in ((1, 3), (0, 2)):
        rows = f"SELECT {columns.replace('{own}', str(own))} FROM range({count} * {share} // 5) t(i)"  # noqa: S608
        engine.connection.execute(f"COPY ({rows}) TO '{store}/requests-000{own}.parquet' ({AS_PARQUET})")
    engine.attach(store)
    for table, column, ids in (("held_against", "evidence", 2000), ("own_probes", "request_id", 0), ("dashboard", "request_id", 5000)):
        engine.fill(table, (Column(column, "VARCHAR", ""),), [(f"req_{table}{n:08d}",) for n in range(ids)])
    engine.fill("mine", (Column("id", "VARCHAR", ""),), [])
    engine.keep("sent", "SELECT '' AS request_id, '' AS state WHERE 1 = 0")


def _timed(what: Callable[[], object]) -> float:
    """Seconds of processor time, of all threads: another program on the machine does not count."""
    begun = time.process_time()
    what()
    return time.process_time() - begun
