"""The HTTP edge against real servers on loopback: who is asked, what is sent, how long it may take."""

import gzip
import ipaddress
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from ir.clients.http_client import HttpEdge, check_headers
from ir.clients.http_connection import LARGEST
from ir.core.errors import Denied, Missing, Rejected, Unknown
from ir.core.secret import Secret
from ir.core.urls import NotAsked, ParsedUrl
from tests.worlds.service_world import (
    Handler,
    Instance,
    ServiceWorld,
    certificate,
    closed_port,
    dead_port,
    drip_body,
    drip_head,
    full_house,
    hang_up,
    huge,
    redirect,
    torn,
)

LOOPBACK = ("127.0.0.1",)


def no_secrets(reference: str) -> Secret:
    raise Missing(f"there is no {reference}")


def edge(*hosts: str, resolve: Callable[[str], Secret] = no_secrets) -> HttpEdge:
    return HttpEdge(hosts or LOOPBACK, resolve)


def leads_to(*addresses: str) -> Callable[[ParsedUrl, float], tuple[str, ...]]:
    return lambda place, seconds: addresses


def test_every_call_has_a_connection_of_its_own() -> None:
    with ServiceWorld([Instance("a"), Instance("b")]) as world:
        answers = [edge().call("GET", world.url) for _ in range(3)]
        assert [a.headers["x-instance"] for a in answers] == ["a", "b", "a"]
        assert [s.connection for s in world.seen] == [0, 1, 2]
        assert answers[0].address == "127.0.0.1"


def test_host_header_path_and_query() -> None:
    with ServiceWorld([Instance("a")]) as world:
        edge().call("GET", f"{world.url}/health/z?deep=1#part")
        assert world.seen[0].path == "/health/z?deep=1"
        assert world.seen[0].headers["Host"] == f"127.0.0.1:{world.port}"


def test_headers_are_resolved_by_reference() -> None:
    token = Secret(secrets.token_hex(12) + "\n")
    with ServiceWorld([Instance("a")]) as world:
        edge(resolve=lambda ref: token).call("GET", world.url, headers={"X-Token": "env://TOKEN"})
        assert world.seen[0].headers["X-Token"] == token.reveal().strip()


def test_a_header_that_cannot_be_filled_is_our_failure_not_the_service_s() -> None:
    bad = Secret("first line " + secrets.token_hex(8) + "\nInjected: yes")
    with ServiceWorld([Instance("a")]) as world:
        with pytest.raises(NotAsked) as refused:
            edge(resolve=lambda ref: bad).call("GET", world.url, headers={"X-Token": "env://TOKEN"})
        assert bad.reveal()[11:27] not in str(refused.value)
        assert refused.value.__context__ is None
        with pytest.raises(NotAsked, match="X-Token"):
            edge().call("GET", world.url, headers={"X-Token": "env://TOKEN"})

        def denied(reference: str) -> Secret:
            raise Denied("the store says no")

        with pytest.raises(Denied):
            edge(resolve=denied).call("GET", world.url, headers={"X-Token": "env://TOKEN"})
        assert world.seen == []


def test_a_host_that_the_inventory_does_not_name_gets_nothing() -> None:
    asked: list[str] = []

    def resolve(reference: str) -> Secret:
        asked.append(reference)
        return Secret(secrets.token_hex(12))

    with ServiceWorld([Instance("a")]) as world:
        with pytest.raises(NotAsked, match="does not name"):
            edge("checkout.internal", resolve=resolve).call("GET", world.url, headers={"X-Token": "env://T"})
        assert (world.seen, asked) == ([], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    token = Secret(secrets.token_hex(12))
    with ServiceWorld([Instance("other")]) as other:
        away = redirect(f"http://localhost:{other.port}/", status)
        with ServiceWorld([Instance("a", misbehave=away)]) as world:
            with pytest.raises(Rejected, match="redirect"):
                edge("127.0.0.1", "localhost", resolve=lambda ref: token).call("GET", world.url, headers={"X-Token": "env://TOKEN"})
            assert other.seen == []


def test_a_redirect_to_another_port_or_scheme_is_not_followed() -> None:
    with ServiceWorld([Instance("other")]) as other:
        for away in (f"http://127.0.0.1:{other.port}/", f"//127.0.0.1:{other.port}/", "file:///etc/passwd", "http://["):
            with ServiceWorld([Instance("a", misbehave=redirect(away))]) as world, pytest.raises(Rejected):
                edge().call("GET", world.url)
        assert other.seen == []


def test_a_redirect_on_the_same_host_is_followed_within_bounds() -> None:
    def once(handler: Handler) -> None:
        if handler.path == "/new":
            handler.answer(200, {"here": True})
        else:
            handler.answer(301, b"", Location="/new")

    with ServiceWorld([Instance("a", misbehave=once)]) as world:
        assert edge().call("GET", f"{world.url}/old").status == 200
        assert [s.path for s in world.seen] == ["/old", "/new"]
    with ServiceWorld([Instance("a", misbehave=redirect("/again"))]) as world:
        with pytest.raises(Rejected, match="more than 5"):
            edge().call("GET", world.url)
        assert len(world.seen) == 6


def early(handler: Handler) -> None:
    """Hints before the answer, as servers behind a content network send them."""
    for status in (103, 102, 100):
        handler.send_response_only(status)
        handler.send_header("Link", "</style.css>; rel=preload")
        handler.end_headers()
    handler.answer(200, {"ok": True})


def packed(how: Callable[[bytes], bytes], name: str) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(200, how(b'{"ok": true}'), Content_Encoding=name)


def test_interim_answers_are_none() -> None:
    with ServiceWorld([Instance("a", misbehave=early)]) as world:
        answer = edge().call("GET", world.url)
        assert (answer.status, answer.body) == (200, b'{"ok": true}')


def test_interim_answers_without_an_end_are_none_either() -> None:
    def endless(handler: Handler) -> None:
        for _ in range(100):
            handler.send_response_only(102)
            handler.end_headers()

    with ServiceWorld([Instance("a", misbehave=endless)]) as world, pytest.raises(Unknown):
        edge().call("GET", world.url)


def twice(data: bytes) -> bytes:
    return gzip.compress(gzip.compress(data))


@pytest.mark.parametrize(("how", "name"), [(gzip.compress, "gzip"), (zlib.compress, "deflate"), (twice, "gzip, x-gzip")])
def test_a_packed_answer_is_unpacked_within_bounds(how: Callable[[bytes], bytes], name: str) -> None:
    with ServiceWorld([Instance("a", misbehave=packed(how, name))]) as world:
        assert edge().call("GET", world.url).body == b'{"ok": true}'
    bomb = packed(lambda _: how(b" " * (LARGEST + 1)), name)
    with ServiceWorld([Instance("a", misbehave=bomb)]) as world, pytest.raises(Rejected, match="larger"):
        edge().call("GET", world.url)
    with ServiceWorld([Instance("a", misbehave=packed(lambda data: how(data)[:-4], name))]) as world, pytest.raises(Unknown):
        edge().call("GET", world.url)
    with ServiceWorld([Instance("a", misbehave=packed(lambda data: data, "br"))]) as world, pytest.raises(Rejected, match="packed"):
        edge().call("GET", world.url)


def test_a_post_is_repeated_only_where_the_redirect_says_so() -> None:
    with ServiceWorld([Instance("a", misbehave=redirect("/elsewhere", 302))]) as world:
        assert edge().call("POST", world.url).status == 302
        assert world.posts() == 1


def test_an_answer_without_end_is_cut_off() -> None:
    assert LARGEST < 3000 * 1024
    with ServiceWorld([Instance("a", misbehave=huge)]) as world, pytest.raises(Rejected, match="larger"):
        edge().call("GET", world.url)


@pytest.mark.parametrize("slow", [drip_body, drip_head])
def test_time_is_limited_in_total_however_slowly_it_drips(slow: Callable[[Handler], None]) -> None:
    with ServiceWorld([Instance("a", misbehave=slow)]) as world:
        begun = time.monotonic()
        with pytest.raises(Unknown, match="in time"):
            edge().call("GET", world.url, timeout=0.4)
        assert 0.35 < time.monotonic() - begun < 1.5


def test_slow_torn_and_hung_up_prove_nothing() -> None:
    with ServiceWorld([Instance("a", delay=2)]) as world, pytest.raises(Unknown, match="in time"):
        edge().call("GET", world.url, timeout=0.3)
    for broken in (torn, hang_up):
        with ServiceWorld([Instance("a", misbehave=broken)]) as world, pytest.raises(Unknown, match="broke off"):
            edge().call("GET", world.url)


def test_nobody_there() -> None:
    with pytest.raises(Missing, match="refused"):
        edge().call("GET", f"http://127.0.0.1:{closed_port()}")
    # Without any name service, as in a closed build room, nobody can say that there is no such host.
    with pytest.raises((Missing, Unknown), match="no-such-host"):
        edge("no-such-host.invalid").call("GET", "http://no-such-host.invalid/", timeout=20)


def test_a_dead_first_address_leaves_time_for_the_next() -> None:
    with dead_port("127.0.0.1") as port, ServiceWorld([Instance("a")], address="127.0.0.2", port=port) as world:
        two = HttpEdge(("service.internal",), no_secrets, look_up=leads_to("127.0.0.1", "127.0.0.2"))
        answer = two.call("GET", f"http://service.internal:{world.port}/")
        assert answer.address == "127.0.0.2"
        assert world.seen[0].headers["Host"] == f"service.internal:{world.port}"
        with pytest.raises(Missing):
            two.call("GET", f"http://service.internal:{world.port}/", address="127.0.0.1")


def test_a_silent_first_address_leaves_time_too() -> None:
    with full_house("127.0.0.1") as port, ServiceWorld([Instance("a")], address="127.0.0.2", port=port) as world:
        two = HttpEdge(("service.internal",), no_secrets, look_up=leads_to("127.0.0.1", "127.0.0.2"))
        assert two.call("GET", f"http://service.internal:{world.port}/", timeout=4.0).address == "127.0.0.2"
        with pytest.raises(Unknown, match="in time"):
            two.call("GET", f"http://service.internal:{world.port}/", timeout=0.4, address="127.0.0.1")


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200"],
)
def test_a_name_that_leads_to_a_metadata_address_is_refused(address: str) -> None:
    token = Secret(secrets.token_hex(12))
    rebound = HttpEdge(("service.internal",), lambda ref: token, look_up=leads_to("127.0.0.1", address))
    with pytest.raises(NotAsked, match="link-local"):
        rebound.call("GET", "http://service.internal:1/", headers={"X-Token": "env://TOKEN"})
    with pytest.raises(NotAsked, match="link-local"):
        HttpEdge(("service.internal",), no_secrets, look_up=leads_to("127.0.0.1")).call(
            "GET", "http://service.internal:1/", address=address
        )


def test_decimal_and_hexadecimal_spellings_are_no_way_around() -> None:
    for spelling in ("2852039166", "0xA9FEA9FE", "0251.0376.0251.0376"):
        with pytest.raises((NotAsked, Missing)):
            edge(spelling).call("GET", f"http://{spelling}:1/")


def test_loopback_is_never_proxied_and_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, dead)
    with ServiceWorld([Instance("a")]) as world:
        assert edge().call("GET", world.url).status == 200
        assert edge("localhost").call("GET", f"http://localhost:{world.port}/").status == 200
        here = HttpEdge(("service.internal",), no_secrets, look_up=leads_to("127.0.0.1"))
        assert here.call("GET", f"http://service.internal:{world.port}/").status == 200
    with pytest.raises(Unknown, match="proxy"):
        edge("service.invalid").call("GET", "http://service.invalid/")
    with ServiceWorld([Instance("proxy")]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
        answer = edge("service.invalid").call("GET", "http://service.invalid/health")
        assert answer.address == ""
        assert proxy.seen[0].path == "http://service.invalid/health"
        assert proxy.seen[0].headers["Host"] == "service.invalid"
        assert proxy.seen[0].headers["Proxy-Authorization"].startswith("Basic ")
        assert edge("service.invalid").addresses("http://service.invalid/") == ()


def test_a_secret_header_does_not_travel_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to another machine nor to a proxy; the secret is not even read. Without such a header it may be asked."""
    read: list[str] = []

    def resolve(reference: str) -> Secret:
        read.append(reference)
        return Secret(secrets.token_hex(12))

    away = HttpEdge(("service.internal",), resolve, look_up=leads_to("127.0.0.1", "10.255.255.1"))
    with pytest.raises(NotAsked, match="in the clear; not asked"):
        away.call("GET", "http://service.internal:1/", headers={"X-Token": "env://T"})
    with ServiceWorld([Instance("proxy")]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        behind = HttpEdge(("service.invalid",), resolve)
        with pytest.raises(NotAsked, match="in the clear and through a proxy"):
            behind.call("POST", "http://service.invalid/reload", headers={"X-Token": "env://T"})
        assert (proxy.seen, read) == ([], [])
        assert behind.call("GET", "http://service.invalid/health").status == 200
        here = HttpEdge(("service.internal",), resolve, look_up=leads_to("127.0.0.1"))
        assert here.call("GET", f"http://service.internal:{proxy.port}/", headers={"X-Token": "env://T"}).status == 200
    assert read == ["env://T"]


class TestTls:
    def test_a_self_signed_certificate_is_refused_before_anything_is_sent(self, tmp_path: Path) -> None:
        both, _ = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        token = Secret(secrets.token_hex(12))
        with ServiceWorld([Instance("a")], certificate=both) as world:
            with pytest.raises(Rejected, match="not trusted"):
                edge(resolve=lambda ref: token).call("GET", world.url, headers={"X-Token": "env://TOKEN"})
            assert world.seen == []

    def test_a_trusted_certificate_is_taken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        both, alone = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        monkeypatch.setenv("SSL_CERT_FILE", str(alone))
        with ServiceWorld([Instance("a")], certificate=both) as world:
            assert edge().call("GET", world.url).status == 200

    def test_a_trusted_certificate_of_another_name_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        both, alone = certificate(tmp_path, x509.DNSName("other.internal"))
        monkeypatch.setenv("SSL_CERT_FILE", str(alone))
        with ServiceWorld([Instance("a")], certificate=both) as world:
            with pytest.raises(Rejected, match="not trusted"):
                edge().call("GET", world.url)
            named = HttpEdge(("other.internal",), no_secrets, look_up=leads_to("127.0.0.1"))
            assert named.call("GET", f"https://other.internal:{world.port}/").status == 200

    def test_plain_http_where_tls_is_expected(self) -> None:
        with ServiceWorld([Instance("a")]) as world, pytest.raises(Rejected, match="TLS"):
            edge().call("GET", world.url.replace("http:", "https:"))

    def test_time_is_limited_behind_tls_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        both, alone = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        monkeypatch.setenv("SSL_CERT_FILE", str(alone))
        with ServiceWorld([Instance("a", misbehave=drip_body)], certificate=both) as world:
            begun = time.monotonic()
            with pytest.raises(Unknown, match="in time"):
                edge().call("GET", world.url, timeout=0.5)
            assert time.monotonic() - begun < 1.5


def watches() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ir-http-watch")]


def test_many_threads_share_one_edge_and_leave_nothing_running() -> None:
    with ServiceWorld([Instance("a")]) as world:
        shared = edge()
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: shared.call("GET", world.url).status, range(100)))
        assert statuses == [200] * 100
    deadline = time.monotonic() + 30
    while watches() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert watches() == []


def test_headers_that_are_not_the_user_s_to_set() -> None:
    for bad in ("Host", "content-length", "Connection", "X Y", "X:Y", "", "X\n"):
        with pytest.raises(ValueError, match="header"):
            check_headers((bad,))
    check_headers(("Authorization", "X-Api-Key"))
