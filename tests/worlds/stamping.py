"""A time stamping authority on loopback: openssl signs, with a root and a certificate made for the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs import OPENSSL
from tests.worlds.loopback import Loopback, QuietHandler

_CONFIG = """\
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
[tsa]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[tsa_section]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Where it is and whom to trust.

    Attributes:
        asked: the requests it got; answers: what it says instead of a stamp.
    """

    url: str
    root: Path
    asked: list[bytes] = field(default_factory=list)
    answers: bytes = b""


class _Server(Loopback):
    authority: Authority
    folder: Path


class _Stamps(QuietHandler):
    server: _Server

    def post(self) -> None:
        question = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/timestamp-query"
        self.server.authority.asked.append(question)
        reply = self.server.authority.answers or _stamped(self.server.folder, question)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


@contextmanager
def authority(folder: Path, *, chain: bool = False) -> Iterator[Authority]:
    """Runs while the context lasts; its files lie in `folder`. `chain`: a certificate stands between, and each answer carries all."""
    _make(folder, chain=chain)
    with _Server(_Stamps) as server:
        server.folder = folder
        server.authority = Authority(f"http://127.0.0.1:{server.server_port}/", folder / "root.pem")
        yield server.authority


def _make(folder: Path, *, chain: bool) -> None:
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder) + (f"certs = {folder}/chain.pem\n" if chain else ""))
    (folder / "serial").write_text("01\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", f"{folder}/tsa.cnf"]
    openssl(
        "req", "-x509", *curve, "-keyout", f"{folder}/root.key", "-out", f"{folder}/root.pem", "-subj", "/CN=a root", "-extensions", "root"
    )
    openssl("req", *curve, "-keyout", f"{folder}/tsa.key", "-out", f"{folder}/tsa.csr", "-subj", "/CN=an authority")
    above = "root"
    if chain:
        openssl("req", *curve, "-keyout", f"{folder}/middle.key", "-out", f"{folder}/middle.csr", "-subj", "/CN=a middle")
        signing = ["-CA", f"{folder}/root.pem", "-CAkey", f"{folder}/root.key", "-CAcreateserial", "-extfile", f"{folder}/tsa.cnf"]
        openssl("x509", "-req", "-in", f"{folder}/middle.csr", *signing, "-extensions", "root", "-out", f"{folder}/middle.pem")
        (folder / "chain.pem").write_text((folder / "middle.pem").read_text() + (folder / "root.pem").read_text())
        above = "middle"
    signing = ["-CA", f"{folder}/{above}.pem", "-CAkey", f"{folder}/{above}.key", "-CAcreateserial", "-extfile", f"{folder}/tsa.cnf"]
    openssl("x509", "-req", "-in", f"{folder}/tsa.csr", *signing, "-extensions", "tsa", "-out", f"{folder}/tsa.pem")


def _stamped(folder: Path, question: bytes) -> bytes:
    (folder / "q").write_bytes(question)
    openssl("ts", "-reply", "-queryfile", f"{folder}/q", "-config", f"{folder}/tsa.cnf", "-section", "tsa_section", "-out", f"{folder}/r")
    return (folder / "r").read_bytes()


def openssl(*words: str) -> str:
    """What it printed; fails as it fails."""
    return subprocess.run([OPENSSL.path, *words], capture_output=True, text=True, check=True, timeout=30).stdout
