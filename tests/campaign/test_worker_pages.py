"""What a worker tells monitoring: /healthz, /metrics, and lines of JSON; on loopback alone, and nothing secret."""

import json
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ir.core.errors import UsageError
from ir.core.model import Json
from ir.fleet.metrics import FRESH, Metrics
from ir.fleet.metrics_page import Server, address
from tests.campaign.shop import Shop, until


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _values(page: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_a_worker_tells_its_health_and_its_keys(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.add("b", rotate_every="30d", rotate_from="2999-01-01")
    company.write(grace=3600)
    port = _port()
    words = ["worker", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml", "--listen", f"127.0.0.1:{port}", "--log-json"]
    company.begin(*words)
    until(lambda: _values(_get(port, "/metrics")[1] or "").get("ir_waiting for=time") == 1, 60)
    status, health = _get(port, "/healthz")
    assert (status, json.loads(health)["healthy"]) == (200, True)
    page = _get(port, "/metrics")[1]
    told = _values(page)
    assert told["ir_worker_fit"] == 1 and told["ir_keys state=all"] == 2 and told["ir_keys state=overdue"] == 0
    assert told["ir_waiting for=person"] == 0 and told["ir_debts"] == 0 and told["ir_last_look_timestamp_seconds"] > 0
    assert told["ir_step_seconds_count action=mint"] == 1
    assert {"ir_oldest_key_age_seconds", "ir_keys_of_unknown_age"} <= set(told)
    assert not re.search(r"sk_|INC-|acct_|dotenv", page), "no name of anything in a label"
    assert _get(port, "/else")[0] == 404


def test_its_lines_are_json(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.write()
    code, said = company.ir("worker", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml", "--until-idle", "--log-json")
    rows: list[Json] = [json.loads(line) for line in said.splitlines()]
    assert code == 0 and all({"at", "level", "said"} <= set(row) for row in rows)
    assert [row["state"] for row in rows if row.get("key") == "a"] == ["done"]
    assert company.stored("a") not in said


@pytest.mark.parametrize("text", ["0.0.0.0:9464", "192.0.2.7:1", "[::]:9464", "9464", "localhost:9464", "127.0.0.1:x", "127.0.0.1:70000"])
def test_it_listens_on_loopback_unless_said(text: str) -> None:
    with pytest.raises(UsageError):
        address(text, beyond=False)


def test_where_it_listens() -> None:
    assert address("127.0.0.1:9464", beyond=False) == ("127.0.0.1", 9464)
    assert address("[::1]:9464", beyond=False) == ("::1", 9464)
    assert address("192.0.2.7:9464", beyond=True) == ("192.0.2.7", 9464)


def test_a_worker_that_stands_still_is_not_healthy(tmp_path: Path) -> None:
    at = [1000.0]
    made = Metrics(now=lambda: at[0])
    with Server("127.0.0.1", 0, made) as server:
        port = server.server_port
        assert _get(port, "/healthz")[0] == 503, "it has not looked yet"
        made.look("", [], [])
        assert _get(port, "/healthz")[0] == 200
        at[0] += FRESH + 1
        assert "has not looked" in _get(port, "/healthz")[1]
        made.look("its login is refused", [], [])
        assert _get(port, "/healthz") == (503, '{"healthy": false, "said": "its login is refused"}')
        assert _values(_get(port, "/metrics")[1])["ir_worker_fit"] == 0
        server.shutdown()
