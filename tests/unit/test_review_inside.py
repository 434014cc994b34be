"""Rows that a file holds in odd places: under titles and ends of lines of another kind, or in a list inside another list."""

import itertools
import json
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
