"""A refusal changes nothing and blocks nothing: the next command is judged on its own."""

import os
import subprocess
import sys
from pathlib import Path

INVENTORY = """\
version: 1
accounts:
  - {name: main, id: acct_1AbC, mode: test, api_base: "http://127.0.0.1:9"}
keys:
  - {name: payments, account: main, kind: secret, stored_in: ["dotenv://.env#STRIPE"]}
"""


def rotate(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ir.cli", "rotate", "stripe", "--inventory", "inventory.yaml", "--policy", "exposed", "--yes"]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    kept |= {"HOME": str(folder), "IR_HOME": str(folder / "home"), **environment}
    return subprocess.run(command, cwd=folder, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_a_refused_run_holds_no_lease_whether_refused_before_its_first_entry_or_after(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / ".env").write_text(f"STRIPE=sk_{'test'}_{'51AbC' * 6}\n")
    for name in ("inventory.yaml", ".env"):
        (tmp_path / name).chmod(0o600)
    before = (tmp_path / ".env").read_bytes()

    first = rotate(tmp_path, STRIPE_LOG="debug")
    assert (first.returncode, "STRIPE_LOG" in first.stderr) == (3, True), first.stderr
    for _ in range(2):
        later = rotate(tmp_path)
        said = later.stdout + later.stderr
        assert later.returncode == 3, said
        assert "belongs to" not in said
        assert "refused (exit 3)" in said
    assert (tmp_path / ".env").read_bytes() == before
