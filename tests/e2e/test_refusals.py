"""A refusal changes nothing and blocks nothing: the next command is judged on its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds.responder import ended, responder
from tests.worlds.started import COMMAND, start

INVENTORY = """\
version: 1
accounts:
  - {name: main, id: acct_1AbC, mode: test, api_base: "http://127.0.0.1:9"}
keys:
  - {name: payments, account: main, kind: secret, stored_in: ["dotenv://.env#STRIPE"]}
"""


ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--policy", "exposed", "--yes")


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HOME": str(folder), "IR_HOME": str(folder / "home")}


def talkative(folder: Path) -> subprocess.CompletedProcess[str]:
    """Executed: the SDK reads its switch when it is imported."""
    command, env = [sys.executable, *COMMAND, *ROTATE], environment(folder) | {"STRIPE_LOG": "debug"}
    return subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_a_refused_run_holds_no_lease_whether_refused_before_its_first_entry_or_after(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / ".env").write_text(f"STRIPE=sk_{'test'}_{'51AbC' * 6}\n")
    for name in ("inventory.yaml", ".env"):
        (tmp_path / name).chmod(0o600)
    before = (tmp_path / ".env").read_bytes()

    first = talkative(tmp_path)
    assert (first.returncode, "STRIPE_LOG" in first.stderr) == (3, True), first.stderr
    for _ in range(2):
        code, said = ended(start(*ROTATE, cwd=tmp_path, env=environment(tmp_path)))
        assert code == 3, said
        assert "belongs to" not in said
        assert "refused (exit 3)" in said
    assert (tmp_path / ".env").read_bytes() == before


@pytest.mark.parametrize("how", ['http: "{url}/reload", headers: {{Authorization: "env://NEVER_SET"}}', "command: [/nowhere/reload-shop]"])
def test_a_reload_that_cannot_even_be_asked_for_is_refused_before_the_mint(tmp_path: Path, how: str) -> None:
    with responder(tmp_path / "world") as world:
        file, last = world.folder / "inventory.yaml", world.services[2]
        file.write_text(file.read_text().replace(f'{{http: "{last.url}/reload"}}', f"{{{how.format(url=last.url)}}}"))
        before = world.state()
        code, said = ended(world.rotate())
        assert code == 3, said
        assert "s2: its reload cannot be asked for" in said
        assert world.state() == before
