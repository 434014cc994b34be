"""What was touched: people, money, things; ours and the tool's own left out."""

import csv
from pathlib import Path
from typing import Any

from ir.core.model import Json
from ir.review.detect.derived_tables import derive_acts, derive_sent
from ir.review.detect.rules import RuleParameters
from ir.review.detect.window import Window
from ir.review.judge import affected_customers
from ir.review.judge.blast_radius import measure
from ir.review.sql.engine import DuckDb
from ir.review.sql.schema import TABLES, Column

NOW, DAY = 1_790_000_000, 86400
WINDOW = Window.of(NOW - 30 * DAY, NOW - DAY, NOW)
FLAGGED = (Column("evidence", "VARCHAR", "of misuse"),)


def measured(scratch: Path, *, reads_found: bool = True, **tables: list[Json]) -> tuple[Json, list[Json]]:
    engine = DuckDb(scratch, memory_limit="256MB", threads=1)
    try:
        for table, columns in TABLES.items():
            rows = [tuple(row.get(c.name, "" if c.type == "VARCHAR" else 0) for c in columns) for row in tables.get(table, [])]
            engine.fill(table, columns, rows)
        derive_sent(engine, egress=True, probes=())
        derive_acts(engine, [])
        engine.fill("flagged", FLAGGED, [("req_bad",)])
        return measure(engine, RuleParameters.of(WINDOW), reads_found=reads_found)
    finally:
        engine.close()


def read(request: str, **more: Any) -> Json:
    return {"own": 0, "verb": "read", "status": 200, "ts": NOW - 60, "request_id": request, "source": "request-log", **more}


def test_people_that_our_own_services_read_are_not_counted_among_the_strangers(tmp_path: Path) -> None:
    requests = [
        read("req_1", endpoint="/v1/customers/:id", object_id="cus_1"),
        read("req_2", endpoint="/v1/customers", page_size=100),
        read("req_3", endpoint="/v1/customers"),
        read("req_own", endpoint="/v1/customers/:id", object_id="cus_ours"),
        read("req_tool", endpoint="/v1/customers/:id", object_id="cus_tool", agent="ir"),
        read("req_403", endpoint="/v1/customers/:id", object_id="cus_no", status=403),
        {"own": 1, "source": "egress", "request_id": "req_own", "ts": NOW - 60},
    ]
    radius, rows = measured(tmp_path, requests=requests)
    assert (radius["customers_read_at_most"], radius["read_requests"]) == (1 + 100 + 10, 3)
    assert [row["customer"] for row in rows] == ["cus_1"]
    radius, rows = measured(tmp_path, reads_found=False, requests=requests)
    assert radius["customers_read_at_most"] is None and not rows


def test_money_goes_by_currency_and_says_how_it_comes_back(tmp_path: Path) -> None:
    def event(n: int, kind: str, act: str, **more: Any) -> Json:
        return {"id": f"evt_{n}", "type": kind, "act": act, "ts": NOW - 60, "request_id": "req_bad", "object_id": f"x_{n}", **more}

    events = [event(1, "payout.created", "90:payout", amount=5000, currency="jpy", object_type="payout", customer="cus_9")]
    radius, rows = measured(tmp_path, events=events)
    (moved,) = radius["money"]
    assert moved["shown"] == "5,000 JPY" and "cancel it while it is pending" in moved["reversible"]
    assert radius["objects"] == {"payout": {"created": 1}}
    assert [(row["customer"], row["what"]) for row in rows] == [("cus_9", "written: payout.created")]


def test_a_spreadsheet_runs_nothing_of_what_an_attacker_named(tmp_path: Path) -> None:
    names = ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "a;=1", "cus_1"]
    path = affected_customers.write([{"customer": name, "what": "read", "first_seen": NOW, "requests": 1} for name in names], tmp_path)
    cells = [row["customer"] for row in csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines())]
    assert not any(part.strip().startswith(("=", "+", "-", "@")) for cell in cells for part in cell.split(";"))
    assert cells[-1] == "cus_1"
