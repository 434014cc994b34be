"""Containment in the simulated world: what a bad line, a missing row, a lost key or a store in trouble does to it."""

from dataclasses import replace

import pytest

from ir.core.errors import Denied, ExitCode, Missing, PortError, Unknown
from ir.core.model import Did
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.incident.context import World
from ir.ports import Containment, Permission, Rotation, Target
from tests.incident.test_workflow import go


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

    sim.world = replace(sim.world, ports=replace(sim.world.ports, operator=Human()))
    found = World.new_key(sim.world, {"new": {"n": 1, "fingerprint": minted.fingerprint}})
    assert found == minted
    assert minted.fingerprint in told[0]


@pytest.mark.parametrize("trouble", [Denied("scheduled for deletion"), Missing("it is gone"), Unknown("no answer")])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("guided", [False, True])
def test_a_store_in_trouble_keeps_no_other_service_waiting(trouble: PortError, which: int, guided: bool) -> None:
    """Whichever of two stores it is, the one that custody is kept in first or the other."""
    sim = Simulation("exploited", guided=guided)
    if guided:
        by_hand = sim.provider.create("by hand")
        sim.provider.deliver = lambda: by_hand.value
        sim.provider.human = lambda _what: setattr(sim.leaked, "dies_at", sim.clock.time)
    bad, good = (list(sim.stores.values())[number] for number in (which, 1 - which))
    bad.shut = trouble
    code, record, journal = go(sim)
    assert code == ExitCode.DEBT, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]
    for service in sim.services.values():
        assert service.works is (service.store is good), "each by its own store"
    behind = {name for name, service in sim.services.items() if service.store is bad}
    assert {d.about for d in record.debts.values() if d.kind == "service-behind"} == behind
    assert [d.about for d in record.debts.values() if d.kind == "store-behind"] == [str(bad.ref)]
    assert not sim.provider.lives(sim.leaked)
    bad.shut = None
    journal.send("wake", yes=True)
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]
    assert all(service.works for service in sim.services.values()) and len(sim.provider.living()) == 1
    assert not any(store.kept or store.staged for store in sim.stores.values())


def test_a_store_that_is_left_out_when_it_is_resumed_is_waited_for_no_more() -> None:
    sim = Simulation("exploited")
    store = next(reversed(sim.stores.values()))
    store.shut = Denied("scheduled for deletion")
    code, record, journal = go(sim)
    assert code == ExitCode.DEBT
    accepts = {"accept_unreachable": {str(store.ref): "never coming back"}, "accept_unhealthy": {"billing": "shut down"}}
    journal.send("wake", yes=False, accepts=accepts, facts={"accepted": accepts, "stores": {str(store.ref): {"left_out": True}}})
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]


def test_a_write_that_is_refused_when_it_is_tried_keeps_no_mint_waiting() -> None:
    """The vendor cannot tell in advance, and says no to the first try: its wave tries again."""
    sim = Simulation("exploited")
    store = next(reversed(sim.stores.values()))
    tried: list[str] = []

    def refuses(incident: str) -> None:
        tried.append(incident)
        raise Denied("not allowed yet")

    def cannot_tell(incident: str) -> Permission:
        return Permission(False, f"the vendor cannot tell for {incident}")

    store.check_write = cannot_tell  # type: ignore[method-assign]
    store.prove_write = refuses  # type: ignore[attr-defined]
    code, record, _ = go(sim)
    assert tried and code == ExitCode.DONE, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]


def test_a_key_contained_while_preflight_looked_waits_for_no_other_keys_service() -> None:
    """A service of another key held it, too: preflight was refused for that again and again, while all services stood without a key."""
    sim, journal = Simulation("exposed"), Journal()
    sim.other.gets(sim.leaked.value)
    sim.leaked.narrowed = True
    facts = {"containment": {"how": "narrowed", "said": "narrowed", "before": list(sim.leaked.permissions)}, "old": {"liveness": "narrow"}}
    journal.send("contain", facts=facts)
    _, record, _ = go(sim, journal)
    assert record.runs[0].outcome.did is Did.DONE and "it is contained; left for later: " in record.runs[0].outcome.said
    assert all(service.works for service in sim.services.values()), "they are on the replacement"
    assert "this plan does not move it" in record.runs[-1].outcome.said and sim.provider.lives(sim.leaked), "the kill still waits for it"
