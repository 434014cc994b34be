"""When a followed incident stands still: it waits for a signal that nobody has sent, or only debt keeps it open."""

from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.incident.record import Incident
from ir.runtime.app_state import State, open_state
from ir.runtime.following import stands_still

NAME = "INC-20261123-0001"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    return open_state()


def record(status: str, kind: str = "step", **body: object) -> Incident:
    last: Json = {"kind": kind, "body": body}
    return Incident(id=NAME, status=status, last=last)


def test_it_waits_until_a_signal_was_sent(kept: State) -> None:
    assert stands_still(kept, record("waiting")) is ExitCode.WAITING
    assert stands_still(kept, record("running")) is None
    kept.signals.send(NAME, "wake", "ann")
    assert stands_still(kept, record("waiting")) is None
    kept.engine.dispose()


def test_debt_stands_still_with_the_code_of_its_end_and_what_follows_goes_on(kept: State) -> None:
    assert stands_still(kept, record("debt", "ended", exit_code=6)) is ExitCode.ROLLED_BACK
    assert stands_still(kept, record("done", "ended", exit_code=0)) is None, "it is followed until its engine has finished"
    assert stands_still(kept, record("debt", "word")) is None
    kept.engine.dispose()
