"""Whose address a row has behind a proxy, and the fields of objects as other languages print them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_review_forms import NOON, Desk, ident

PATH, IP, AGENT = "/v1/customers?limit=100", "198.51.100.7", "curl/8.5.0"
PROXY, MADE_UP = "10.0.0.5", "203.0.113.66"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def pino(seen: str, **headers: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    req = {"method": "GET", "url": PATH, "headers": {"user-agent": AGENT, **told}, "remoteAddress": seen}
    return {"time": NOON * 1000, "req": req, "res": {"statusCode": 200, "headers": {"request-id": ident(1)}}}


@pytest.mark.parametrize(
    ("seen", "headers", "ip"),
    [
        (PROXY, {"x_forwarded_for": IP}, IP),
        ("::ffff:172.16.0.9", {"x_forwarded_for": f"{MADE_UP}, {IP}"}, IP),
        ("fd00::1", {"x_forwarded_for": f"{MADE_UP}, {IP}:5000 ,10.0.0.9, 100.64.1.1"}, IP),
        (PROXY, {"x_forwarded_for": "2001:DB8:1::7"}, "2001:db8:1::7"),
        (PROXY, {"forwarded": f'for={MADE_UP}, for="{IP}:443";proto=https'}, IP),
        (PROXY, {"x_forwarded_for": "unknown, 10.0.0.7"}, PROXY),
        (PROXY, {"cf_connecting_ip": IP}, IP),
        (PROXY, {"x_forwarded_for": f"{MADE_UP}, {IP}", "x_real_ip": MADE_UP}, IP),
        (IP, {"x_forwarded_for": MADE_UP}, IP),
        (IP, {"cf_connecting_ip": MADE_UP}, IP),
        ("172.32.0.1", {"x_forwarded_for": MADE_UP}, "172.32.0.1"),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_the_last_address_that_a_proxy_of_ours_saw_is_the_callers(
    desk: Desk, seen: str, headers: dict[str, str], ip: str, own: bool
) -> None:
    desk.load(json.dumps(pino(seen, **headers)) + "\n", own=own)
    assert desk.rows("ip, status, endpoint") == [(ip, 200, "/v1/customers")]


@pytest.mark.parametrize("name", ["serverIPAddress", "destIPAddress", "server_ip_address", "http_upstream_remote_addr"])
def test_the_address_of_a_server_is_no_callers(desk: Desk, name: str) -> None:
    desk.load(json.dumps({"time": NOON, "request_id": ident(1), "method": "GET", "path": PATH, name: IP}) + "\n" * 2)
    assert desk.rows("DISTINCT ip") == [("",)]


def test_a_list_of_hops_alone_tells_the_last(desk: Desk) -> None:
    desk.load(f'at=info method=GET path={PATH} fwd="{MADE_UP},{IP}" status=200 request_id={ident(1)}\n' * 2)
    assert desk.rows("DISTINCT ip, status") == [(IP, 200)]


FIELDS = {"method": "GET", "path": PATH, "status": 200, "ip": IP, "ua": AGENT}
RUBY = "I, [2026-11-18T12:00:00.999456 #1]  INFO -- : "
GO = "2026/11/18 12:00:00 call "
PRINTED: dict[str, Callable[[str], str]] = {
    "ruby": lambda i: RUBY + "{" + ", ".join(f":{k}=>{json.dumps(v)}" for k, v in [*FIELDS.items(), ("rid", i)]) + "}",
    "ruby, texts": lambda i: RUBY + "{" + ", ".join(f"{json.dumps(k)}=>{json.dumps(v)}" for k, v in [*FIELDS.items(), ("rid", i)]) + "}",
    "ruby 3.4": lambda i: RUBY + "{" + ", ".join(f"{json.dumps(k)} => {json.dumps(v)}" for k, v in [*FIELDS.items(), ("rid", i)]) + "}",
    "ruby, symbols": lambda i: RUBY + f'{{:method=>:get, :path=>"{PATH}", :http_status=>200, :ip=>"{IP}", :ua=>"{AGENT}", :request_id=>"{i}"}}',
    "php": lambda i: "[18-Nov-2026 12:00:00 UTC] [" + ", ".join(f"'{k}' => {v!r}" for k, v in [*FIELDS.items(), ("rid", i)]) + "]",
    "go": lambda i: GO + f"{{Method:GET Path:{PATH} Status:200 IP:{IP} UserAgent:{AGENT} RequestID:{i}}}",
    "go, a pointer": lambda i: GO + f"&{{Method:GET URL:https://api.stripe.com{PATH} StatusCode:200 RemoteAddr:{IP}:443 UserAgent:{AGENT} RequestID:{i}}}",
    "go, its syntax": lambda i: GO + f'main.Call{{Method:"GET", Path:"{PATH}", Status:200, IP:"{IP}", UserAgent:"{AGENT}", RequestID:"{i}"}}',
    "go, an answer": lambda i: f"2026/11/18 12:00:00 GET {PATH} {IP} {AGENT} &{{Status:200 OK StatusCode:200 Proto:HTTP/2.0 RequestID:{i}}}",
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", PRINTED)
def test_objects_are_read_as_languages_print_them(desk: Desk, name: str, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    desk.load("".join(PRINTED[name](i) + "\n" for i in ids), own=own)
    wanted = [(i, NOON, "GET", "/v1/customers", 200, IP, "curl") for i in ids]
    assert desk.rows("request_id, ts, method, endpoint, status, ip, agent") == wanted


def test_a_method_of_payment_is_no_method_of_a_request(desk: Desk) -> None:
    desk.load(f"2026-11-18 12:00:00 POST /v1/charges 200 {ident(1)} payment method: card\n" * 2)
    assert desk.rows("DISTINCT method, endpoint, status") == [("POST", "/v1/charges", 200)]


@pytest.mark.parametrize("part", ["1.1.1.1,", "for=", "10.0.0.1, ", "a:b:"])
def test_hostile_hops_are_read_in_linear_time(desk: Desk, part: str) -> None:
    began = time.process_time()
    desk.load((json.dumps(pino(PROXY, x_forwarded_for=part * 50_000)) + "\n") * 5)
    assert desk.rows("COUNT(*)") == [(1,)] and time.process_time() - began < 20
