"""Containment in the simulated world: what a bad line, a missing row or a lost key does to it."""

from ir.core.errors import ExitCode, Unknown
from ir.core.secret import Secret
from ir.drill.simulated.world import Simulation
from ir.incident.context import World
from ir.ports import Containment, Rotation, Target
from tests.course.test_course import go


def test_containment_does_not_fail_on_a_torn_line() -> None:
    sim = Simulation("exploited")
    known, torn = sim.provider.contain, iter([Unknown("no answer"), Unknown("no answer")])

    def contain(target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        for failure in torn:
            raise failure
        return known(target, egress, rotation)

    sim.provider.contain = contain  # type: ignore[method-assign]  # two calls that get no answer, then the world as it was
    code, record, _ = go(sim)
    assert code == ExitCode.DONE
    assert record.facts["containment"]["how"] == "narrowed"


def test_a_replacement_that_nobody_kept_is_asked_for_once_more() -> None:
    sim = Simulation("exposed")
    minted = sim.provider.create("replacement").value
    told: list[str] = []

    class Human(type(sim.operator)):  # type: ignore[misc]  # the simulated operator, with a key in hand
        def new_key(self, prompt: str) -> Secret | None:
            told.append(prompt)
            return minted

    sim.world.operator = Human()
    found = World.new_key(sim.world, {"new": {"n": 1, "fingerprint": minted.fingerprint}})
    assert found == minted
    assert minted.fingerprint in told[0]
