"""Preflight's look at a store that another program writes: it stops, unless that is accepted or the program takes the value from us."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from ir.actions import owned, store_check
from ir.core.errors import Denied
from ir.core.model import Did, Item
from ir.core.ownership import Owner
from ir.drill.simulated.stores import SimStore
from ir.drill.simulated.world import Simulation
from ir.ports import Store

ARGO = Owner("Argo CD application shop", "change it in Git")


def _simulated(*owners: Owner) -> tuple[Simulation, SimStore]:
    sim = Simulation("exposed")
    store = next(iter(sim.stores.values()))
    store.owned = owners
    return sim, store


def _look(sim: Simulation, store: SimStore) -> Item:
    found = next(one for name, one in sim.world.ports.stores.items() if name == str(store.ref))
    return store_check.look(sim.world, found, {})[0]


def test_a_program_that_puts_its_value_back_is_refused_by_name_with_what_to_do() -> None:
    item = _look(*_simulated(ARGO))
    assert item.did is Did.REFUSED and item.said == "Argo CD application shop would put its own value back: change it in Git"
    assert item.facts["owners"] == ["Argo CD application shop"]


def test_it_is_accepted_by_name_and_reason() -> None:
    sim, store = _simulated(ARGO)
    sim.world = replace(sim.world, options=replace(sim.world.options, accept_owner={str(store.ref): "sync is paused"}))
    item = _look(sim, store)
    assert item.did is Did.DONE and "Argo CD application shop would put its own value back, accepted (sync is paused)" in item.said


def test_one_that_takes_the_value_from_a_listed_store_stops_nothing() -> None:
    sim, store = _simulated()
    other = str(list(sim.world.ports.stores)[-1])
    store.owned = (Owner("ExternalSecret sync", "list it", (other,)),)
    item = _look(sim, store)
    assert item.did is Did.DONE and f"ExternalSecret sync writes it, too, from {other}, which is listed" in item.said
    store.owned = (Owner("ExternalSecret sync", "list it", (other, "vault://secret/elsewhere#sk")),)
    assert _look(sim, store).did is Did.REFUSED


def test_one_that_leaves_the_value_alone_is_said() -> None:
    item = _look(*_simulated(Owner("Terraform x", why_not="its `ignore_changes` is `all`")))
    assert item.did is Did.DONE and "Terraform x marks it: its `ignore_changes` is `all`" in item.said


def test_that_it_cannot_be_told_is_said_and_stops_nothing() -> None:
    sim, store = _simulated()

    def denied(_store: object) -> tuple[Owner, ...]:
        raise Denied("no right to ask")

    sim.world = replace(sim.world, lookups=replace(sim.world.lookups, owners=denied))
    item = _look(sim, store)
    assert item.did is Did.DONE and "who else writes it cannot be told: no right to ask" in item.said


def test_without_owners_nothing_more_is_recorded() -> None:
    assert "owners" not in _look(*_simulated()).facts


def test_another_trouble_of_the_store_is_told_first() -> None:
    sim, store = _simulated(ARGO)
    trouble: Callable[[str], object] = lambda _incident: (_ for _ in ()).throw(Denied("read only"))  # noqa: E731
    store.check_write = trouble  # type: ignore[method-assign, assignment]  # a store that may not be written
    assert _look(sim, store).said == "permission is missing: read only"


@pytest.mark.parametrize("write_only", [True])
def test_a_write_only_store_is_stopped_for_as_well(*, write_only: bool) -> None:
    sim = Simulation("exposed", write_only=write_only)
    store = list(sim.stores.values())[-1]
    store.owned = (Owner("Vercel integration stripe", "roll it there"),)
    assert _look(sim, store).did is Did.REFUSED


def test_what_is_filled_from_others_is_worked_on_when_these_are_done() -> None:
    sim, _ = _simulated()
    source, copy = list(sim.world.ports.stores.values())[:2]
    began = list[tuple[str, bool]]()
    written = threading.Event()

    def work(store: Store) -> Item:
        began.append((str(store.ref), written.is_set()))
        if store is source:
            assert not written.wait(0.2)  # the source takes a while
            written.set()
        return Item(str(store.ref), Did.DONE, "")

    items = owned.in_turn(sim.world, {str(copy.ref): {"filled_from": [str(source.ref)]}}, [copy, source], work)
    assert began == [(str(source.ref), False), (str(copy.ref), True)]
    assert sorted(item.name for item in items) == sorted([str(source.ref), str(copy.ref)])
