"""Logs that real programs wrote (`make samples`): what is read of them, and what coverage says where they lack Stripe's ids.

nginx 1.22, HAProxy 2.6, Squid 5.7, Caddy 2.6, mitmproxy 11, stripe-python, and stripe-node with pino, winston and bunyan. Envoy and
Traefik are in no package that could be had: their lines in docs/egress-logs.md follow their documentation, and no program wrote them.
"""

from pathlib import Path

import pytest

from tests.review.write_samples import CALLS, FOLDER, PROGRAMS, STATUS
from tests.unit.test_review_forms import Desk

PATHS = ["/v1/charges", "/v1/customers", "/v1/charges/:id", "/v1/refunds"]
STATUSES = [STATUS.get(path.partition("?")[0], 200) for _, path in CALLS]
PROXIES = {"nginx.log", "haproxy.log", "squid.log", "caddy.jsonl"}
CLIENT = {"nginx.log", "caddy.jsonl", "mitmproxy.har"}
WITHOUT = {"nginx-combined.log": "nginx: ", "squid-native.log": "squid: ", "stripe-python-info.log": "stripe-python: "}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_each_sample_is_read_by_a_test() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(PROGRAMS)


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - set(WITHOUT)))
def test_a_programs_own_log_is_read_whole(desk: Desk, name: str) -> None:
    loaded = desk.load((FOLDER / name).read_bytes(), name)
    rows = desk.engine.rows("SELECT request_id, method, endpoint, status, ip, agent, ts FROM requests WHERE own = 1 ORDER BY request_id")
    assert [row[:4] for row in rows] == [(f"req_MadeUp{n + 1:06d}", method, PATHS[n], STATUSES[n]) for n, (method, _) in enumerate(CALLS)]
    assert {row[4] for row in rows} == ({"127.0.0.1"} if name in PROXIES else {""})
    assert {row[5] for row in rows} == ({"stripe-python"} if name in CLIENT else {""})
    assert all(row[6] > 1_790_000_000 for row in rows)
    assert loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_log_without_ids_is_told_the_line_that_mends_it(desk: Desk, name: str) -> None:
    loaded = desk.load((FOLDER / name).read_bytes(), name)
    (note,) = loaded.notes["egress"]
    assert "no request id of Stripe" in note and WITHOUT[name] in note
    assert desk.rows("request_id", where="request_id <> ''") == []


def test_samples_name_no_place_of_the_machine_that_made_them() -> None:
    for file in FOLDER.iterdir():
        text = file.read_text()
        assert "/tmp" not in text and "/home" not in text and "sk_" not in text, file.name
        assert "api.stripe.com" in text or "/v1/" in text
