"""`--permissions FILE` and `--new-key-expires`: what is taken, and what is refused before anything begins."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ir.cli import permissions_file
from ir.cli.terminal.option_values import dies_by_itself
from ir.core.errors import Refused, UsageError
from ir.core.model import KeyKind
from ir.drill.simulated.world import Simulation
from ir.permissions import derive

NOW = 1_796_000_000.0


def _file(folder: Path, *needs: str, wrapped: bool = False) -> Path:
    document = derive((), {"checkout": needs}, until=NOW).document()
    path = folder / "derived.json"
    path.write_text(json.dumps({"derived": document} if wrapped else document), encoding="utf-8")
    return path


def _given(path: Path, issuer: str = "managed", kind: KeyKind = KeyKind.SECRET) -> Any:
    account, key = SimpleNamespace(issuer=issuer), SimpleNamespace(kind=kind)
    return permissions_file.given(Simulation("exposed").plan, str(path), cast(Any, account), cast(Any, key))


@pytest.mark.parametrize("wrapped", [False, True], ids=["--output", "--json"])
def test_the_list_and_the_hash_of_its_file_stand_in_the_plan(tmp_path: Path, wrapped: bool) -> None:
    path = _file(tmp_path, "charge_read", "POST /v1/refunds", wrapped=wrapped)
    plan = _given(path)
    assert plan.wanted.names == ("charge_write",), "write implies read"
    assert plan.wanted.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert any("charge_write" in note and plan.wanted.sha256[:16] in note for note in plan.notes)
    assert any("restricted key" in note for note in plan.notes)


def test_an_empty_list_is_never_taken(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no permission was derived"):
        _given(_file(tmp_path))


def test_what_the_key_api_cannot_give_is_refused_there_and_left_to_a_person_in_the_dashboard(tmp_path: Path) -> None:
    path = _file(tmp_path, "connected_account_write")
    with pytest.raises(Refused, match="connected_account_write"):
        _given(path)
    assert _given(path, "dashboard").wanted.names == ("connected_account_write",)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"derived": 7}', '{"granted": [{"permission": "x; y"}]}', "[" * 5000])
def test_any_other_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="is not what"):
        _given(path)
    with pytest.raises(UsageError, match="cannot be read"):
        _given(tmp_path / "none.json")


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "charge_read")
    path.write_text(path.read_text(encoding="utf-8").replace("charge_read", "$(id)_read"), encoding="utf-8")
    with pytest.raises(UsageError, match="is not what"):
        _given(path)


def test_a_replacement_lives_for_a_day_at_least() -> None:
    assert dies_by_itself("") == dies_by_itself("never") == 0.0
    assert dies_by_itself("90d") > NOW
    with pytest.raises(UsageError, match="a day from now at least"):
        dies_by_itself("1h")
