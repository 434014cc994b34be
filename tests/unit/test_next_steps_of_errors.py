"""What an error names as the next step is something that a person can do here."""

from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.worlds.desk import Desk


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """An empty folder, no state, and no terminal."""
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    for name in ("IR_DATABASE_URL", "IR_INVENTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(capsys)


@pytest.mark.parametrize("words", [("resume",), ("abort",), ("rollback",), ("approve",), ("report",), ("verify",), ("notify", "list")])
def test_without_any_incident_it_says_what_begins_one(words: tuple[str, ...], desk: Desk) -> None:
    code, said = desk(*words)
    assert code == ExitCode.USAGE
    assert "there is no incident yet" in said and "next: ir rotate stripe" in said, said


def test_permissions_are_not_derived_from_nothing(desk: Desk) -> None:
    code, said = desk("permissions", "stripe")
    assert code == ExitCode.USAGE, said
    assert "0 permissions" not in said and "next: --inventory FILE" in said


@pytest.mark.parametrize("words", [("contain",), ("rotate", "stripe")])
def test_without_a_terminal_no_prompt_is_named(words: tuple[str, ...], desk: Desk) -> None:
    code, said = desk(*words)
    assert code == ExitCode.USAGE and "prompt" not in said and "file:PATH" in said, said
    code, said = desk(*words, "--leaked-key-from", "prompt")
    assert code == ExitCode.USAGE and "prompt |" not in said and "no terminal" in said, said
