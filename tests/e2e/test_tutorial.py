"""docs/tutorial.md: its commands are run as they are written, and print what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROMPT = "rehearsal> "


@pytest.mark.server
def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    lines = [line for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    (command,) = [line[2:] for line in lines if line.startswith("$ ")]
    typed = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
    assert len(typed) == 8 and typed[-1] == "end"
    (tmp_path / "tmp").mkdir()
    own = {"HOME": str(tmp_path), "IR_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "ir.cli", *shlex.split(command)[1:]],
        input="".join(f"{line}\n" for line in typed),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**own, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        timeout=400,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    shown = [line for line in lines if not line.startswith(("$ ", PROMPT))]
    at = 0
    for line in shown:
        found = re.compile(".+".join(map(re.escape, line.split("…")))).search(done.stdout, at)
        assert found, f"{line!r} is not printed in its place:\n{done.stdout}"
        at = found.end()
