"""Child processes: real programs, looked at from outside (process table, environment, descriptors)."""

import base64
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ir.clients import program as programs
from ir.core.errors import Denied, Missing, Rejected
from ir.core.secret import Secret


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def fresh_key() -> Secret:
    return Secret("rk_" + "test_" + secrets.token_hex(20))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def soon(condition: Callable[[], bool], seconds: float = 3.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def strays() -> Iterator[list[int]]:
    """Process ids that a test lets live; ended after it."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_exit_code_output_and_errors() -> None:
    done = programs.run(program("import sys; print('out'); print('err', file=sys.stderr); sys.exit(5)"))
    assert (done.code, done.out, done.err, done.timed_out, done.passed) == (5, "out\n", "err\n", False, False)
    assert programs.run(["true"]).passed


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    done = programs.run(["printf", "%s", f"$HOME; touch {mark} `id`"])
    assert done.out == f"$HOME; touch {mark} `id`"
    assert not mark.exists()


def test_secret_goes_in_on_standard_input_and_never_comes_out() -> None:
    key = fresh_key()
    echo = "import sys,base64; k=sys.stdin.read(); print(k)\nprint(len(k), k, base64.b64encode(k.encode()).decode(), file=sys.stderr)"
    done = programs.run(program(echo), stdin=key)
    assert done.code == 0
    assert done.err.startswith(str(len(key.reveal())))
    for text in (done.out, done.err):
        assert key.reveal() not in text
        assert base64.b64encode(key.reveal().encode()).decode()[:20] not in text
        assert key.fingerprint in text


def test_a_secret_in_the_arguments_is_refused_before_anything_starts(tmp_path: Path) -> None:
    key, mark = fresh_key(), tmp_path / "mark"
    for argument in (key.reveal(), f"--key={key.reveal()}", base64.b64encode(key.reveal().encode()).decode()):
        with pytest.raises(Rejected) as refused:
            programs.run(["touch", str(mark), argument])
        assert key.reveal() not in str(refused.value)
    assert not mark.exists()


def test_environment_is_allow_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "not for children")
    seen = json.loads(programs.run(program("import os,json; print(json.dumps(dict(os.environ)))"), env=["WANTED", "NOT_SET"]).out)
    assert seen["WANTED"] == "yes"
    assert seen["PATH"] == os.environ["PATH"]
    assert seen["LC_TIME"] == "C"
    assert "NOT_SET" not in seen
    # LC_CTYPE is what Python itself sets when it starts in the C locale.
    assert {n for n in seen if not n.startswith("LC_")} <= {*programs.ENVIRONMENT, "WANTED"}


def test_a_secret_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    key = fresh_key()
    monkeypatch.setenv("DEPLOY_KEY", key.reveal())
    with pytest.raises(Rejected, match="DEPLOY_KEY") as refused:
        programs.run(["true"], env=["DEPLOY_KEY"])
    assert key.reveal() not in str(refused.value)
    assert programs.run(["true"]).passed


def test_inherits_no_descriptor_no_terminal_and_no_core_dump(tmp_path: Path) -> None:
    look = (
        "import os,json,resource; held=[]\n"
        "for fd in range(256):\n"
        "    try: os.fstat(fd); held.append(fd)\n"
        "    except OSError: pass\n"
        "print(json.dumps([held, os.getsid(0)==os.getpid(), resource.getrlimit(resource.RLIMIT_CORE)]))"
    )
    with (tmp_path / "ours").open("wb") as ours:
        os.set_inheritable(ours.fileno(), True)
        held, own_session, core = json.loads(programs.run(program(look)).out)
    assert held == [0, 1, 2]
    assert own_session is True
    assert core == [0, 0]


def test_time_out_ends_the_whole_family(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = (
        "import os,signal,subprocess,sys,time,pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child=subprocess.Popen(['sleep','60'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('started', flush=True); time.sleep(60)"
    )
    begun = time.monotonic()
    done = programs.run(program(stubborn), timeout=0.8)
    assert time.monotonic() - begun < 0.8 + 1.0 + 1.0
    assert done.timed_out
    assert not done.passed
    assert done.out == "started\n"
    assert soon(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def test_time_out_lets_a_polite_program_clean_up(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    polite = (
        "import signal,sys,time,pathlib\n"
        f"def bye(*_): pathlib.Path({str(mark)!r}).touch(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye); print('ready', flush=True); time.sleep(60)"
    )
    done = programs.run(program(polite), timeout=0.8)
    assert done.timed_out
    assert not done.passed
    assert mark.exists()


def test_a_daemon_left_behind_neither_hangs_us_nor_dies(tmp_path: Path, strays: list[int]) -> None:
    leave = "import subprocess; print(subprocess.Popen(['sleep','30']).pid)"
    begun = time.monotonic()
    done = programs.run(program(leave), timeout=10)
    strays.append(int(done.out))
    assert time.monotonic() - begun < 3
    assert done.passed
    assert alive(strays[0])


def test_output_is_capped_without_blocking_the_program() -> None:
    done = programs.run(program("import sys; sys.stdout.write('x' * 5_000_000); sys.stderr.write('end')"))
    assert done.passed
    assert len(done.out) <= programs.KEPT
    assert done.err == "end"


@pytest.mark.parametrize("offset", [1, 7, 20, 45])
def test_a_secret_across_the_cap_leaves_no_first_half(offset: int) -> None:
    key = fresh_key()
    flood = f"import sys; k=sys.stdin.read(); sys.stdout.write('.' * {programs.KEPT - offset} + k * 400)"
    done = programs.run(program(flood), stdin=key)
    assert done.passed
    body = key.reveal()
    assert not any(body[:n] in done.out for n in range(4, len(body)))


@pytest.mark.parametrize("offset", range(0, 48, 5))
def test_nor_where_scrubbing_has_moved_the_end_of_what_was_kept_before_the_cap(offset: int) -> None:
    key = fresh_key()
    flood = f"import sys; k=sys.stdin.read(); sys.stdout.write('.' * {offset} + k * 2000)"
    done = programs.run(program(flood), stdin=key)
    assert not any(key.reveal()[:n] in done.out for n in range(4, len(key.reveal())))
    assert done.out.count(key.fingerprint) > 100


def test_a_program_that_does_not_read_its_input_is_judged_by_its_exit_code() -> None:
    done = programs.run(["true"], stdin=b"x" * 1_000_000)
    assert done.passed


def test_large_input_and_output_at_once() -> None:
    done = programs.run(["cat"], stdin=b"y" * 1_000_000)
    assert done.passed
    assert set(done.out) == {"y"}


def test_what_cannot_be_started(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(Missing, match="no-such-program"):
        programs.run(["no-such-program-here"])
    with pytest.raises(Missing, match="nowhere"):
        programs.run(["true"], cwd=str(tmp_path / "nowhere"))
    with pytest.raises(Denied, match="plain"):
        programs.run([str(plain)])
    for bad in ([], [""], ["true", "a\0b"], ["true", "\ud800"]):
        with pytest.raises(Rejected):
            programs.run(bad)


def test_starts_in_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    assert programs.run(["pwd"], cwd=str(tmp_path)).out.strip() == str(tmp_path.resolve())


def test_killed_by_a_signal_is_a_negative_code() -> None:
    assert programs.run(program("import os; os.kill(os.getpid(), 9)")).code == -9


class TestRunForSecret:
    def test_one_line_end_is_not_part_of_it(self) -> None:
        value = "value with  blanks " + secrets.token_hex(8)
        printed = programs.run_for_secret(["printf", "%s\\r\\n", value])
        assert printed.value == Secret(value)
        assert printed.code == 0

    def test_what_it_says_on_the_side_is_scrubbed_by_the_value_just_read(self) -> None:
        twice = "import sys,secrets; k=secrets.token_hex(20); print(k); print('got', k, file=sys.stderr)"
        printed = programs.run_for_secret(program(twice))
        assert printed.value is not None
        assert printed.err == f"got [secret {printed.value.fingerprint}]\n"

    def test_nothing_or_failure_is_no_value(self) -> None:
        assert programs.run_for_secret(["true"]).value is None
        failed = programs.run_for_secret(program("print('half'); raise SystemExit(3)"))
        assert (failed.code, failed.value) == (3, None)
        slow = programs.run_for_secret(program("import time; print('half', flush=True); time.sleep(9)"), timeout=0.5)
        assert (slow.timed_out, slow.value) == (True, None)

    def test_too_much_or_no_text_is_rejected_without_a_word_of_it(self) -> None:
        with pytest.raises(Rejected, match="more than"):
            programs.run_for_secret(program(f"print('z' * {programs.LARGEST_SECRET + 1})"))
        with pytest.raises(Rejected, match="UTF-8") as refused:
            programs.run_for_secret(program("import sys; sys.stdout.buffer.write(b'abc\\xff')"))
        assert refused.value.__context__ is None
