"""An entry is written once, whoever writes it again, and nothing takes its place."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.core.model import Json
from ir.evidence import audit_log
from ir.evidence.hash_chain import chained, verify
from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.incident_index import IncidentIndex
from ir.storage.patience import FellBack
from ir.storage.tables import ready


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    ready(made)
    yield made
    made.dispose()


def entry(previous: Json | None, said: str, incident: str = "INC-1") -> Json:
    return chained(previous, at="2026-01-01T00:00:00.000Z", incident=incident, kind="step", step="mint", actor="ann", body={"said": said})


def test_entries_come_back_in_order_as_they_were_hashed(engine: sa.Engine) -> None:
    first = entry(None, "grüße\ud800")
    second = entry(first, "b")
    for one in (first, second, entry(None, "another", "INC-2")):
        audit_log.append(engine, one)
    assert audit_log.entries(engine, "INC-1") == [first, second] and audit_log.entries(engine, "INC-1", 1) == [second]
    assert audit_log.entries(engine, "INC-3") == []
    assert verify(audit_log.entries(engine, "INC-1")).holds


def test_written_again_it_is_there_once(engine: sa.Engine) -> None:
    for _ in range(2):
        audit_log.append(engine, entry(None, "a"))
    assert len(audit_log.entries(engine, "INC-1")) == 1


def test_another_entry_of_that_number_is_refused_and_the_first_stays(engine: sa.Engine) -> None:
    audit_log.append(engine, entry(None, "a"))
    with pytest.raises(audit_log.OtherEntry) as caught:
        audit_log.append(engine, entry(None, "b"))
    assert caught.value.entry == entry(None, "a") == audit_log.entries(engine, "INC-1")[0]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_no_entry_is_written_behind_one_that_is_missing_or_another_one(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """As after a standby was promoted that lacks the last transactions; in whatever form the rows were restored."""
    url = f"sqlite:///{tmp_path / 'ir.sqlite'}" if kind == "sqlite" else database_address(request.getfixturevalue("postgresql").database())
    made = database.open_engine(url)
    ready(made)
    first = entry(None, "a")
    second = entry(first, "b")
    with pytest.raises(FellBack):
        audit_log.append(made, second)
    audit_log.append(made, entry(None, "another"))
    with pytest.raises(FellBack):
        audit_log.append(made, second)
    with made.begin() as db:
        db.execute(sa.text("UPDATE ir_entries SET entry = :entry"), {"entry": json.dumps(dict(reversed(first.items())), indent=1)})
    audit_log.append(made, second)
    assert audit_log.entries(made, "INC-1") == [first, second]
    assert (
        audit_log.stands(made, second) and not audit_log.stands(made, entry(second, "c")) and not audit_log.stands(made, entry(first, "c"))
    )
    made.dispose()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_the_first_entry_is_there_with_its_line_of_the_index_or_not_at_all(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process killed between the two left an entry that workers took for no incident, and refused for ever."""
    url = f"sqlite:///{tmp_path / 'ir.sqlite'}" if kind == "sqlite" else database_address(request.getfixturevalue("postgresql").database())
    made = database.open_engine(url)
    index = IncidentIndex(made)

    def killed(_db: sa.Connection, _opened: Json) -> None:
        raise SystemExit

    opened = chained(None, at="2026-01-01T00:00:00.000Z", incident="INC-1", kind="opened", step="", actor="ann", body={"key": "payments"})
    try:
        with monkeypatch.context() as dying:
            dying.setattr(audit_log, "_list", killed)
            with pytest.raises(SystemExit):
                audit_log.append(made, opened)
        assert (audit_log.entries(made, "INC-1"), index.find("INC-1")) == ([], None)
        audit_log.append(made, opened)
        assert audit_log.entries(made, "INC-1") == [opened] and index.find("INC-1")
    finally:
        made.dispose()
