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
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.drill.twin.keys import Key
from ir.evidence.hash_chain import GENESIS, entry_hash
from tests.campaign.shop import Shop, shop
from tests.worlds.desk import Desk
from tests.worlds.signers import Signer
from tests.worlds.started import start

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("upgrades")]  # one process makes the world, for all of them

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

    def entries(self) -> list[Json]:
        with closing(sqlite3.connect(self.database)) as db:
            query = "SELECT entry FROM ir_entries WHERE incident = ? ORDER BY n"
            return [json.loads(value) for (value,) in db.execute(query, (self.name,))]

    def streamed(self) -> list[Json]:
        """Entries where versions up to recording version 2 had them."""
        with closing(sqlite3.connect(self.database)) as db:
            query = 'SELECT value FROM streams WHERE workflow_uuid = ? ORDER BY "offset"'
            return [json.loads(value) for (value,) in db.execute(query, (self.name,))]

    def rewrite(self, change: Callable[[Json], object]) -> None:
        """Another opening, and a chain over it as if it had been so from the start; unsigned."""
        entries = self.entries()
        change(entries[0]["body"])
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute("DELETE FROM ir_checkpoints")
            for before, entry in zip([None, *entries], entries, strict=False):
                entry["prev"] = before["hash"] if before else GENESIS
                entry["hash"] = entry_hash({name: value for name, value in entry.items() if name != "hash"})
                db.execute("UPDATE ir_entries SET entry = ? WHERE incident = ? AND n = ?", (json.dumps(entry), self.name, entry["n"]))

    def signed(self) -> list[int]:
        """How many entries each checkpoint of the record of now is over."""
        with closing(sqlite3.connect(self.database)) as db:
            return [size for (size,) in db.execute("SELECT size FROM ir_checkpoints WHERE kind = ''")]

    def leases(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as db:
            return [resource for (resource,) in db.execute("SELECT resource FROM ir_leases")]

    def custody(self) -> list[str]:
        return [name for name in self.stores() if f".ir-{self.name}" in name]

    def keys(self) -> tuple[Key, Key]:
        """The leaked one, and the one that every service is on."""
        old = self.shop.keys["payments"]
        return old, next(key for key in self.shop.twin.all_keys() if key.token.reveal() == self.shop.stored("payments"))


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


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(capsys)


# ── what another version would have recorded ──────────────────────────────────────────────────────────


def version(recorded: str) -> Doctor:
    return lambda db, name: db.execute("UPDATE workflow_status SET application_version = ? WHERE workflow_uuid = ?", (recorded, name))


def in_the_engines_stream(db: sqlite3.Connection, name: str) -> None:
    """Recording version 2: the engine held the entries."""
    rows = list(db.execute("SELECT n, entry FROM ir_entries WHERE incident = ?", (name,)))
    add = """INSERT INTO streams (workflow_uuid, function_id, "key", value, serialization, "offset")
        VALUES (?, 0, 'audit', ?, 'ir-json', ?)"""
    db.executemany(add, [(name, entry, n) for n, entry in rows])
    db.execute("DELETE FROM ir_entries")
    version("2")(db, name)


def hole(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM ir_entries WHERE incident = ? AND n = (SELECT max(n) FROM ir_entries)", (name,))
    place, _ = _row_of(db, name, "stage#1")
    db.execute("DELETE FROM operation_outputs WHERE workflow_uuid = ? AND function_id >= ?", (name, place))


def renamed(db: sqlite3.Connection, name: str) -> None:
    place, _ = _row_of(db, name, "stage#1")
    db.execute("UPDATE operation_outputs SET function_name = 'place#1' WHERE workflow_uuid = ? AND function_id = ?", (name, place))


def missing(db: sqlite3.Connection, name: str) -> None:
    place, _ = _row_of(db, name, "stage#1")
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


def forgotten(db: sqlite3.Connection, name: str) -> None:
    """All but what was signed."""
    db.execute("DELETE FROM workflow_status WHERE workflow_uuid = ?", (name,))
    db.execute("DELETE FROM ir_entries WHERE incident = ?", (name,))
    db.execute("DELETE FROM operation_outputs WHERE workflow_uuid = ?", (name,))
    db.execute("DELETE FROM ir_incidents WHERE incident = ?", (name,))
    db.execute("DELETE FROM ir_leases WHERE incident = ?", (name,))


def _row_of(db: sqlite3.Connection, name: str, step: str) -> tuple[int, str]:
    query = "SELECT function_id, output FROM operation_outputs WHERE workflow_uuid = ? AND function_name = ?"
    found: tuple[int, str] = db.execute(query, (name, step)).fetchone()
    return found


UNLIKE: dict[str, tuple[Doctor, str]] = {
    "an older version": (version("0"), "was begun under recording version 0, this is 8"),
    "the version before": (version("7"), "was begun under recording version 7, this is 8"),
    "a future version": (version("99"), "was begun under recording version 99, this is 8"),
    "entries in the engine's stream": (in_the_engines_stream, "was begun under recording version 2, this is 8"),
    "a step lost whose entry is there": (hole, "has a record with a hole: `stage#1`"),
    "a step renamed": (renamed, "`place#1` is record"),
    "a step missing": (missing, "where this version would go on with `stage#1`"),
    "steps in another order": (reordered, "`mint#1` is record"),
    "an entry in other words": (reworded, "`stage` is entry"),
    "an engine that gave up": (broken, "was stopped by its engine (ERROR)"),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_it_is_refused_before_anything_is_touched_and_every_way_out_is_named(town: Town, desk: Desk, case: str) -> None:
    how, words = UNLIKE[case]
    town.doctor(how)
    before = town.state(), town.stores()
    code, said = desk("resume", town.name, "--yes")
    assert code == ExitCode.REFUSED and words in said, said
    assert (f"resume it with version {__version__}" in said) is (how is not broken), "who can go on with it, if anybody"
    for way in (f"ir abort {town.name}", "ir rotate stripe payments", f"ir contain {town.name}"):
        assert way in said, said
    assert (town.state(), town.stores()) == before


def test_should_the_engine_meet_another_step_after_all_nothing_of_it_is_final(town: Town, desk: Desk) -> None:
    town.doctor(renamed)
    blind = "from ir.engine import replay_check\nreplay_check.check = lambda *_: None\nfrom ir.cli import main\nmain()"
    ran = start("resume", town.name, "--yes", program=("-c", blind), cwd=town.shop.folder, env=town.shop.environment(), apart=True)
    _, errors = ran.communicate(timeout=60)
    assert ran.returncode == ExitCode.REFUSED and "`place#1` is record" in errors, errors
    with closing(sqlite3.connect(town.database)) as db:
        assert db.execute("SELECT status FROM workflow_status").fetchone() == ("CANCELLED",), "an error would be for ever"
    assert desk.told("abort", town.name, "--yes")["status"] == "aborted"


@pytest.mark.parametrize("case", ["a future version", "a step renamed"])
def test_given_up_without_replay_nothing_is_touched_and_all_is_named(town: Town, desk: Desk, case: str) -> None:
    town.doctor(UNLIKE[case][0])
    stores, entries = town.stores(), town.entries()
    old, new = town.keys()
    document = desk.told("abort", town.name, "--yes", "--reason", "upgraded")
    assert (document["code"], document["status"]) == (ExitCode.DEBT, "aborted")
    assert town.stores() == stores and town.shop.twin.is_alive(old) and town.shop.twin.is_alive(new)
    debts = {row["about"]: row for row in document["debts"]}
    assert "on it: none" in debts[old.token.fingerprint]["why"]
    assert "on it: payments-0, payments-1" in debts[new.token.fingerprint]["why"]
    assert "payments.env.ir-" in debts[f"custody of {town.name}"]["why"], "where keys are still kept"
    assert all(row["todo"].startswith(("ir rotate stripe", "expire it")) for row in debts.values())

    after = town.entries()
    assert after[: len(entries)] == entries, "what was recorded stays as it is"
    assert [entry["kind"] for entry in after[len(entries) :]] == ["signal", "step", "ended"]
    verdict = desk.told("verify", town.name, "--head", entries[-1]["hash"])
    assert verdict["holds"] and desk.told("verify", town.name, "--head", document["head"])["covered"] == len(after)
    assert town.leases() == [] and desk.told("resume", town.name)["code"] == ExitCode.DEBT, "it has ended, also for its own version"


def test_what_lies_in_the_engines_stream_is_read_there_and_ended_there(town: Town, desk: Desk) -> None:
    entries = town.entries()
    town.doctor(in_the_engines_stream)
    assert desk.told("verify", town.name, "--head", entries[-1]["hash"])["holds"]
    assert entries[-1]["hash"] in desk("report", town.name, "--format", "md")[1]
    assert desk.told("abort", town.name, "--yes")["status"] == "aborted"
    after = town.streamed()
    assert after[: len(entries)] == entries and after[-1]["kind"] == "ended" and town.entries() == []
    assert desk.told("verify", town.name, "--head", after[-1]["hash"])["covered"] == len(after)


def test_closed_by_a_persons_word_without_replay_it_keeps_no_key(town: Town, desk: Desk) -> None:
    town.doctor(version("0"))
    said = ("close", town.name, "--attest", "revoked at the bank's desk", "--by", "ann")
    closed = desk.told(*said)
    assert (closed["code"], closed["status"]) == (ExitCode.DEBT, "attested"), "it answers, so no word ends it"
    assert town.custody(), "its value is nowhere else"
    closed = desk.told(*said, "--accept-alive", "payments=the bank's desk needs it")
    assert (closed["code"], closed["debts"]) == (ExitCode.DEBT, []) and town.custody() == []
    assert desk.told("status")["debts"] == []
    assert desk.told("verify", town.name)["holds"]


def test_what_this_version_cannot_read_is_owed(town: Town, desk: Desk) -> None:
    town.rewrite(lambda opened: opened["options"].update(no_such_option=True))
    code, said = desk("resume", town.name, "--yes")
    assert code == ExitCode.REFUSED and "options that this version does not know: no_such_option" in said, said
    town.rewrite(lambda opened: opened.update(inventory="version: 99\n"))
    document = desk.told("abort", town.name, "--yes")
    old, new = town.keys()
    debts = {row["about"] for row in document["debts"]}
    assert document["code"] == ExitCode.DEBT and debts > {old.token.fingerprint, new.token.fingerprint, f"strays of {town.name}"}
    assert desk.told("verify", town.name)["holds"] and town.leases() == []


def test_an_end_whose_process_died_right_after_its_last_entry_is_noted_by_whoever_asks(town: Town, desk: Desk) -> None:
    town.doctor(version("0"))
    assert desk.told("abort", town.name, "--yes")["code"] == ExitCode.DEBT
    lease = "INSERT INTO ir_leases (resource, incident, executor, host, pid, born, actor, since, heartbeat, fence)"
    town.doctor(lambda db, name: db.execute(f"{lease} VALUES ('key a', ?, 'x', 'h', 1, '', 'x', 0, 0, 1)", (name,)))
    town.doctor(lambda db, name: db.execute("UPDATE ir_incidents SET status = 'waiting', exit_code = 4 WHERE incident = ?", (name,)))
    assert desk.told("resume", town.name)["code"] == ExitCode.DEBT
    assert town.leases() == [] and [row["status"] for row in desk.told("status")["incidents"]] == ["aborted"]


def test_an_adopted_incident_is_not_judged_by_what_was_signed_of_its_lost_record(town: Town, desk: Desk) -> None:
    entries = town.entries()
    town.doctor(forgotten)
    code, said = town.shop.ir(*town.shop.rotate("payments", "--adopt", town.name))
    assert code == ExitCode.WAITING and town.entries()[0] != entries[0], said
    verdict = desk.told("verify", town.name)
    assert verdict["holds"] and len(town.entries()) in town.signed(), "what it waits for is signed anew"
    assert f"{len(entries)} entries of it were signed" in verdict["lost_before"] and entries[-1]["hash"] in verdict["lost_before"]
    code, said = desk("verify", town.name, "--head", entries[-1]["hash"])
    assert code == ExitCode.UNEXPECTED and "lost" in said, "who kept the lost head is told so"
    assert entries[-1]["hash"] in desk("report", town.name, "--format", "md")[1]


def test_after_it_the_key_is_rotated_again_and_what_was_owed_is_taken_over(town: Town, desk: Desk) -> None:
    """The last of these tests: it kills keys, which no copy of the disk brings back."""
    town.doctor(version("0"))
    old, new = town.keys()
    assert desk("abort", town.name, "--yes")[0] == ExitCode.DEBT
    book = yaml.safe_load((town.shop.folder / "exposed.yaml").read_text())
    next(step for step in book["steps"] if step["id"] == "retire").pop("approvals")
    (town.shop.folder / "exposed.yaml").write_text(yaml.safe_dump(book))
    code, said = town.shop.ir(*town.shop.rotate("payments"))
    assert code == ExitCode.DEBT and not town.shop.twin.is_alive(new), said
    assert "the leaked key" in said and town.custody(), "the first leaked key lives, so it is still kept"
    heir = next(word for word in said.split() if word.startswith("INC-") and town.name not in word).rstrip(":")
    town.shop.twin.expire_in_dashboard(old)
    code, said = town.shop.ir("resume", heir, "--yes")
    assert code == ExitCode.DONE and town.custody() == [], said
    assert desk.told("status")["debts"] == []
