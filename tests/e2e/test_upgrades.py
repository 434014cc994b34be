"""An incident begun under another version: refused with the way out and no trace, or ended without replay.

One real incident that waits for its second approver; its database is doctored as another version would have written it.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ir import __version__
from ir.cli import run
from ir.errors import ExitCode
from ir.model import Json
from tests.campaign.shop import Shop, shop
from tests.worlds.signers import Signer

pytestmark = pytest.mark.server

Doctor = Callable[[sqlite3.Connection, str], object]


@dataclass
class Town:
    """A shop, its waiting incident, and everything on its disk as it was then."""

    shop: Shop
    name: str
    disk: Path

    @property
    def database(self) -> Path:
        return self.shop.folder / "home" / "ir.sqlite"

    def restore(self) -> None:
        shutil.rmtree(self.shop.folder)
        shutil.copytree(self.disk, self.shop.folder)

    def doctor(self, how: Doctor) -> None:
        with closing(sqlite3.connect(self.database)) as db, db:
            how(db, self.name)

    def stores(self) -> dict[str, bytes]:
        """Everything that is no state of ours, custody included."""
        return {path.name: path.read_bytes() for path in self.shop.folder.glob("*.env*")}

    def state(self) -> list[str]:
        """Every row of the database."""
        with closing(sqlite3.connect(self.database)) as db:
            return list(db.iterdump())

    def document(self, *words: str) -> Json:
        code, said = self.shop.ir(*words, "--json")
        lines = said[said.index("{") :]
        found: Json = {"code": code, **json.loads(lines)}
        return found


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("upgrades") / "town"
    folder.mkdir()
    with shop(folder, "") as made:
        made.add("payments", services=2)
        made.write()
        source = yaml.safe_load((folder / "inventory.yaml").read_text())
        source["approvers"] = [{"name": name, "key": Signer(folder, name).public} for name in ("alice", "bob")]
        (folder / "inventory.yaml").write_text(yaml.safe_dump(source))
        book = yaml.safe_load((folder / "exposed.yaml").read_text())
        next(step for step in book["steps"] if step["id"] == "retire")["approvals"] = 2
        (folder / "exposed.yaml").write_text(yaml.safe_dump(book))
        code, said = made.ir(*made.rotate("payments"))
        assert code == ExitCode.WAITING, said
        name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
        shutil.copytree(folder, folder.parent / "disk")
        yield Town(made, name, folder.parent / "disk")


@pytest.fixture(autouse=True)
def _as_it_was(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.restore()
    monkeypatch.setenv("IR_HOME", str(town.shop.folder / "home"))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    monkeypatch.chdir(town.shop.folder)


# ── what another version would have recorded ──────────────────────────────────────────────────────────


def version(recorded: str) -> Doctor:
    return lambda db, name: db.execute("UPDATE workflow_status SET application_version = ? WHERE workflow_uuid = ?", (recorded, name))


def renamed(db: sqlite3.Connection, name: str) -> None:
    done = db.execute("UPDATE operation_outputs SET function_name = 'place#1' WHERE workflow_uuid = ? AND function_name = 'stage#1'", (name,))
    assert done.rowcount == 1


def missing(db: sqlite3.Connection, name: str) -> None:
    (place,) = db.execute("SELECT function_id FROM operation_outputs WHERE workflow_uuid = ? AND function_name = 'stage#1'", (name,)).fetchone()
    db.execute("DELETE FROM operation_outputs WHERE workflow_uuid = ? AND function_id = ?", (name, place))
    (last,) = db.execute("SELECT max(function_id) FROM operation_outputs WHERE workflow_uuid = ?", (name,)).fetchone()
    for later in range(place + 1, last + 1):
        db.execute("UPDATE operation_outputs SET function_id = ? WHERE workflow_uuid = ? AND function_id = ?", (later - 1, name, later))


def reordered(db: sqlite3.Connection, name: str) -> None:
    swap = {"mint#1": "custody#1", "custody#1": "mint#1"}
    for step, row in {step: _row_of(db, name, step) for step in swap}.items():
        db.execute("UPDATE operation_outputs SET function_name = ? WHERE workflow_uuid = ? AND function_id = ?", (swap[step], name, row[0]))


def reworded(db: sqlite3.Connection, name: str) -> None:
    place, output = _row_of(db, name, "stage#1")
    told = {**json.loads(output), "action": "place"}
    db.execute(
        "UPDATE operation_outputs SET output = ? WHERE workflow_uuid = ? AND function_id = ?",
        (json.dumps(told, separators=(",", ":")), name, place),
    )


def broken(db: sqlite3.Connection, name: str) -> None:
    db.execute("UPDATE workflow_status SET status = 'ERROR' WHERE workflow_uuid = ?", (name,))


def _row_of(db: sqlite3.Connection, name: str, step: str) -> tuple[int, str]:
    query = "SELECT function_id, output FROM operation_outputs WHERE workflow_uuid = ? AND function_name = ?"
    found: tuple[int, str] = db.execute(query, (name, step)).fetchone()
    return found


UNLIKE: dict[str, tuple[Doctor, str]] = {
    "an older version": (version("0"), "was begun under recording version 0, this is 2"),
    "a future version": (version("99"), "was begun under recording version 99, this is 2"),
    "a step renamed": (renamed, "`place#1` is record"),
    "a step missing": (missing, "where this version would go on with `stage#1`"),
    "steps in another order": (reordered, "`mint#1` is record"),
    "an entry in other words": (reworded, "`stage` is entry"),
    "an engine that gave up": (broken, "was stopped by its engine (ERROR)"),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_it_is_refused_before_anything_is_touched_and_every_way_out_is_named(
    town: Town, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    how, words = UNLIKE[case]
    town.doctor(how)
    before = town.state(), town.stores()
    code = run(["resume", town.name, "--yes"])
    said = capsys.readouterr().err
    assert code == ExitCode.REFUSED and words in said, said
    assert (f"resume it with version {__version__}" in said) is (how is not broken), "who can go on with it, if anybody"
    for way in (f"ir abort {town.name}", "ir rotate stripe payments", f"ir contain {town.name}"):
        assert way in said, said
    assert (town.state(), town.stores()) == before


@pytest.mark.parametrize("case", ["an older version", "a future version", "a step renamed", "an engine that gave up"])
def test_it_can_be_given_up_without_replay(town: Town, case: str) -> None:
    town.doctor(UNLIKE[case][0])
    before = town.stores()
    code, said = town.shop.ir("abort", town.name, "--yes", "--reason", "upgraded")
    print(said)
    assert code == ExitCode.DEBT, said
