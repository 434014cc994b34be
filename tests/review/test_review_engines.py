"""The same SQL text on every engine: golden results are DuckDB's. ClickHouse is chDB; Spark runs by `make spark`, which installs it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accounts, attacks
from ir.clients.stripe_api import StripeApi
from ir.core.errors import UsageError
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.review.detect.rule_examples import run_on
from ir.review.detect.rules import load_rules
from ir.review.detect.run_rules import Hit
from ir.review.sql.engine import DuckDb, Engine
from ir.review.sql.other_engines import open_engine
from ir.review.sql.schema import TABLES
from tests.unit import evidence_world
from tests.unit import test_review_cross_checks as crossed
from tests.unit import test_review_proposed as proposed

LIBRARY = {"chdb://": "chdb", "spark://local[2]": "pyspark"}
HAVE = [url for url, library in LIBRARY.items()]


@pytest.fixture(scope="module", params=HAVE)
def url(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    pytest.importorskip(LIBRARY[name], reason="Spark is installed by `make spark` only: it needs Java 17 and 500 MB")
    return name


@pytest.fixture(scope="module")
def other(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.close()


def told(hits: list[Hit]) -> list[tuple[Any, ...]]:
    """All that a finding says."""
    return sorted(
        (h.finding.severity, h.finding.why, h.finding.count, h.finding.first_seen, h.finding.evidence, str(h.finding.money)) for h in hits
    )


def test_every_example_of_every_rule_gives_the_same_findings(other: Engine, tmp_path: Path) -> None:
    duck = DuckDb(tmp_path, memory_limit="256MB", threads=1)
    for rule in load_rules():
        for example in rule.examples:
            assert told(run_on(other, rule, example)) == told(run_on(duck, rule, example)), (rule.id, example.name)
    duck.close()


def reviewed(world: accounts.World, folder: Path, engine: str) -> Reviewed:
    request = ReviewRequest(
        "acct_1", "http://127.0.0.1:9", accounts.START, world.until, world.exposed, 0, None, "", "", str(folder / engine[:5]),
        egress=(str(folder / "logs" / "egress*"),), logs=(str(folder / "logs" / "*.jsonl"),), engine=engine,
    )  # fmt: skip
    return StripeReviewer(StripeApi("http://127.0.0.1:9"), memory_limit="512MB").review(request, lambda _: None)


def test_a_whole_review_is_the_same(url: str, tmp_path: Path) -> None:
    world = accounts.quiet(7101)
    for attack in ("off_session", "card_test_by_hand", "cash_out", "customers"):
        attacks.ATTACKS[attack](world)
    accounts.write(world, tmp_path / "logs")
    ours, theirs = reviewed(world, tmp_path, "duckdb"), reviewed(world, tmp_path, url)
    assert ours.findings
    for part in ("verdicts", "score", "findings", "coverage", "blast_radius", "timeline", "hours", "reasons"):
        assert getattr(theirs, part) == getattr(ours, part), part


def test_what_is_proposed_is_the_same(url: str, tmp_path: Path) -> None:
    world = proposed.account(tmp_path / "logs", *proposed.looked_around(), *proposed.visits(evidence_world.BEGIN + 7200, 86400, 5))
    ours, theirs = (world.reviewed(exposed=0, engine=engine, ours=("curl@192.0.2.0/24",)) for engine in ("duckdb", url))
    assert ours.proposed and ours.regular and ours.verdict == "suspected"
    for part in ("verdicts", "score", "findings", "proposed", "proposed_at", "regular", "blast_radius", "timeline", "reasons"):
        assert getattr(theirs, part) == getattr(ours, part), part


@pytest.mark.parametrize("name", ["another_key", "writes_alone", "one_resource", "every_fifth", "another_zone", "untimed"])
def test_what_sources_say_of_each_other_is_the_same(url: str, tmp_path: Path, name: str) -> None:
    world = crossed.shop(tmp_path / "logs")
    world.logs.append(world.write("requests.jsonl", getattr(crossed, name)(crossed.rows(world))))
    ours, theirs = (world.reviewed(engine=engine) for engine in ("duckdb", url))
    assert ours.verdicts["reads"] == crossed.CANNOT
    for part in ("verdicts", "score", "findings", "coverage", "reasons"):
        assert getattr(theirs, part) == getattr(ours, part), part


@pytest.mark.parametrize("agent", ["curl/8.5.0", "Stripe/v1 PythonBindings/15.2.0", "Mozilla/5.0 (X11; Linux x86_64)"])
def test_requests_of_nobodys_logs_are_the_same(url: str, tmp_path: Path, agent: str) -> None:
    world = crossed.shop(tmp_path / "logs")
    pages = [
        world.seen(n, evidence_world.EXPOSED + 600 + n * 3) | {"request_id": f"req_Evil{n:06d}x1", "method": "GET", "user_agent": agent,
        "url": f"/v1/customers?limit=100&starting_after=cus_{n}"} for n in range(400)
    ]  # fmt: skip
    world.logs.append(world.write("requests.jsonl", [*crossed.rows(world), *pages]))
    ours, theirs = (world.reviewed(engine=engine) for engine in ("duckdb", url))
    assert {"S-10", "S-15"} <= {f.rule for f in ours.findings} or agent.startswith("Mozilla")
    for part in ("verdicts", "score", "findings", "coverage", "blast_radius", "reasons"):
        assert getattr(theirs, part) == getattr(ours, part), part


def test_texts_with_quotes_and_signs_come_through(other: Engine, tmp_path: Path) -> None:
    row = tuple(('it\'s "a" \\ ü\n%{x}' if c.name == "detail" else "") if c.type == "VARCHAR" else -(2**53) - 1 for c in TABLES["objects"])
    duck = DuckDb(tmp_path, memory_limit="256MB")
    for engine in (duck, other):
        engine.fill("objects", TABLES["objects"], [row])
    sql = "SELECT detail, ts, LOWER(detail), CONCAT(detail, '') FROM objects"
    assert other.rows(sql) == duck.rows(sql)


@pytest.mark.parametrize(
    ("name", "said"),
    [("oracle://x", "not known"), ("clickhouse://127.0.0.1:9/db", "gave no answer"), ("clickhouse://", "names no host"), ("spark://local[2]", "pyspark")],
)  # fmt: skip
def test_an_engine_that_cannot_be_had_is_explained(name: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if name.startswith("spark"):
        monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    begun = time.monotonic()
    with pytest.raises(Exception, match=said) as caught:
        open_engine(name).attach(tmp_path)
    assert isinstance(caught.value, UsageError) or "Unknown" in type(caught.value).__name__
    assert time.monotonic() - begun < 10
