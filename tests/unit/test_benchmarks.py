"""Benchmarks: what ends one ends all that it started, and the critical path of a rotation is what the code does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.server


def begun_in(folder: Path) -> dict[int, str]:
    """Command lines of the processes, no zombies, that work in a folder or were told of it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, told = (process / "cmdline").read_bytes().decode(), (process / "environ").read_bytes().decode()
            if str(folder) in f"{(process / 'cwd').readlink()} {command} {told}":
                found[int(process.name)] = command.replace("\0", " ")
        except OSError:
            continue
    return found


def test_sigterm_ends_all_that_a_benchmark_began(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "benchmarks.rotate", "--services", "4", "--stores", "2", "--delay", "5"]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL) as benchmark:
        until = time.monotonic() + 60
        while not all(any(part in command for command in begun_in(tmp_path).values()) for part in ("bao server", "ir.cli rotate")):
            assert benchmark.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        benchmark.send_signal(signal.SIGTERM)
        assert benchmark.wait(30) == 128 + signal.SIGTERM
    left = begun_in(tmp_path)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert list(left.values()) == []
    assert list(tmp_path.iterdir()) == []


def test_every_benchmark_runs_so() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("*.py")]
    runnable = [text for text in texts if "__main__" in text]
    assert runnable
    assert all(text.endswith('if __name__ == "__main__":\n    running.run(main)\n') for text in runnable)


def test_no_chain_of_the_critical_path_is_longer_than_what_the_code_does() -> None:
    argv = [sys.executable, "-m", "benchmarks.rotate", "--services", "2", "--stores", "2", "--delay", "0.1"]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False).stdout
    assert "PASS  no chain of the table is longer than what was seen" in told, told
    assert "PASS  old key dead, every service on the replacement" in told, told
