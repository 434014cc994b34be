"""Fates: what a client meets, and what has happened meanwhile."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from ir.drill.twin import Fate, Key, StripeTwin, faults
from ir.drill.twin.message import Request
from tests.worlds.twin_rig import client, error_of, failure, raw

pytestmark = pytest.mark.server


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=21) as twin:
        yield twin


@pytest.fixture
def key(twin: StripeTwin) -> Key:
    return twin.create_secret_key()


def pay(twin: StripeTwin, key: Key, timeout: float = 5.0, retries: int = 0) -> object:
    sdk = client(twin, key, http_client=stripe.RequestsClient(timeout=timeout), max_network_retries=retries)
    return sdk.v1.customers.create({"name": "x"}, {"idempotency_key": "one"})


@pytest.mark.parametrize(
    ("fate", "made"),
    [
        (faults.REFUSED, 0),
        (faults.HANG, 0),
        (faults.HANG_AFTER, 1),
        (faults.LOST, 1),
        (faults.TORN, 1),
        (faults.WRONG_TYPE, 1),
        (faults.too_many("global-rate"), 0),
        (faults.too_many(None), 0),
        (faults.broken(should_retry=True), 0),
        (faults.broken(should_retry=False), 0),
        (faults.broken(acted=True), 1),
    ],
    ids=str,
)
def test_a_spoiled_call_fails_and_has_or_has_not_acted(twin: StripeTwin, key: Key, fate: Fate, made: int) -> None:
    met = twin.fate(fate, method="post", path="/v1/customers")
    with pytest.raises(stripe.StripeError):
        pay(twin, key, timeout=0.3)
    assert met.met == 1
    assert len(twin.objects("customers")) == made
    assert twin.uses.select(lambda _: True)[0].fate == fate.what


def test_succeeds_twice_leaves_two(twin: StripeTwin, key: Key) -> None:
    twin.fate(faults.TWICE)
    pay(twin, key)
    assert len(twin.objects("customers")) == 2


def test_slow_acts_at_once_and_answers_late(twin: StripeTwin, key: Key) -> None:
    twin.fate(faults.slow(0.4))
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(pay, twin, key)
        while not twin.objects("customers"):
            assert time.monotonic() - started < 0.35, "it should act before it answers"
            time.sleep(0.01)
        going.result()
    assert time.monotonic() - started >= 0.4


def test_a_lost_answer_and_the_sdks_own_retry_end_in_one_object(twin: StripeTwin, key: Key) -> None:
    twin.fate(faults.LOST)
    pay(twin, key, retries=1)
    assert len(twin.objects("customers")) == 1
    assert [use.status for use in twin.used(key)] == [200, 200]


@pytest.mark.parametrize(("should_retry", "calls"), [(True, 2), (False, 1)])
def test_the_sdk_heeds_should_retry(twin: StripeTwin, key: Key, should_retry: bool, calls: int) -> None:
    twin.fate(faults.broken(should_retry=should_retry))
    if should_retry:
        pay(twin, key, retries=1)
    else:
        failure(lambda: pay(twin, key, retries=1))
    assert twin.calls == calls


def test_headers_of_429_and_500(twin: StripeTwin, key: Key) -> None:
    twin.fate(faults.too_many("resource-specific"))
    twin.fate(faults.too_many(None))
    twin.fate(faults.broken(should_retry=False))
    status, headers, _ = raw(twin, "GET", "/v1/balance", key)
    assert (status, headers["stripe-rate-limited-reason"]) == (429, "resource-specific")
    status, headers, body = raw(twin, "GET", "/v1/balance", key)
    assert status == 429
    assert "stripe-rate-limited-reason" not in headers
    assert json.loads(body)["error"]["code"] == "lock_timeout"
    status, headers, _ = raw(twin, "GET", "/v1/balance", key)
    assert (status, headers["stripe-should-retry"]) == (500, "false")
    assert headers["request-id"].startswith("req_")


def test_rules_choose_by_key_path_and_count(twin: StripeTwin, key: Key) -> None:
    other = twin.create_secret_key()
    twin.fate(faults.broken(), path="/v1/bal*", key=key, skip=1, times=2)
    seen = [raw(twin, "GET", "/v1/balance", one)[0] for one in (other, key, key, other, key, key)]
    assert seen == [200, 200, 500, 200, 500, 200]
    twin.fate(faults.broken(), times=0)
    assert [raw(twin, "GET", "/v1/customers", key)[0] for _ in range(3)] == [500] * 3
    twin.kinder()
    assert raw(twin, "GET", "/v1/customers", key)[0] == 200


def test_a_callback_may_decide(twin: StripeTwin, key: Key) -> None:
    twin.decide(lambda request: faults.broken() if "limit=7" in request.query else None)
    assert [raw(twin, "GET", f"/v1/customers?limit={n}", key)[0] for n in (6, 7, 8)] == [200, 500, 200]


def test_chance_is_repeatable_and_not_changed_by_neighbours() -> None:
    def draws(seed: int, *, neighbour: bool) -> list[Fate | None]:
        chance, found = faults.Chance(seed, 0.3), []
        for _ in range(60):
            found.append(chance(Request("GET", "/v1/balance", headers={"authorization": "a"})))
            if neighbour:
                chance(Request("GET", "/v1/balance", headers={"authorization": "b"}))
        return found

    assert draws(1, neighbour=False) == draws(1, neighbour=True)
    assert draws(1, neighbour=False) != draws(2, neighbour=False)
    assert 5 < sum(fate is not None for fate in draws(1, neighbour=False)) < 35


def test_connections_are_kept_and_pipelined_requests_answered_in_order(twin: StripeTwin, key: Key) -> None:
    request = f"GET /v1/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.token.reveal()}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(twin.url.rsplit(":", 1)[1])), timeout=5) as line:
        whole = (request % "balance" + request % "customers").encode()
        line.sendall(whole[:40])
        time.sleep(0.02)
        line.sendall(whole[40:])
        stream = line.makefile("rb")
        for expected in ("balance", "list"):
            length = 0
            while (header := stream.readline()) != b"\r\n":
                if header.lower().startswith(b"content-length"):
                    length = int(header.split(b":")[1])
            assert json.loads(stream.read(length))["object"] == expected
        stream.close()


def test_nonsense_on_the_wire_gets_an_error_and_a_closed_line(twin: StripeTwin) -> None:
    port = int(twin.url.rsplit(":", 1)[1])
    for nonsense, status in [
        (b"hello\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
    ]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(nonsense)
            assert line.recv(100).split(b" ")[1] == status


def test_bad_bodies_are_400(twin: StripeTwin, key: Key) -> None:
    for path, body in [("/v2/iam/api_keys", "{"), ("/v2/iam/api_keys", "[]"), ("/v1/customers", "a=1&a[b]=2")]:
        assert raw(twin, "POST", path, key, body)[0] == 400
    assert error_of(lambda: client(twin, key).raw_request("get", "/v3/x"))[0] == 404


def test_many_clients_at_once_lose_nothing(twin: StripeTwin) -> None:
    keys = [twin.create_secret_key() for _ in range(40)]

    def work(key: Key) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", int(twin.url.rsplit(":", 1)[1]), timeout=20)
        headers = {"Authorization": f"Bearer {key.token.reveal()}"}
        answered = 0
        for _ in range(25):
            connection.request("POST", "/v1/customers", "name=x", headers)
            answered += connection.getresponse().read().count(b"cus_")
        connection.close()
        return answered

    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(work, keys)) == 1000
    assert len({row["id"] for row in twin.objects("customers")}) == twin.calls == 1000
    assert {len(twin.used(key)) for key in keys} == {25}


def test_stop_ends_open_connections_and_the_port_is_free_again(key: Key, twin: StripeTwin) -> None:
    line = socket.create_connection(("127.0.0.1", int(twin.url.rsplit(":", 1)[1])), timeout=5)
    raw(twin, "GET", "/v1/balance", key)
    twin.stop()
    assert line.recv(1) == b""
    line.close()
    with pytest.raises(ConnectionRefusedError):
        raw(twin, "GET", "/v1/balance", key)
    assert twin.calls == 1
