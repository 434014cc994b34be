"""A key of the inventory is known by all values that its rotations gave it; a drill's are none of them."""

from pathlib import Path

from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.evidence import audit_log
from ir.runtime import key_generations
from ir.runtime.app_state import State
from ir.storage import database, process_identity
from tests.incident.test_workflow import go


def test_both_values_of_a_rotation_are_of_the_key(tmp_path: Path) -> None:
    sim, journal = Simulation("exposed"), Journal()
    _, record, _ = go(sim, journal)
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    state = State(tmp_path, engine, process_identity.me("tester@host"))
    for entry in journal.stream:
        audit_log.append(engine, entry)
    old, new = record.facts["old"], record.facts["new"]
    state.index.note(record.id, record.status, 0, {"key": "payments"})
    assert set(key_generations.marks(state, "payments")) == {old["id"], old["fingerprint"], new["id"], new["fingerprint"]}
    assert key_generations.marks(state, "another") == ()
    state.index.note(record.id, record.status, 0, {"key": "payments", "drill": True})
    assert key_generations.marks(state, "payments") == ()
    engine.dispose()
