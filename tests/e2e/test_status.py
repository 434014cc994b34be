"""`ir status` after every way out of a rotation: on a real database, from another process."""

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ir.core.errors import ExitCode
from ir.incident.standing import STATES
from tests.campaign.shop import Shop, shop, until
from tests.worlds.desk import Desk

pytestmark = pytest.mark.server


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, "") as made:
        made.add("payments", services=1)
        made.write()
        made.gate = threading.Event()
        yield made


@pytest.fixture
def desk(town: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The command line in this process, as another terminal of the same machine."""
    for name, value in town.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    monkeypatch.chdir(town.folder)
    return Desk(capsys)


def keys_under_way(town: Shop) -> list[str]:
    """Keys of incidents that have a row."""
    file = town.folder / "home" / "ir.sqlite"
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as db, suppress(sqlite3.OperationalError):
        return [json.loads(summary)["key"] for (summary,) in db.execute("SELECT summary FROM ir_incidents WHERE status = 'running'")]
    return []


def begun(town: Shop, key: str = "payments") -> Any:
    """A rotation that stands still in the middle of its first look."""
    process = town.begin(*town.rotate(key))
    until(lambda: key in keys_under_way(town))
    return process


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_a_rotation_whose_process_ended_is_interrupted_and_not_running(town: Shop, desk: Desk, way: int) -> None:
    process = begun(town)
    os.kill(process.pid, way)
    process.communicate(timeout=20)

    (row,) = desk.told("status")["incidents"]
    name = row["incident"]
    assert (row["state"], row["status"]) == ("interrupted", "running"), "the recorded status stays what it was"
    assert row["next"] == f"ir resume {name}" and row["since"] >= row["opened_at"]
    one = desk.told("status", name)
    assert (one["state"], one["status"], one["next"]) == ("interrupted", "running", row["next"])
    code, screen = desk("status")
    assert code == ExitCode.DONE and f"{name}  interrupted, since " in screen
    assert f"\n    ir resume {name}\n" in screen, "the command stands alone on its line"


def test_a_state_from_running_to_done(town: Shop, desk: Desk) -> None:
    process, gate = begun(town), town.gate
    assert gate is not None
    (row,) = desk.told("status")["incidents"]
    assert (row["state"], row["next"]) == ("running", f"ir status {row['incident']} --follow")
    gate.set()
    process.communicate(timeout=60)
    (row,) = desk.told("status")["incidents"]
    assert (row["state"], row["leaked"]["state"], row["outage"]) == ("done", "dead", {})


def test_follow_alone_stays_with_the_only_open_incident_until_its_end(town: Shop, desk: Desk) -> None:
    begun(town)
    assert town.gate is not None
    threading.Timer(1.0, town.gate.set).start()
    code, said = desk("status", "--follow")
    assert code == ExitCode.DONE and "proven dead" in said and "  done, since" in said, said
    code, said = desk("status", "--follow")
    assert code == ExitCode.DONE and "  done since" in said, "none is open: all are shown"


def test_follow_of_several_takes_the_newest_and_says_so(town: Shop, desk: Desk) -> None:
    town.add("other", services=1)
    town.write()
    for key in ("payments", "other"):
        town.kill(begun(town, key))
    newest, oldest = (row["incident"] for row in desk.told("status")["incidents"])
    code, said = desk("status", "--follow")
    assert code == ExitCode.WAITING, said
    assert f"2 incidents are open; this is the newest, {newest}" in said and f"{newest}  interrupted" in said
    assert f"{oldest}  interrupted" not in said


def test_every_state_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
    assert all(f"| {word} | {meaning} |" in text for word, meaning in STATES.items())
