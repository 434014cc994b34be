"""How long each service was down, told from the record of a world that knows it."""

import json

import pytest

from ir.core.model import Json
from ir.drill.simulated.world import Simulation
from ir.report import render
from tests.incident.test_workflow import go


def outages(sim: Simulation) -> tuple[list[Json], list[Json]]:
    _, record, journal = go(sim)
    report = json.loads(render(record, "json", journal.stream))
    return report["outages"], journal.stream


def test_contained_first_each_service_is_down_until_it_was_seen_on_the_replacement() -> None:
    sim = Simulation("exploited")
    reload = sim.services["billing"].reload

    def slowly() -> str:
        sim.clock.sleep(90.0)
        return reload()

    sim.services["billing"].reload = slowly  # type: ignore[method-assign]
    rows, stream = outages(sim)
    assert max(row["seconds"] for row in rows) >= 90.0, "as long as the slowest reload took"
    for row in rows:
        assert row["down"] and row["from"] and row["to"] and row["seconds"] is not None, row
        assert row["basis"] == "the key was taken away before this service had another"
        kinds = {stream[number]["body"]["action"] for number in row["entries"]}
        assert "contain" in kinds and "wave" in kinds
    assert len({row["from"] for row in rows}) == 1, "they lost the key together"


def test_in_an_overlap_no_service_is_down() -> None:
    rows, _ = outages(Simulation("exposed"))
    assert rows and all(row["down"] is False and row["said"] == "no outage seen by our checks" and row["checks"] for row in rows)


@pytest.mark.parametrize("name", ["canary"])
def test_a_service_whose_check_fails_is_down_since_then(name: str) -> None:
    sim = Simulation("exposed")
    sim.services[name].stuck = True
    rows, _ = outages(sim)
    (row,) = [row for row in rows if row["service"] == name]
    assert row["down"] and row["failed"] and row["basis"] == "a check failed"
