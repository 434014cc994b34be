"""A company's forward proxy: it opens TLS with an authority of its own, may ask for a login, and says no in its own words."""

import base64
import datetime as dt
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.worlds.bad_network import Answer
from tests.worlds.loopback import Loopback, QuietHandler

_OF_THE_LINE = ("connection", "content-length", "transfer-encoding", "proxy-authorization", "accept-encoding")


@dataclass
class ForwardProxy:
    """Use as a context manager.

    Attributes:
        folder: where certificates are put.
        behind: host → `http://…` of the server on loopback that stands in for it; any other host is a 502.
        login: `user:password` that it asks for, "" for none.
        refused: hosts that no way is opened to (403).
        says: host → what it answers by itself, inside of the TLS that it opened, or to plain http.
        asked: `CONNECT host:port` or `METHOD http://…`, as they came.
    """

    folder: Path
    behind: dict[str, str]
    login: str = ""
    refused: set[str] = field(default_factory=set)
    says: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._authority = _Authority(self.folder)
        self.server = _Server(_Handler)
        self.server.proxy = self
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.__exit__()

    @property
    def url(self) -> str:
        """Without a login."""
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def authority(self) -> str:
        """The file that clients have to trust."""
        return str(self._authority.file)

    def environment(self, *, login: str = "", trusted: bool = True) -> dict[str, str | None]:
        """Variables of a process behind it."""
        url = self.url.replace("//", f"//{login}@") if login else self.url
        unset = ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
        trust = {"SSL_CERT_FILE": self.authority if trusted else None}
        return {**dict.fromkeys(unset), "HTTPS_PROXY": url, "HTTP_PROXY": url, **trust}

    def context(self, host: str) -> ssl.SSLContext:
        """For the TLS of `host`, opened here."""
        return self._authority.context(host)


class _Authority:
    """Issues a certificate for any host."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._made: dict[str, ssl.SSLContext] = {}
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a company's proxy")])
        self.file = folder / "company.pem"
        self.file.write_bytes(self._signed(self._name, self._key.public_key(), ()).public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        if host not in self._made:
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
            pem = self._signed(name, key.public_key(), (host,)).public_bytes(serialization.Encoding.PEM)
            file = self._folder / f"{host}.pem"
            plain = serialization.NoEncryption()
            file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + pem)
            self._made[host] = made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(file)
        return self._made[host]

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePublicKey, hosts: tuple[str, ...]) -> x509.Certificate:
        now, mine = dt.datetime.now(dt.UTC), self._key.public_key()
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=not hosts,
            crl_sign=not hosts,
            **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False),
            encipher_only=False,
            decipher_only=False,
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(mine), critical=False)
        )
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        return made.sign(self._key, hashes.SHA256())


class _Server(Loopback):
    proxy: ForwardProxy


class _Handler(QuietHandler):
    server: _Server
    host = ""
    """Of the TLS that was opened; "": plain http still."""

    def do_CONNECT(self) -> None:  # noqa: N802 - the library's own name
        self.server.proxy.asked.append(f"CONNECT {self.path}")
        host = self.path.rpartition(":")[0]
        if not self._may(host):
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        try:
            opened = self.server.proxy.context(host).wrap_socket(self.connection, server_side=True)
        except OSError:  # The client does not trust us.
            self.close_connection = True
            return
        self.connection, self.host = opened, host
        self.rfile, self.wfile = opened.makefile("rb"), opened.makefile("wb", buffering=0)  # type: ignore[assignment]  # as the library has it
        self.close_connection = False

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        host = self.host or parts.hostname or ""
        if not self.host:
            self.server.proxy.asked.append(f"{self.command} {self.path}")
            if not self._may(host):
                return
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._say(self.server.proxy.says.get(host) or self._asked(host, target, body))

    def _may(self, host: str) -> bool:
        proxy = self.server.proxy
        wanted = "Basic " + base64.b64encode(proxy.login.encode()).decode()
        if proxy.login and self.headers.get("Proxy-Authorization") != wanted:
            self._say(Answer(407, b"<html>Who are you?</html>", (("Proxy-Authenticate", 'Basic realm="company"'),)))
        elif host in proxy.refused:
            self._say(Answer(403, b"<html>Blocked by policy.</html>", (("Content-Type", "text/html"),)))
        else:
            return True
        return False

    def _asked(self, host: str, target: str, body: bytes) -> Answer:
        there = self.server.proxy.behind.get(host)
        if there is None:
            return Answer(502, b"<html>No such host.</html>", (("Content-Type", "text/html"),))
        connection = HTTPConnection(urlsplit(there).hostname or "", urlsplit(there).port, timeout=10.0)
        try:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_LINE}
            connection.request(self.command, target, body or None, kept)
            got = connection.getresponse()
            return Answer(got.status, got.read(), tuple((n, v) for n, v in got.getheaders() if n.lower() not in _OF_THE_LINE))
        finally:
            connection.close()

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.host:  # The next call is a new CONNECT: what the proxy allows may have changed.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = _pass_on  # noqa: N815 - the library's own names
