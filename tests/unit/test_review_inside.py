"""Rows that a file holds in odd places: under titles and ends of lines of another kind, or in a list inside another list."""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_review_forms import NOON, Desk, ident

ISO = "2026-11-18T12:00:00.999Z"
PATH, IP, AGENT = "/v1/customers?limit=100", "198.51.100.7", "curl/8.5.0"
CALL = {"method": "GET", "path": PATH, "status": 200, "ip": IP, "user_agent": AGENT}
READ = (NOON, "GET", "/v1/customers", 200, IP, "curl")
COLUMNS = "request_id, ts, method, endpoint, status, ip, agent"
HEAD = "time,method,path,status,ip,user_agent,request_id"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def line(i: str) -> str:
    return f'{ISO},GET,{PATH},200,{IP},"{AGENT}",{i}'


TITLES = {"sep": ["sep=,"], "title": ["Requests of Acme"], "title and nothing": ["Requests of Acme", "", " "], "none": []}
ENDS = ("\n", "\r\n", "\r")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize(("above", "below"), itertools.product(ENDS, ENDS))
def test_no_row_is_lost_under_lines_that_end_otherwise(desk: Desk, title: str, above: str, below: str, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    text = "".join(one + above for one in [*TITLES[title], *([] if title == "sep" else [HEAD])])
    text += "".join(one + below for one in [*([HEAD] if title == "sep" else []), *map(line, ids)])
    loaded = desk.load(text, "a.csv", own=own)
    assert desk.rows(COLUMNS) == [(i, *READ) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


def test_carriage_returns_alone_may_end_the_lines_of_a_large_file(desk: Desk) -> None:
    desk.load("\r".join(["sep=,", HEAD, *(line(f"req_{n:08d}Aa") for n in range(20_000))]), "a.csv")
    assert desk.rows("COUNT(*), COUNT(DISTINCT request_id), MIN(status)") == [(20_000, 20_000, 200)]


def row(i: str) -> dict[str, Any]:
    return {"timestamp": NOON * 1000 + 999, **CALL, "request_id": i}


def edge(i: str) -> dict[str, Any]:
    return {
        "datetime": ISO, "clientIP": IP, "clientRequestHTTPMethodName": "GET", "clientRequestPath": PATH, "edgeResponseStatus": 200,
        "userAgent": AGENT, "rid": i,
    }  # fmt: skip


def graphql(**zone: Any) -> dict[str, Any]:
    return {"data": {"viewer": {"zones": [zone]}}, "errors": None}


INSIDE: dict[str, Callable[[list[str]], Any]] = {
    "nrql": lambda ids: {"results": [{"events": list(map(row, ids))}], "performanceStats": {"x": 1}, "metadata": {"contents": [{"function": "events"}]}},
    "nerdgraph": lambda ids: {"data": {"actor": {"account": {"nrql": {"results": list(map(row, ids))}}}}},
    "cloudflare": lambda ids: graphql(httpRequestsAdaptive=list(map(edge, ids))),
    "cloudflare's groups": lambda ids: graphql(httpRequestsAdaptiveGroups=[{"count": 1, "dimensions": edge(i)} for i in ids]),
    "cloudflare, two zones": lambda ids: {"data": {"viewer": {"zones": [{"httpRequestsAdaptive": list(map(edge, some))} for some in (ids[:2], ids[2:])]}}},
    "a list in a list": lambda ids: [[row(i)] for i in ids],
    "sentry": lambda ids: [{"event_id": "x", "dateCreated": ISO, "entries": [{"type": "breadcrumbs", "data": {"values": [{"timestamp": ISO, "data": CALL | {"request_id": i}} for i in ids]}}]}],
    "sentry's sdk": lambda ids: {"event_id": "x", "timestamp": ISO, "breadcrumbs": {"values": [{"timestamp": ISO, "data": CALL | {"request_id": i}} for i in ids]}},
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", INSIDE)
def test_rows_in_a_list_inside_a_list_are_read(desk: Desk, name: str, indent: int | None, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    loaded = desk.load(json.dumps(INSIDE[name](ids), indent=indent) + "\n", own=own)
    assert desk.rows(COLUMNS) == [(i, *READ) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("name", ["nrql", "nerdgraph", "cloudflare"])
def test_an_answer_may_be_longer_than_any_line(desk: Desk, name: str) -> None:
    ids = [f"req_{n:08d}Aa" for n in range(8_000)]
    loaded = desk.load(json.dumps(INSIDE[name](ids)), own=False)
    assert desk.rows("COUNT(*), MIN(method), MIN(status)") == [(8_000, "GET", 200)] and loaded.bad == {}


def test_a_row_keeps_the_lists_that_it_has(desk: Desk) -> None:
    rows = [row(ident(n)) | {"tries": [{"time": ISO, "path": "/v1/x", "request_id": ident(n)}] * 2} for n in range(4)]
    desk.load("".join(json.dumps(one) + "\n" for one in rows), own=False)
    assert desk.rows(COLUMNS) == [(ident(n), *READ) for n in range(4)]


def test_lists_that_are_read_as_no_rows_are_said(desk: Desk) -> None:
    loaded = desk.load(json.dumps({"time": NOON, "done": [{"rid": ident(n)} for n in range(4)]}) + "\n", own=False)
    assert any("in no row of their own" in note for note in loaded.notes["request-log"])


@pytest.mark.parametrize(
    "text", ['{"a": [' * 400 + "1" + "]}" * 400, '{"a": [' + '{"b": [{}]},' * 12_000 + "{}]}", "[" * 200_000], ids=range(3)
)
def test_hostile_lists_are_looked_through_in_linear_time(desk: Desk, text: str) -> None:
    began = time.process_time()
    desk.load((text + "\n") * 3, own=False)
    assert time.process_time() - began < 10
