"""A stranger's unfinished stage: refused, or cleared exactly as it was shown, with the reason in the record."""

from dataclasses import asdict, replace

from ir.core.errors import Conflict, Denied, ExitCode, Rejected
from ir.core.model import Json
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident.context import Options
from ir.incident.folding import fold
from ir.incident.plan import clearing
from ir.incident.record import Incident
from ir.report.source import Story
from ir.report.summary import exceptions
from tests.incident.test_workflow import go as run

OTHER = "INC-20261101-beef"
WHY = "its laptop was stolen"


def staged(*, shown: bool = True) -> tuple[Simulation, Json]:
    """A stage of another incident in both stores, and what the operator was shown of it."""
    sim = Simulation("exposed", options=Options(yes=True, discard_pending=WHY))
    sim.plan = clearing(sim.plan)
    foreign = sim.provider.create(f"ir-{OTHER}-1")
    for store in sim.stores.values():
        store.stage(OTHER, foreign.value)
        store.writes.clear()
    found = {name: store.pending(sim.incident) for name, store in sim.stores.items()}
    return sim, {"pending": {name: asdict(one) for name, one in found.items() if one} if shown else {}}


def go(sim: Simulation, facts: Json) -> tuple[int, Incident]:
    journal, opening = Journal(), sim.opening()
    opening["facts"] |= facts
    opening["options"]["discard_pending"] = WHY
    code = Workflow(journal.engine(), sim.world, opening).run()
    return code, fold(journal.stream)


def test_what_was_shown_is_cleared_and_the_reason_stands_in_record_and_report() -> None:
    sim, shown = staged()
    code, record = go(sim, shown)
    assert code == ExitCode.DONE, [(r.id, r.outcome.said) for r in record.runs]
    assert all(OTHER not in store.staged for store in sim.stores.values())
    (cleared,) = [run for run in record.runs if run.action == "clear"]
    assert OTHER in cleared.outcome.said and WHY in cleared.outcome.said
    assert record.facts["cleared"] == dict.fromkeys(sim.stores, WHY)
    rows = exceptions(Story(record, []))
    assert [(row["name"], row["reason"]) for row in rows] == [(name, WHY) for name in sim.stores]
    assert OTHER in rows[0]["what"]


def test_what_was_not_shown_is_refused_with_both_ways_out() -> None:
    sim, shown = staged(shown=False)
    code, record = go(sim, shown)
    assert code == ExitCode.REFUSED
    assert OTHER in record.runs[-1].outcome.said and "--discard-pending" in record.runs[-1].outcome.todo
    assert all(OTHER in store.staged and not store.writes for store in sim.stores.values())


def test_a_stage_that_changed_since_it_was_shown_stays() -> None:
    sim, shown = staged()
    next(iter(shown["pending"].values()))["version"] = "0"
    code, record = go(sim, shown)
    assert code == ExitCode.REFUSED and record.runs[-1].action == "preflight"
    assert all(OTHER in store.staged for store in sim.stores.values())


def test_what_cannot_be_cleared_ends_the_run_before_anything_else_changes() -> None:
    for trouble in (Conflict("it moved"), Denied("not yours")):
        sim, shown = staged()
        first, second = sim.stores.values()
        first.drop = _raises(trouble)  # type: ignore[method-assign]  # this store says no
        code, record = go(sim, shown)
        assert code == ExitCode.REFUSED and trouble.what in record.runs[-1].outcome.said
        assert str(second.ref) in record.runs[-1].outcome.said, "it says what was cleared all the same"
        assert not first.writes and not second.writes and len(sim.provider.keys) == 2


def _raises(error: Exception):  # type: ignore[no-untyped-def]  # stands in for a method
    def drop(_found: object) -> None:
        raise error

    return drop


def test_what_an_incident_of_our_own_left_when_it_ended_stands_in_nobodys_way_and_goes() -> None:
    sim, _ = staged(shown=False)
    sim.options = Options(yes=True)
    sim.plan = Simulation("exposed").plan
    sim.world = sim._world()  # noqa: SLF001 - with the plan of an ordinary run
    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, over=lambda incident: incident == OTHER))
    code, record, _ = run(sim)
    assert code == ExitCode.DONE, [(r.id, r.outcome.said) for r in record.runs]
    assert f"what {OTHER} left there is cleared at the end" in str(record.runs[0].outcome.items)
    assert all(OTHER not in store.staged and not store.kept for store in sim.stores.values())


def test_nothing_changed_is_said_only_when_a_look_shows_it() -> None:
    """A removal that was answered, and of which the store shows nothing yet: the incident stays open until it does."""
    sim = Simulation("exposed")
    sim.provider.fail_next = [Rejected("no such permission")]
    first = next(iter(sim.stores.values()))
    discard, deaf = first.discard, [True]

    def answers_only(incident: str) -> None:
        if not deaf:
            discard(incident)

    first.discard = answers_only  # type: ignore[method-assign]
    code, record, journal = run(sim)
    assert code == ExitCode.DEBT and record.debts[str(first.ref)].kind == "custody", [(r.id, r.outcome.said) for r in record.runs]
    assert "still keeps" in record.debts[str(first.ref)].why
    deaf.clear()
    journal.send("wake")
    code, record, _ = run(sim, journal)
    assert code == ExitCode.REFUSED and not first.kept
