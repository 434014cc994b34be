"""A world is made whole: no part of it can be forgotten, and each mode gives its own."""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from ir import inventory
from ir.core import yaml_file
from ir.core.errors import Refused
from ir.core.secret import Secret
from ir.drill.simulated.world import SimOperator, Simulation
from ir.incident.context import Options, World
from ir.incident.world_parts import Hooks, Lookups, Ports
from ir.runtime import lifecycle, worlds
from ir.runtime.app_state import State, open_state
from ir.runtime.incident_spec import Setting
from tests.unit.test_holding import INVENTORY


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    return open_state()


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    key = inventory.loads(INVENTORY, "inventory.yaml").keys[0].name
    return Setting("INC-20261123-0001", INVENTORY, "inventory.yaml", tmp_path, key, Simulation("exposed").plan, Options())


@pytest.mark.parametrize("part", [World, Ports, Lookups, Hooks])
def test_no_part_can_be_forgotten_or_changed(part: type[World | Ports | Lookups | Hooks]) -> None:
    assert all(field.default is MISSING and field.default_factory is MISSING for field in fields(part))
    assert part.__dataclass_params__.frozen  # type: ignore[union-attr]  # typeshed leaves it out


def test_a_world_to_look_at_writes_nothing_and_tells_nobody(kept: State, setting: Setting) -> None:
    world = worlds.read_only(setting, kept, SimOperator())
    with pytest.raises(Refused, match="changes nothing"):
        next(iter(world.ports.stores.values())).promote(world.incident, Secret("not a key"), expected="1")
    told: list[object] = [world.hooks.note, world.hooks.announce, world.hooks.witness]
    assert told == [worlds.quiet] * 3
    assert world.hooks.keep(["a-file"], []) == {"files": [], "inputs": []}
    kept.engine.dispose()


def test_a_dry_run_knows_which_incidents_are_over_as_the_real_run_does(kept: State, setting: Setting) -> None:
    kept.index.note("INC-20261122-0001", "done", 0, {"debts": []})
    kept.index.note("INC-20261122-0002", "waiting", 4, {"debts": []})
    given = worlds.ProcessContext(SimOperator(), worlds.quiet, worlds.quiet, worlds.resting_alone)
    for world in (worlds.read_only(setting, kept, SimOperator()), worlds.real(setting, kept, given, 1)):
        assert world.hooks.over("INC-20261122-0001")
        assert not world.hooks.over("INC-20261122-0002")
        assert world.hooks.knows("INC-20261122-0002")
        assert not world.hooks.knows("INC-20261122-0003")
    kept.engine.dispose()


def test_an_inventory_is_parsed_once_in_a_process(kept: State, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = list[str](), yaml_file.parse

    def counted(text: str, name: str) -> Any:
        parsed.append(name)
        return parse(text, name)

    monkeypatch.setattr(yaml_file, "parse", counted)
    inventory.loads.cache_clear()
    given = worlds.ProcessContext(SimOperator(), worlds.quiet, worlds.quiet, worlds.resting_alone)
    lifecycle.resources(setting)
    worlds.read_only(setting, kept, SimOperator())
    worlds.real(setting, kept, given, 1)
    assert parsed == ["inventory.yaml"]
    kept.engine.dispose()
