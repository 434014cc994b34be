"""A machine on which nothing ran before: test processes start PostgreSQL at once, and the user that it runs as is not there yet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVERS = 3
SLOW_USERADD = """#!/bin/sh
echo "$@" >> "{log}"
sleep 1
exec {useradd} "$@"
"""
"""By then every process has seen that there is no such user."""
IN_A_PRIVATE_ETC = """
cp -a /etc/. "$1" || exit 1
for file in passwd shadow group gshadow subuid subgid; do sed -i '/^pgserver:/d' "$1/$file"; done
mount --bind "$1" /etc || exit 1
shift
for _ in $(seq "$1"); do "$2" -c "$3" & done
wait
"""
START = """
import psycopg
from tests.worlds.postgres import postgres
with postgres() as server, psycopg.connect(server.address) as db:
    print("answers", *db.execute("SELECT 1").fetchone())
"""


def private_mounts() -> bool:
    """Whether this process may have mounts that no other process sees."""
    unshare = shutil.which("unshare")
    return bool(unshare) and os.geteuid() == 0 and subprocess.run([str(unshare), "--mount", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not private_mounts(), reason="only root, where it may have private mounts, can take the user away from /etc")
def test_servers_started_at_once_share_one_user_that_is_made_once(tmp_path: Path) -> None:
    for name in ("etc", "bin"):
        (tmp_path / name).mkdir()
    useradd, log = tmp_path / "bin" / "useradd", tmp_path / "useradd.log"
    useradd.write_text(SLOW_USERADD.format(log=log, useradd=shutil.which("useradd")))
    useradd.chmod(0o755)
    argv = ["unshare", "--mount", "sh", "-c", IN_A_PRIVATE_ETC, "sh", str(tmp_path / "etc"), str(SERVERS), sys.executable, START]
    kept = {**os.environ, "PATH": f"{useradd.parent}:{os.environ['PATH']}"}
    done = subprocess.run(argv, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["answers 1"] * SERVERS, done.stderr
    assert log.read_text().splitlines() == ["-s /bin/bash pgserver"]
