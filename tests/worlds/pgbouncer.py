"""PgBouncer in front of a PostgreSQL, in transaction mode: each transaction may get another connection of few."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ir.drill.embedded.server_process import free_port
from tests import programs
from tests.worlds.wire import wire

_SETTINGS = """\
[databases]
{name} = host=127.0.0.1 port={server} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_round_robin = 1
ignore_startup_parameters =
"""


@contextmanager
def pgbouncer(address: str) -> Iterator[str]:
    """The address of the same database (`Postgres.database`) behind a pooler of three connections, given out in turn."""
    port = free_port()
    # By a line of our own: the user that it runs as may not look into the folder of the server's socket.
    with wire(address) as line, tempfile.TemporaryDirectory(prefix="ir-pgbouncer-") as folder:
        name, file = line.database, Path(folder) / "pgbouncer.ini"
        file.write_text(_SETTINGS.format(name=name, server=line.port, port=port))
        user = _other_user(folder) if os.geteuid() == 0 else ""
        child = subprocess.Popen(
            [programs.PGBOUNCER.path, *(["--user", user] if user else []), str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            made = f"postgresql://postgres@127.0.0.1:{port}/{name}"
            _comes_up(made, child)
            yield made
        finally:
            child.terminate()
            child.wait(10.0)


def _other_user(folder: str) -> str:
    """It does not run as root."""
    user = next(name for name in ("pgbouncer", "postgres", "nobody") if _known(name))
    shutil.chown(folder, user)
    return user


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return name != getpass.getuser()


def _comes_up(address: str, child: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30.0
    while True:
        try:
            psycopg.connect(address, connect_timeout=2).close()
        except psycopg.OperationalError:
            if child.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
