"""An OpenBao dev server (Vault's API) on loopback, as a child process.

The binary comes with the extra `drill` or stands on PATH; it keeps everything in memory.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ir.drill.embedded.moto_server import free_port


@dataclass(frozen=True)
class OpenBao:
    """A running server.

    Attributes:
        address: for `VAULT_ADDR`.
        token: its root token, valid as long as the server lives.
    """

    address: str
    token: str


def binary() -> str:
    """Path of `bao`: beside this Python, else on PATH; "" when there is none."""
    beside = Path(sys.executable).with_name("bao")
    return str(beside) if beside.exists() else shutil.which("bao") or ""


@contextmanager
def openbao(*, patience: float = 120.0) -> Iterator[OpenBao]:
    """Start, wait until `secret/` is mounted as KV version 2, and end it at the exit.

    Raises:
        RuntimeError: no binary, or it did not come up in `patience` seconds.
    """
    program = binary()
    if not program:
        raise RuntimeError("there is no OpenBao; the extra `drill` brings it")
    port, token = free_port(), "dev-" + secrets.token_hex(12)
    with tempfile.TemporaryDirectory(prefix="ir-openbao-") as home:
        child = subprocess.Popen(
            [program, "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env={"HOME": home, "PATH": os.defpath, "BAO_DEV_ROOT_TOKEN_ID": token},
        )
        try:
            _wait(child, port, token, patience)
            yield OpenBao(f"http://127.0.0.1:{port}", token)
        finally:
            child.terminate()
            try:
                child.wait(5.0)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait(child: "subprocess.Popen[bytes]", port: int, token: str, patience: float) -> None:
    until = time.monotonic() + patience
    while not _mounted(port, token):
        if child.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the OpenBao server did not come up")
        time.sleep(0.03)


def _mounted(port: int, token: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/v1/secret/config", headers={"X-Vault-Token": token})
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == 200
