"""An incident's id is its own: a key whose rotation took another's id would be called done by that one's end."""

from pathlib import Path

import pytest

from ir.runtime import lifecycle
from ir.storage import database
from ir.storage.incident_index import IncidentIndex


def test_an_id_that_is_taken_is_not_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = IncidentIndex(database.open_engine(f"sqlite:///{tmp_path / 'ir.db'}"))
    drawn = iter(["0a0b0c", "0a0b0c", "0a0b0c", "0d0e0f"])
    monkeypatch.setattr("ir.runtime.lifecycle.secrets.token_hex", lambda _bytes: next(drawn))
    first = lifecycle.new_id(index)
    index.note(first, "done", 0, {})
    second = lifecycle.new_id(index)
    assert (first[-6:], second[-6:]) == ("0a0b0c", "0d0e0f")
