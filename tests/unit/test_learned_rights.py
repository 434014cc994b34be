"""What one rotation learned of a lacking right is told by the map, and to the next derivation of that key."""

import json
from pathlib import Path

import pytest

from ir.cli import run
from ir.incident.facts import Facts
from ir.runtime import learned_rights
from ir.runtime.app_state import open_state
from ir.runtime.learned_rights import LearnedRight

GRANTED: Facts = {"rights": {"granted": {"charge_read": {"by": "me", "told_by": ["shop", "checkout"]}}}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)


def note(incident: str, key: str, facts: Facts, *, drill: bool = False) -> None:
    open_state().index.note(incident, "done", 0, {"key": key, "drill": drill, **learned_rights.summarised(facts)})


def test_a_granted_right_is_learned_once_a_key_and_never_from_a_drill() -> None:
    assert learned_rights.summarised({}) == {}
    note("INC-20261101-aaaa", "payments", GRANTED)
    note("INC-20261102-bbbb", "payments", GRANTED)
    note("INC-20261103-cccc", "payments", {})
    note("INC-20261104-dddd", "practice", GRANTED, drill=True)
    found = learned_rights.learned(open_state().index)
    assert found == [LearnedRight("charge_read", ("checkout", "shop"), "payments", "INC-20261102-bbbb")], "the newest"
    assert learned_rights.learned(open_state().index, "other") == []


def test_the_map_tells_what_was_learned(capsys: pytest.CaptureFixture[str]) -> None:
    note("INC-20261101-aaaa", "payments", GRANTED)
    assert run(["permissions", "map"]) == 0
    assert "learned in INC-20261101-aaaa: checkout, shop (key payments): refused without Core › Charges" in capsys.readouterr().out
    assert run(["permissions", "map", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["learned"]
    assert (row["permission"], row["services"]) == ("charge_read", ["checkout", "shop"])
