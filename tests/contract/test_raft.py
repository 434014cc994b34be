"""Three nodes of OpenBao, all calls by a standby whose reads are a moment behind.

`IR_RAFT=N`: that many whole rotations (`make raft`).
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.run import Watch, conduct
from ir.drill.embedded.sandbox import Servers
from ir.drill.embedded.store_choice import StoreKind
from tests.worlds import vault
from tests.worlds.raft import Raft, raft
from tests.worlds.stores import key
from tests.worlds.surroundings import environment
from tests.worlds.vault import VaultWorld

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("raft")]  # one process makes the world, for all of them
ROTATIONS = int(os.environ.get("IR_RAFT") or 1)
INCIDENT = "INC-20261123-ab12"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Raft]:
    with raft() as made:
        yield made


def test_many_lives_by_a_standby(cluster: Raft) -> None:
    world = VaultWorld(cluster.active, "api_key")
    with environment(**vault.settings(cluster.standby.address, cluster.standby.token)):
        for _ in range(30):
            old, new = key(), key()
            ref = world.place(old)
            store = world.make(ref)
            vault.settled(cluster.standby, ref)
            before = store.read().version
            assert store.check_write(INCIDENT).proven
            store.keep(INCIDENT, "old", old)
            assert store.fetch(INCIDENT, "old") == old
            store.stage(INCIDENT, new)
            store.promote(INCIDENT, new, expected=before)
            assert vault.read(cluster.standby, ref) == new.reveal(), "a service that reads where we do reads the new one"
            store.undo(INCIDENT, old, new)
            assert vault.read(cluster.standby, ref) == old.reveal()
            store.promote(INCIDENT, new, expected=store.read().version)
            store.discard(INCIDENT)
            assert store.incidents() == () and not store.left(INCIDENT).roles
            assert world.seen(ref) == new.reveal() and world.traces(ref, INCIDENT) == []


@pytest.mark.parametrize("seed", range(ROTATIONS))
def test_a_whole_rotation_by_a_standby(cluster: Raft, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    heard: list[str] = []
    waits = Waits(soak=0.3, quiet=0.5, grace=0.5, watch=0.5, window=2.0)
    options = DrillOptions(seed=seed, services=3, waits=waits, death=0.6, stores=frozenset({StoreKind.VAULT}))
    said = Watch(heard.append, lambda _data: None, 0)
    result = conduct(options, said, servers=lambda _choice: nullcontext(Servers(None, cluster.standby, env_file=False)))
    vault.forget(cluster.active, "payments")
    assert result.passed, "\n".join([*result.problems, *heard])
