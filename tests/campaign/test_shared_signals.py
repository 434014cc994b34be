"""Many incidents wait in one process: one question to the database serves all of them, and each still hears its own signal."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.core.model import Json
from ir.engine import signals as of_an_incident
from ir.engine.dbos_steps import RecordedSteps
from ir.engine.signals import Signals
from ir.storage import signal_log
from ir.storage.database import open_engine
from ir.storage.signal_log import SignalLog


class Waiting:
    """What `Signals` needs of a recorder, of an incident that does nothing but wait."""

    def __init__(self, steps: RecordedSteps) -> None:
        self.durable = steps


@pytest.fixture
def log(tmp_path: Path) -> SignalLog:
    return SignalLog(open_engine(f"sqlite:///{tmp_path / 'ir.db'}"))


@pytest.fixture
def asked(log: SignalLog, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Incidents whose own signals were looked up."""
    found, sent = list[str](), log.sent

    def noted(incident: str, after: int = 0) -> list[Json]:
        found.append(incident)
        return sent(incident, after)

    monkeypatch.setattr(log, "sent", noted)
    return found


def _waiting(log: SignalLog, incident: str) -> Signals:
    nothing = sa.create_engine("sqlite://")
    steps = RecordedSteps(incident, nothing, log, patient=True, broken={})
    return Signals(Waiting(steps), None, lambda _signal: None, 0.0)  # type: ignore[arg-type]


def test_who_waits_is_looked_up_again_only_when_something_was_sent(
    log: SignalLog, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_log, "_SHARED", 0.0)
    many = {name: _waiting(log, name) for name in (f"INC-{number}" for number in range(20))}
    for _ in range(10):
        assert not any(one.stopping() for one in many.values())
    assert sorted(asked) == sorted(many), "each once, at its first question"
    log.send("INC-7", "abort", "ada")
    assert [name for name, one in many.items() if one.stopping()] == ["INC-7"]
    assert len(asked) == 2 * len(many)


def test_one_question_in_half_a_second_serves_all(log: SignalLog) -> None:
    counted = list[str]()

    def noted(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counted.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", noted)
    try:
        assert {log.latest() for _ in range(50)} == {0}
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", noted)
    assert len([said for said in counted if "max(" in said.lower()]) == 1


def test_a_signal_that_became_visible_late_is_heard_all_the_same(log: SignalLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_log, "_SHARED", 0.0)
    one, newest = _waiting(log, "INC-1"), log.send("INC-2", "abort", "ada")
    assert not one.stopping()
    monkeypatch.setattr(log, "latest", lambda: newest)  # as with an id that was given out before, and committed after
    log.send("INC-1", "abort", "ada")
    assert not one.stopping()
    monkeypatch.setattr(of_an_incident, "_ANYWAY", 0.0)
    assert one.stopping()
