"""A night with the shipped waits in simulated time, and runs of the real command that find many keys at the end of their grace."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.night import EACH, SHARE
from ir.fleet import standing
from ir.fleet.campaign import ChildState
from ir.fleet.places import Places
from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.incident_index import IncidentIndex
from ir.storage.tables import INCIDENTS, ready
from tests.campaign.night import Night
from tests.campaign.shop import Shop, until

RUN = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]
WORKER = ["worker", "--until-idle", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]


def test_a_key_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    """Two places, nine keys of one account, each with ten minutes of quiet: they took five times as long as one."""
    one, nine = Night(1, tmp_path / "one"), Night(9, tmp_path / "nine")
    one.run()
    states = [child.state.value for child in nine.run()]
    assert states == ["done"] * 9 and nine.moved == 9
    assert one.took > 600, "the quiet alone takes ten minutes"
    assert nine.took <= SHARE * one.took + EACH * 9


def test_an_emergency_of_all_keys_waits_for_no_grace(tmp_path: Path) -> None:
    """It was put off for two minutes and refused; the leaked keys lived on until the next day."""
    night = Night(3, tmp_path / "night")
    children = night.run(leaks=True)
    assert [child.state.value for child in children] == ["done"] * 6 and night.moved == 3
    assert len({child.incident for child in children}) == 3, "the schedule's child and the emergency's go on with one incident"
    assert night.took < 0, "the grace of a day was not waited for"


@pytest.mark.parametrize("words", [RUN, WORKER])
def test_every_key_whose_grace_is_over_goes_on_in_one_run(company: Shop, words: list[str]) -> None:
    """Two of five did; a grace of real seconds, since the process is a real one."""
    for name in "abcde":
        company.add(name, rotate_every="30d")
    company.write(grace=15)
    code, said = company.ir(*RUN)
    assert code == 0 and said.count("both keys live for another") == 5, said
    engine = database.open_engine(database_address(company.database))
    over = max(row.summary["wake_at"] for row in IncidentIndex(engine).rows())
    until(lambda: time.time() > over)
    code, said = company.ir(*words, within=120)
    assert code == 0, said
    assert [name for name in "abcde" if company.moved(name)] == list("abcde"), said
    assert {row.status for row in IncidentIndex(engine).rows()} == {"done"}
    engine.dispose()


def test_of_a_key_that_waited_on_the_way_the_end_counts(company: Shop) -> None:
    """With a grace that is over before the run is, each is told twice; it ended with 4 for what had waited a moment."""
    for name in "abcde":
        company.add(name, rotate_every="30d")
    company.write(grace=1)
    code, said = company.ir(*RUN, within=120)
    while not all(map(company.moved, "abcde")):
        assert code == 0, said
        code, said = company.ir(*RUN, within=120)
    assert code == 0, said


def test_a_wait_that_ends_after_the_last_look_is_left_to_the_next_run(tmp_path: Path) -> None:
    """Told as waiting for a person, it made the exit code 4."""
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    ready(engine)
    index = IncidentIndex(engine)
    with engine.begin() as db:
        summary = {"wake_at": 1000.5}
        row = {"incident": "INC-1", "status": "waiting", "exit_code": 4, "summary": summary, "updated_at": 1000.0, "opened_at": 1.0}
        db.execute(sa.insert(INCIDENTS).values(row))
    child: Any = SimpleNamespace(incident="INC-1", state=ChildState.WAITING)
    assert standing.sleeping(index, [child], 1000.0) == ["INC-1"]
    assert standing.sleeping(index, [child], 1001.0) == []
    engine.dispose()


def test_places_go_first_to_those_that_come_back() -> None:
    places = Places(1)
    places.take("a")
    assert not places.free
    with places.resting("a"):
        assert places.free, "one that waits has no place"
    assert not places.free
    places.leave("a")
    assert places.free and places.room
