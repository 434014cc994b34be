"""Death is believed only while a control key answers on the same path."""

from ir.core.errors import ExitCode
from ir.core.model import Liveness, Probe
from ir.core.secret import Secret
from ir.drill.simulated.world import Simulation
from tests.incident.test_workflow import go


def test_a_path_on_which_nobody_is_known_proves_nothing() -> None:
    sim = Simulation("exposed")
    look = sim.provider.probe

    def everybody_is_invalid(key: Secret) -> Probe:
        return Probe(Liveness.INVALID, 401) if sim.provider.retired else look(key)

    sim.provider.probe = everybody_is_invalid  # type: ignore[method-assign]  # a proxy that answers 401 to all, after the kill
    code, record, _ = go(sim)
    assert code == ExitCode.DEBT
    assert record.debts[sim.leaked.value.fingerprint].kind == "key-unproven"
