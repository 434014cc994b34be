"""`.ci/run` on a bare machine: what tests use is installed while the checks run, and no test begins without it."""

import shutil
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
PROGRAMS = {
    "dpkg-query": "echo -n not-installed",
    "python3.11": "exit 1",
    "apt-get": """
        case "$*" in
          *python3.11-venv*) echo venv >> done;;
          *chromium*) for _ in $(seq 300); do grep -q lint done && break; sleep 0.1; done
            [ -z "$NO_PACKAGE" ] || { echo "E: no such package"; exit 100; }; echo programs >> done;;
        esac""",
    "make": """
        case "$*" in
          *lint*) echo "lint${CI:+, as CI}" >> done; exit "${LINT_ENDS:-0}";;
          *) echo "$*${CI:+, as CI}" >> done;;
        esac""",
}


def ran(folder: Path, **more: str) -> tuple[int, list[str], str]:
    """Its exit code, what was done in order, and what it said, where every program that it calls is played."""
    (folder / "bin").mkdir()
    for name, does in PROGRAMS.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / ".ci").mkdir()
    for name in ("run", "apt-packages.txt"):
        shutil.copy(CI / name, folder / ".ci" / name)
    env = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "CI": "true", **more}
    done = subprocess.run([folder / ".ci" / "run"], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (folder / "done").read_text().splitlines(), done.stdout + done.stderr


def test_the_programs_come_while_the_checks_run(tmp_path: Path) -> None:
    code, did, _ = ran(tmp_path)
    assert code == 0 and did == ["venv", "lint", "programs", "test, as CI"]


@pytest.mark.parametrize("setting", ["NO_PACKAGE", "LINT_ENDS"])
def test_what_fails_is_told_and_no_test_begins(tmp_path: Path, setting: str) -> None:
    code, did, said = ran(tmp_path, **{setting: "2"})
    assert code != 0 and "test, as CI" not in did
    if setting == "NO_PACKAGE":
        assert "E: no such package" in said
    else:
        assert did[-1] == "programs", "the installation is not cut off"
