"""The way to Stripe over real sockets: odd answers, slow answers, many at once, and nothing said too much."""

import contextlib
import gzip
import ipaddress
import json
import logging
import os
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ir import __version__
from ir.clients.stripe_api import StripeApi, StripeResponse, account_of, probe
from ir.core.errors import Unknown
from ir.core.model import Liveness
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin
from ir.drill.twin.faults import HANG, REFUSED, TORN, WRONG_TYPE, Fate, broken, slow, too_many


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says, and remembers the headers of each request."""

    protocol_version = "HTTP/1.1"
    answer: Callable[["Handler"], None]
    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        type(self).answer(self)

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        pass


@contextmanager
def server(answer: Callable[[Handler], None]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    handler = type("Told", (Handler,), {"answer": answer, "seen": []})

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    with Server(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", handler.seen  # type: ignore[attr-defined]  # made above
        finally:
            running.shutdown()
            thread.join()


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one PEM file."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(private, hashes.SHA256())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + signed.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    path.write_bytes(pem)
    return path


@pytest.fixture
def key() -> Secret:
    return Secret("sk_" + "test_" + os.urandom(24).hex())


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=11) as twin:
        yield twin


@pytest.mark.parametrize(
    "fate",
    [
        *(HANG, REFUSED, TORN, WRONG_TYPE, slow(2.0), too_many(), too_many(None)),
        *(broken(should_retry=said) for said in (None, True, False)),
    ],
    ids=lambda fate: f"{fate.what} {fate.reason or fate.should_retry}",
)
def test_a_spoilt_answer_proves_nothing(twin: StripeTwin, fate: Fate) -> None:
    leaked, api = twin.create_secret_key(), StripeApi(twin.url, timeout=0.4)
    twin.fate(fate, path="/v1/balance", times=0)

    began = time.monotonic()
    seen = probe(api, Secret(leaked.token.reveal()))

    assert seen.liveness is Liveness.UNKNOWN
    assert time.monotonic() - began < 1.5
    twin.kinder()
    assert probe(api, Secret(leaked.token.reveal())).liveness is Liveness.ALIVE


def test_every_status_is_an_answer(key: Secret) -> None:
    def answer(handler: Handler) -> None:
        status = int(handler.path.rpartition("/")[2])
        handler.say(status, b'{"error": {"type": "x", "code": "y"}}', Request_Id="req_7")

    with server(answer) as (url, _):
        api = StripeApi(url)
        statuses = (200, 302, 400, 401, 402, 403, 404, 409, 418, 429, 500, 503)
        for status in statuses:
            for path in (f"/v1/{status}", f"/v2/{status}"):
                got = api.get(key, path)
                assert (got.status, got.code, got.request_id) == (status, "y", "req_7")
        assert api.request_ids == ["req_7"] * 2 * len(statuses)


def test_a_401_of_a_proxy_is_not_stripes(key: Secret) -> None:
    for body in (b"<html>", b'"no"', b"[]", b'{"message": "Unauthorized"}', b"\xff\xfe", b""):
        with server(lambda handler, body=body: handler.say(401, body)) as (url, _):  # type: ignore[misc]  # bound per round
            assert probe(StripeApi(url), key).liveness is Liveness.UNKNOWN


def test_a_body_that_trickles_ends_in_time(key: Secret) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    with server(answer) as (url, _):
        began = time.monotonic()
        with pytest.raises(Unknown, match="in time"):
            StripeApi(url, timeout=0.5).get(key, "/v1/balance")
        assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_headers_that_trickle_end_in_time(key: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as raw:
                talk = context.wrap_socket(raw, server_side=True) if scheme == "https" else raw
                talk.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                for _ in range(40):
                    talk.sendall(b"x")
                    time.sleep(0.1)

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        with pytest.raises(Unknown, match="in time"):
            StripeApi(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", timeout=0.55).get(key, "/v1/balance")
        assert time.monotonic() - began < 1.5
        thread.join()


def test_interim_answers_and_a_packed_one(key: Secret) -> None:
    def early(handler: Handler) -> None:
        handler.send_response_only(103)
        handler.send_header("Link", "</a>; rel=preload")
        handler.end_headers()
        handler.say(200, gzip.compress(b'{"object": "balance", "livemode": false}'), Content_Encoding="gzip", Request_Id="req_1")

    with server(early) as (url, seen):
        for _ in range(2):  # On a kept connection, too.
            assert StripeApi(url).get(key, "/v1/balance").body["object"] == "balance"
        assert len(seen) == 2


def test_a_body_that_unfolds_without_end_is_cut_off(key: Secret) -> None:
    bomb = gzip.compress(b"0" * (100 << 20))
    with server(lambda handler: handler.say(200, bomb, Content_Encoding="gzip")) as (url, _):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(Unknown):
            StripeApi(url).get(key, "/v1/balance")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_a_redirect_does_not_carry_the_key_away(key: Secret) -> None:
    with (
        server(lambda handler: handler.say(200, b"{}")) as (elsewhere, stolen),
        server(lambda handler: handler.say(307, b"{}", Location=f"{elsewhere}/v1/balance")) as (url, _),
    ):
        assert StripeApi(url).get(key, "/v1/balance").status == 307
        assert stolen == []


def test_refused_before_anything_was_sent_says_so(key: Secret) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unknown) as refusal:
        StripeApi(f"http://127.0.0.1:{port}").post(key, "/v1/x")
    assert refusal.value.safe == "nothing was sent"


def test_a_certificate_that_is_not_stripes_gets_no_key(key: Secret, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path))
        heard: list[bytes] = []

        def serve() -> None:
            with listener.accept()[0] as raw, contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as tls:
                heard.append(tls.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unknown, match="certificate"):
            StripeApi(f"https://127.0.0.1:{listener.getsockname()[1]}").get(key, "/v1/balance")
        thread.join()
    assert key.reveal() not in str(heard)


def test_our_requests_are_recognisable_and_tell_nothing_else(
    key: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    # An agent's variable, a proxy and a .netrc must make no difference.
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login thief password thief\n")
    for name, value in {
        "CODEX_CI": "1",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    with server(lambda handler: handler.say(200, b"{}", Stripe_Notice="buy more")) as (url, seen):
        api = StripeApi(url)
        api.get(key, "/v1/balance")
        api.get(key, "/v1/balance", version="2026-10-14.preview", context="acct_1")

    first, second = seen
    assert first["Authorization"] == f"Bearer {key.reveal()}"
    assert first["User-Agent"].endswith(f" ir/{__version__}")
    told = json.loads(first["X-Stripe-Client-User-Agent"])
    assert set(told) == {"bindings_version", "lang", "httplib", "lang_version", "application"}
    assert "X-Stripe-Client-Telemetry" not in second
    assert (second["Stripe-Version"], second["Stripe-Context"]) == ("2026-10-14.preview", "acct_1")
    assert not (tmp_path / "config").exists()
    assert not recwarn.list


def test_nothing_of_a_body_is_logged(twin: StripeTwin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app, leaked = twin.create_app_key(), twin.create_restricted_key(("charge_read",))
    answer = StripeApi(twin.url).get(Secret(app.token.reveal()), "/v2/iam/api_keys", version="2026-10-14.preview", context=twin.account)
    assert leaked.token.reveal() in json.dumps(answer.body), "test mode lists tokens in plain text"
    for token in (leaked.token.reveal(), app.token.reveal()):
        assert token not in caplog.text
        assert token not in repr(answer)


def test_many_at_once_are_as_quick_as_one(key: Secret) -> None:
    def answer(handler: Handler) -> None:
        time.sleep(0.1)
        handler.say(200, b'{"livemode": false}')

    with server(answer) as (url, _):
        api = StripeApi(url)
        probe(api, key)
        began = time.monotonic()
        with ThreadPoolExecutor(40) as pool:
            seen = list(pool.map(lambda _: probe(api, key), range(40)))
        took = time.monotonic() - began
    assert {look.liveness for look in seen} == {Liveness.ALIVE}
    assert took < 1.5, "one after the other they would take 4 s"


def test_each_thread_gets_its_own_answer(key: Secret) -> None:
    def answer(handler: Handler) -> None:
        handler.say(200, json.dumps({"path": handler.path}).encode())

    with server(answer) as (url, _), ThreadPoolExecutor(16) as pool:
        api = StripeApi(url)
        got: list[StripeResponse] = list(pool.map(lambda n: api.get(key, f"/v1/{n}"), range(200)))
    assert [answer.body["path"] for answer in got] == [f"/v1/{n}" for n in range(200)]


def test_reads_may_be_persistent_and_writes_never_are(twin: StripeTwin) -> None:
    leaked, api = twin.create_secret_key(), StripeApi(twin.url, timeout=1.0)
    key = Secret(leaked.token.reveal())
    twin.fate(too_many(), times=2)
    assert api.get(key, "/v1/charges", retries=2).status == 200
    twin.fate(REFUSED)
    assert api.get(key, "/v1/charges", retries=1).status == 200
    twin.fate(broken(), times=2)
    assert api.get(key, "/v1/charges", retries=1).status == 500
    twin.fate(broken(should_retry=False))
    assert api.get(key, "/v1/charges", retries=5).status == 500

    before = twin.calls
    twin.fate(broken(should_retry=True), method="POST")
    assert api.post(key, "/v1/customers", {"email": "a@example.com"}).status == 500
    assert twin.calls == before + 1


def test_a_write_carries_its_idempotency_key(twin: StripeTwin) -> None:
    leaked, api = twin.create_secret_key(), StripeApi(twin.url)
    key = Secret(leaked.token.reveal())
    first = api.post(key, "/v1/customers", {"email": "a@example.com"}, idempotency_key="once")
    again = api.post(key, "/v1/customers", {"email": "a@example.com"}, idempotency_key="once")
    assert first.ok
    assert first.body["id"] == again.body["id"]
    assert [use.idempotency_key for use in twin.used(leaked)] == ["once", "once"]


def test_the_account_of_a_key(twin: StripeTwin) -> None:
    api = StripeApi(twin.url)
    full, narrow, dead = twin.create_secret_key(), twin.create_restricted_key(("charge_read",)), twin.create_secret_key()
    twin.stripe_deactivates(dead)

    assert account_of(api, Secret(full.token.reveal())) == twin.account
    assert account_of(api, Secret(narrow.token.reveal())) == twin.account, "a 403 names it too"
    assert account_of(api, Secret(dead.token.reveal())) == ""
