"""Which inventory a command uses: the same rule for all, said when it was not named. And what happens where there is none."""

import os
import pty
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from ir.core.secret import Secret
from tests.worlds.desk import Desk

_TEXT = """version: 1
accounts: [{name: main, id: acct_1, mode: test, issuer: dashboard}]
keys: [{name: payments, account: main, kind: secret, stored_in: ['dotenv://./k.env#KEY'], rotate_every: 30d}]
"""
NONE = "there is no inventory"
COMMANDS: dict[str, tuple[tuple[str, ...], bool, str]] = {
    "rotate": (("rotate", "stripe", "nope", "--policy", "exposed"), False, "there is no key `nope`"),
    "campaign": (("rotate", "stripe", "--account", "nope", "--policy", "exposed"), False, "nope"),
    "webhook": (("rotate", "stripe-webhook"), False, "the inventory lists no webhook"),
    "contain": (("contain", "nope"), False, "there is no key `nope`"),
    "review": (("review", "stripe", "nope"), False, "there is no key `nope`"),
    "schedule": (("schedule", "list"), False, "payments"),
    "check": (("inventory", "check"), True, "1 account, 1 key, "),
    "graph": (("inventory", "graph"), True, "payments"),
    "picture": (("inventory", "graph", "--format", "mermaid"), True, "payments"),
    "drift": (("inventory", "drift"), True, "the same everywhere"),
}
"""Words, whether the file is an argument, and what shows that it was read."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    for name in ("IR_DATABASE_URL", "IR_INVENTORY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Desk(capsys)


def write(path: Path) -> Path:
    path.touch(mode=0o600)
    path.write_text(_TEXT)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_the_inventory_of_this_folder_is_found_by_every_command_and_said(command: str, desk: Desk) -> None:
    words, _, read = COMMANDS[command]
    code, said = desk(*words)
    assert (code, NONE in said) == (ExitCode.USAGE, command != "review"), said
    write(Path("inventory.yaml"))
    _, said = desk(*words)
    assert read in said and "inventory: inventory.yaml (of this folder)" in said, said


@pytest.mark.parametrize("command", COMMANDS)
def test_the_variable_goes_before_the_folder_and_a_name_before_both(command: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    words, argument, read = COMMANDS[command]
    Path("inventory.yaml").write_text("not: right\n")
    elsewhere = write(Path("elsewhere.yaml")).absolute()
    monkeypatch.setenv("IR_INVENTORY", str(elsewhere))
    _, said = desk(*words)
    assert read in said and f"inventory: {elsewhere} (IR_INVENTORY)" in said, said
    monkeypatch.setenv("IR_INVENTORY", "not-there.yaml")
    _, said = desk(*words, *(() if argument else ("--inventory",)), str(elsewhere))
    assert read in said and "inventory: " not in said, "one that was named is not told"


def test_a_result_on_standard_output_stays_a_result(desk: Desk) -> None:
    write(Path("inventory.yaml"))
    assert desk.told("inventory", "check")["file"] == "inventory.yaml"
    assert desk.told("schedule", "list")["keys"][0]["key"] == "payments"


def test_a_review_of_files_goes_without_an_inventory_that_cannot_tell_the_account(desk: Desk) -> None:
    write(Path("inventory.yaml"))
    text = _TEXT.replace("accounts: [", "accounts: [{name: other, id: acct_2, mode: test}, ")
    Path("inventory.yaml").write_text(text.replace("keys: [", "keys: [{name: b, account: other, kind: secret, stored_in: ['env://B']}, "))
    Path("log.jsonl").write_text("")
    code, said = desk("review", "stripe", "--logs", "log.jsonl")
    assert code == ExitCode.DONE and "goes without it" in said, said


def test_a_pasted_key_goes_without_the_inventory_of_this_folder_and_that_is_said(desk: Desk) -> None:
    write(Path("inventory.yaml"))
    key = Path("key")
    key.touch(mode=0o600)
    key.write_text("sk_" + "test_" + "a" * 30)
    code, said = desk("rotate", "stripe", "--leaked-key-from", "file:key", "--policy", "exposed", "--api-base", "http://127.0.0.1:9")
    assert "to use one: --inventory inventory.yaml" in said, said
    assert code == ExitCode.UNEXPECTED


# ── at a terminal ──


def at_a_terminal(folder: Path, waits_for: str, types: str, *words: str) -> tuple[int, str]:
    """Exit code and everything that stood on the terminal."""
    outer, inner = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, "IR_HOME": str(folder / "home"), "TERM": "xterm", "COLUMNS": "80"}
    argv = [sys.executable, "-m", "ir.cli", *words]
    process = subprocess.Popen(argv, cwd=folder, env=env, stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
    os.close(inner)
    said, sent = b"", False
    with suppress(OSError):  # so says a terminal whose other side was closed
        while piece := os.read(outer, 65536):
            said += piece
            if not sent and waits_for.encode() in said:
                os.write(outer, types.encode())
                sent = True
    os.close(outer)
    return process.wait(60), said.decode().replace("\r\n", "\n")


def a_closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_without_an_inventory_a_bare_rotation_asks_for_the_key_and_without_a_connection_says_what_to_do(tmp_path: Path) -> None:
    """The key is not shown, the steps fit a screen of 80 columns, and the command that comes after them is whole."""
    key = Secret("sk_" + "test_" + "Qk7" * 12)
    base = f"http://127.0.0.1:{a_closed_port()}"
    code, said = at_a_terminal(tmp_path, "(not shown)", key.reveal() + "\n", "rotate", "stripe", "--policy", "exposed", "--api-base", base)
    assert code == ExitCode.UNEXPECTED, said
    assert "No inventory was found" in said and key.reveal() not in said
    assert "no connection to Stripe" in said and "safe now: nothing was changed" in said
    assert [f"  {n}. " in said for n in range(1, 7)] == [True] * 5 + [False], "five steps"
    assert "https://dashboard.stripe.com/test/apikeys" in said and "`Rotate key`" in said
    assert "\n    ir rotate stripe --leaked-key-from prompt --no-replacement --policy exposed\n" in said


def test_the_bare_red_button_asks_for_the_key_too(tmp_path: Path) -> None:
    code, said = at_a_terminal(tmp_path, "(not shown)", "a typing mistake\n", "contain")
    assert "The leaked key (not shown)" in said and NONE not in said
    assert (code, "nothing was sent anywhere" in said) == (ExitCode.REFUSED, True), said


def test_where_nobody_sits_nothing_is_asked(desk: Desk) -> None:
    for words in (("contain",), ("rotate", "stripe", "--policy", "exposed", "--yes")):
        code, said = desk(*words)
        assert (code, NONE in said) == (ExitCode.USAGE, True)
