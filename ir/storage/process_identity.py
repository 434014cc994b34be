"""This process as a holder of leases, and the name of a holder for people."""

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ir.core.model import Json
from ir.storage.process_table import born, machine


def named(row: Mapping[str, Any]) -> str:
    """The process of a row (`Me.row`) in words; two hosts of one name and two containers of one host are told apart."""
    where = hashlib.sha256(str(row["machine"]).encode()).hexdigest()[:6] if row["machine"] else ""
    return f"{row['host']}{where and f'~{where}'} (process {row['pid']})"


@dataclass(frozen=True)
class Me:
    """This process, as a holder of leases.

    Attributes:
        born: start time of the process, so that a recycled pid is not mistaken for it.
        machine: where the pid means this process (`machine`), "" when that cannot be known.
    """

    executor: str
    host: str
    pid: int
    born: str
    actor: str
    machine: str = ""

    @property
    def row(self) -> Json:
        """The columns of this process in a table of holders."""
        return asdict(self)


def me(actor: str) -> Me:
    """This process; the executor id is unique to it."""
    pid, host = os.getpid(), socket.gethostname()
    unique = f"{pid}-{time.time_ns() % 10**10}-{secrets.token_hex(4)}"
    return Me(f"{host}-{unique}", host, pid, born(pid), actor, machine())
