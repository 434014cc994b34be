"""The place that a key leaked from keeps no new key, not even in custody, until a person says that it is closed."""

import pytest

from ir.core.errors import Rejected
from ir.drill.simulated.world import Simulation
from ir.incident.custody import Custody
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"


def test_a_new_key_goes_past_the_store_that_leaked_and_the_old_one_need_not() -> None:
    sim = Simulation("exposed")
    first, second = sim.stores.values()
    custody = Custody(INCIDENT, [first, second])
    custody.leaking = lambda: [str(first.ref)]
    old, new = key(), key()
    custody.keep("old", old)
    custody.keep("new-1", new)
    assert (first.fetch(INCIDENT, "old"), first.fetch(INCIDENT, "new-1")) == (old, None)
    assert second.fetch(INCIDENT, "new-1") == new and custody.fetch("new-1") == new and custody.fetch("old") == old


def test_where_no_other_place_can_keep_it_nothing_is_minted() -> None:
    sim = Simulation("exposed")
    first = next(iter(sim.stores.values()))
    custody = Custody(INCIDENT, [first])
    custody.leaking = lambda: [str(first.ref)]
    assert custody.possible and not custody.takes_new
    with pytest.raises(Rejected, match="no listed store"):
        custody.keep("new-1", key())
    assert first.fetch(INCIDENT, "new-1") is None


def test_what_an_earlier_version_kept_there_is_still_found() -> None:
    sim = Simulation("exposed")
    first = next(iter(sim.stores.values()))
    new = key()
    first.keep(INCIDENT, "new-1", new)
    custody = Custody(INCIDENT, [first])
    custody.leaking = lambda: [str(first.ref)]
    assert custody.fetch("new-1") == new
