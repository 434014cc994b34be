"""Services on loopback that keep state: instances behind one port, with the ways in which real ones misbehave.

A connection goes to the next instance in turn, as behind a balancer. Instances answer `GET` with what they hold and take
up what is stored on `POST /reload`.
"""

import datetime as dt
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.worlds.loopback import Loopback, QuietHandler


@dataclass
class Instance:
    """One process of a service.

    Attributes:
        holds: fingerprint of the key that it has.
        misbehave: answers in its own way instead; gets the handler.
    """

    name: str
    holds: str = ""
    status: int = 200
    delay: float = 0.0
    misbehave: Callable[["Handler"], None] | None = None


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int


@dataclass
class ServiceWorld:
    """A service of one or more instances; use as a context manager."""

    instances: list[Instance]
    stored: str = ""
    address: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    seen: list[Seen] = field(default_factory=list)
    reload_status: int = 202
    reload_body: bytes = b""
    sticky: bool = False

    def __enter__(self) -> Self:
        self._server = _Server(Handler, (self.address, self.port))
        self._server.world = self
        self.port = self._server.server_address[1]
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.__exit__()

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.address}:{self.port}"

    def reload(self) -> None:
        for instance in self.instances:
            instance.holds = self.stored

    def gets(self) -> int:
        return sum(seen.method == "GET" for seen in self.seen)

    def posts(self) -> int:
        return sum(seen.method == "POST" for seen in self.seen)


class _Server(Loopback):
    world: ServiceWorld
    connections = 0


class Handler(QuietHandler):
    server: _Server

    def setup(self) -> None:
        world = self.server.world
        self.number = self.server.connections
        self.server.connections += 1
        self.instance = world.instances[0 if world.sticky else self.number % len(world.instances)]
        super().setup()

    def get(self) -> None:
        self._note()
        instance = self.instance
        time.sleep(instance.delay)
        if instance.misbehave is not None:
            instance.misbehave(self)
        else:
            self.answer(instance.status, {"key_fingerprint": instance.holds, "pod": instance.name, "health": {"ok": True}})

    def post(self) -> None:
        self._note()
        world = self.server.world
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.instance.delay)
        if self.instance.misbehave is not None:
            self.instance.misbehave(self)
            return
        if world.reload_status < 300:
            world.reload()
        self.answer(world.reload_status, world.reload_body)

    def answer(self, status: int, body: dict[str, Any] | bytes, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", headers.pop("Content_Type", "application/json"))
        self.send_header("X-Instance", self.instance.name)
        self.send_header("Content-Length", headers.pop("Content_Length", str(len(data))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _note(self) -> None:
        self.server.world.seen.append(Seen(self.command, self.path, dict(self.headers), self.number))


def redirect(location: str, status: int = 302) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(status, b"", Location=location)


def huge(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    for _ in range(3000):
        handler.wfile.write(b" " * 1024)


def wrong_type(handler: Handler) -> None:
    handler.answer(200, b"<html>it works</html>", Content_Type="text/html")


def torn(handler: Handler) -> None:
    handler.answer(200, b'{"key_fing', Content_Length="4000")
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def drip_body(handler: Handler) -> None:
    """A byte now and then: each is within a socket's time-out, the whole never ends."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def drip_head(handler: Handler) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 200:
        handler.wfile.write(bytes([letter]))
        time.sleep(0.05)


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def dead_port(address: str) -> Iterator[int]:
    """A port that is taken by a socket which does not listen: connections are refused, and no other server gets it."""
    with socket.socket() as taken:
        taken.bind((address, 0))
        yield int(taken.getsockname()[1])


@contextmanager
def full_house(address: str) -> Iterator[int]:
    """A listener whose queue is full, and its port: further connections are neither taken nor refused (Linux drops their SYN)."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield port


def certificate(folder: Path, *names: x509.GeneralName) -> tuple[Path, Path]:
    """A fresh self-signed certificate for these names: file with key and certificate, file with the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test service")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both, alone = folder / "service.pem", folder / "authority.pem"
    both.write_bytes(private + pem)
    alone.write_bytes(pem)
    return both, alone
