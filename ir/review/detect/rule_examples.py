"""Run a rule's own examples: small tables around an exposure on a fixed day."""

from pathlib import Path
from typing import Any

from ir.core.model import Json
from ir.review.detect.derived_tables import derive_acts, derive_sent
from ir.review.detect.rules import Example, Rule, RuleParameters
from ir.review.detect.run_rules import Hit, run_rules
from ir.review.detect.window import Window
from ir.review.ingest.events_table import ACTS
from ir.review.sql.engine import DuckDb, Engine, Row
from ir.review.sql.schema import TABLES

EXPOSED = 1_790_000_000
_DAY = 86400


def run_example(rule: Rule, example: Example, scratch: Path) -> list[Hit]:
    """The rule's hits in the example; every source counts as given."""
    engine = DuckDb(scratch, memory_limit="256MB", threads=1)
    try:
        return run_on(engine, rule, example)
    finally:
        engine.close()


def run_on(engine: Engine, rule: Rule, example: Example) -> list[Hit]:
    """The same on an engine that is open; it may be used again."""
    for table in TABLES:
        engine.fill(table, TABLES[table], _rows(table, getattr(example, table)))
    window = Window.of(EXPOSED - 30 * _DAY, EXPOSED, EXPOSED + _DAY)
    egress = any(row.get("own") == 1 and row.get("source") != "webhook-log" for row in example.requests)
    derive_sent(engine, egress=egress, probes=())
    derive_acts(engine, [])
    parameters = RuleParameters.of(
        window,
        ghost_baseline=1,
        ghost_hours=window.base_hours,
        api_from=window.since,
        api_until=window.until,
        own_from=window.since,
        own_until=window.until,
    )
    return run_rules(engine, [rule], parameters, set(rule.needs), lambda _: None)[0]


def act_of(kind: str) -> str:
    """The column `act` of an event type."""
    for rank, name, prefixes in ACTS:
        if kind.startswith(prefixes):
            return f"{rank:02d}:{name}"
    return "10:other"


def _rows(table: str, rows: list[Json]) -> list[Row]:
    full = [one for row in rows for one in _repeated(row)]
    return [tuple(_cell(table, c.name, c.type, row) for c in TABLES[table]) for row in full]


def _repeated(row: Json) -> list[Json]:
    plain = {name: value for name, value in row.items() if name != "repeat"}
    repeat = row.get("repeat") or {"times": 1, "every": 0}
    made = []
    for i in range(repeat["times"]):
        one = {n: v.replace("{i}", str(i)) if isinstance(v, str) else v for n, v in plain.items()}
        one["ts"] = EXPOSED + plain["ts"] + i * repeat["every"]
        made.append(one)
    return made


def _cell(table: str, name: str, kind: str, row: Json) -> Any:
    if name in row:
        return row[name]
    if table == "events" and name == "act":
        return act_of(str(row.get("type", "")))
    if name == "automatic":
        return -1
    return "" if kind == "VARCHAR" else 0
