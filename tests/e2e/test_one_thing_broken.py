"""Contain-first with one thing broken: after the containment every service is on its own, and what failed is a debt of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ir.drill.twin import Fate
from ir.drill.twin.message import Request
from tests.worlds.responder import Responder, ended, read, responder

pytestmark = pytest.mark.server
STORE = "dotenv://two.env#STRIPE_KEY"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world", policy="exploited") as made:
        yield made


def _break(world: Responder) -> None:
    """Nobody may write what stands there twice."""
    with world.files[1].open("a") as file:
        file.write("STRIPE_KEY=twice\n")


def _mend(world: Responder) -> None:
    text = world.files[1].read_text()
    world.files[1].write_text(text.replace("STRIPE_KEY=twice\n", ""))


def _at_the_mint(world: Responder) -> None:
    def meanwhile(request: Request) -> Fate | None:
        if request.method == "POST" and request.path.endswith("/api_keys"):
            world.twin.decide(lambda _request: None)
            _break(world)
        return None

    world.twin.decide(meanwhile)


@pytest.mark.parametrize("when", [_break, _at_the_mint], ids=["known to preflight", "later"])
def test_one_store_that_cannot_be_written_holds_up_nobody_else(world: Responder, when: Callable[[Responder], None]) -> None:
    when(world)
    code, said = ended(world.rotate())
    assert code == 5, said
    new = read(world.files[0])
    assert [service.key == new for service in world.services] == [True, True, False]
    assert not world.twin.is_alive(world.leaked)
    assert f"{STORE} was not written" in said and "somebody put another value there" not in said, said
    (report,) = (world.folder / "home" / "incidents").glob("*/report.json")
    told = json.loads(report.read_text())
    assert {row["ref"]: row["state"] for row in told["stores"]}[STORE] == "not written"
    assert {row["about"]: row["kind"] for row in told["debts"]} == {STORE: "store-behind", "s2": "service-behind"}
    code, said = world.ir("resume", "--yes")
    assert code == 5, said
    _mend(world)
    code, said = world.ir("resume", "--yes")
    assert code == 0 and world.is_whole() == "", said


def test_a_store_is_left_out_by_name_when_the_incident_is_resumed(world: Responder) -> None:
    """It will never be mended: what was still to do there is over, and the record says who let it be and why."""
    _break(world)
    code, said = ended(world.rotate())
    assert code == 5, said
    code, said = world.ir("resume", "--accept-unreachable", f"{STORE}=scheduled for deletion", "--accept-unhealthy", "s2=shut down today")
    assert code == 0, said
    signal = next(entry for entry in world.recorded() if entry["kind"] == "signal" and entry["body"].get("accepts"))
    assert signal["body"]["accepts"] == {
        "accept_unhealthy": {"s2": "shut down today"},
        "accept_unreachable": {STORE: "scheduled for deletion"},
    }
    (report,) = (world.folder / "home" / "incidents").glob("*/report.md")
    assert "scheduled for deletion" in report.read_text() and "shut down today" in report.read_text()
    for wrong in (f"{STORE}=", "dotenv://never.env#KEY=why"):
        assert world.ir("resume", "--accept-unreachable", wrong)[0] == 2
