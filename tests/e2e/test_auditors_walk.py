"""An auditor's walk: from the bundle alone, each question has an answer, and each answer the entry of the record that it rests on.

The auditor has the folder, and what the team kept outside: the head that the run printed and the key of the checkpoints.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.evidence.bundle_verifier import entry_hash
from tests.campaign.shop import Shop, shop
from tests.e2e.test_closing import waiting_at
from tests.worlds.signers import Signer

pytestmark = pytest.mark.server


@dataclass
class Auditor:
    """Has a folder and nothing else."""

    folder: Path

    @property
    def report(self) -> Json:
        found: Json = json.loads((self.folder / "report.json").read_text())
        return found

    def entry(self, number: int) -> Json:
        """An entry of the stream, which is whole."""
        lines = (self.folder / "audit.jsonl").read_text().splitlines()
        found: Json = json.loads(lines[number])
        assert found["n"] == number and found["hash"] == entry_hash(found)
        return found

    def asks(self, *words: str) -> str:
        """The program of the bundle, on plain Python."""
        argv = [sys.executable, "-I", "-S", str(self.folder / "verify.py"), *words]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd="/", env={}, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def finds(self, question: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "evidence.db")) as db:
            return db.execute(question).fetchall()


def walk(made: Shop, tmp_path: Path) -> tuple[Auditor, str, str, str]:
    """A night with all that people say in it; returns what is handed over, the id, the head and the key."""
    people = [Signer(made.folder, name) for name in ("alice", "bob")]
    name = waiting_at(made, "retire", people)
    for words in (
        ("classify", name, "--aware-at", "3h", "--by", "kim", "--reason", "the scanner's alert was read"),
        ("classify", name, "--breach", "--by", "lee", "--reason", "customers could be read"),
        ("notify", "record", name, "--to", "authority", "--at", "now", "--by", "lee", "--reference", "DPA-77"),
        ("notify", "record", name, "--to", "persons", "--not-told", "no high risk: no names were read", "--by", "lee"),
    ):
        code, said = made.ir(*words)
        assert code == ExitCode.DONE, said
    waiting = json.loads((made.folder / "home" / "incidents" / name / "report.json").read_text())
    assert waiting["status"] == "waiting" and waiting["notifications"], "in the bundle while it waits, before anybody resumes"
    for one in people:
        assert made.ir("approve", name, "--sign-with", str(one.file))[0] == ExitCode.DONE
    code, said = made.ir("resume", name)
    assert code == ExitCode.DONE, said
    code, said = made.ir("classify", name, "--breach", "--by", "lee", "--reason", "looked at it again")
    assert code == ExitCode.DONE, said
    key, verdict = made.ir("evidence", "key", "--json"), json.loads(made.ir("verify", name, "--json")[1])
    shutil.copytree(made.folder / "home" / "incidents" / name, tmp_path / "handed-over", ignore=shutil.ignore_patterns("scratch", "escrow"))
    return Auditor(tmp_path / "handed-over"), name, verdict["head"], json.loads(key[1])["fingerprint"]


def test_from_the_bundle_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with shop(tmp_path / "shop", "") as made:
        made.add("payments")
        made.write()
        auditor, name, head, key = walk(made, tmp_path)
    report = auditor.report

    # Is it genuine? By what was kept outside, on plain Python.
    said = auditor.asks("--public-key", key, "--head", head)
    assert f"anchored up to entry {report['chain']['entries'] - 1}" in said and "added:" not in said

    # Who did what when? Each row is tied to its entry.
    rows = [row for row in report["timeline"] if row["entry"] is not None]
    assert [row["entry"] for row in sorted(rows, key=lambda row: int(row["entry"]))] == list(range(report["chain"]["entries"]))
    for row in rows:
        entry = auditor.entry(row["entry"])
        assert (row["actor"], row["hash"]) == (entry["actor"], entry["hash"])
    assert auditor.finds("SELECT COUNT(*) FROM timeline WHERE entry IS NOT NULL") == [(len(rows),)]

    # What was exposed?
    potential = report["potential"]
    assert auditor.entry(potential["entry"])["step"] == "preflight"
    assert potential["permissions"] and all(row["at_most"] for row in potential["categories"])
    assert report["read"]["leftovers"] in (True, False), "an empty list is told apart from one that nobody read"
    assert report["account"]["id"].startswith("acct_")

    # Whom to tell, until when?
    clocks = {row["id"]: row for row in report["deadlines"]}
    aware = next(row for row in report["ladder"] if row["rung"] == "aware" and row["counts"])
    assert auditor.entry(aware["entry"])["actor"] == "kim" == aware["by"]
    due = datetime.fromisoformat(clocks["gdpr-33"]["due"])
    assert due == datetime.fromisoformat(aware["at"]) + timedelta(hours=72), "the second classification moved nothing"
    assert clocks["gdpr-33"]["article"] and clocks["gdpr-33"]["source"].startswith("https://")
    assert len([row for row in report["ladder"] if row["rung"] == "classified"]) == 2

    # Who was told?
    told = {row["to"]: row for row in report["notifications"]}
    assert (told["authority"]["told"], told["authority"]["reference"], clocks["gdpr-33"]["state"]) == (True, "DPA-77", "told")
    assert (told["persons"]["told"], told["persons"]["reason"]) == (False, "no high risk: no names were read")
    for row in told.values():
        entry = auditor.entry(row["entry"])
        assert (entry["kind"], entry["actor"], entry["body"]["to"]) == ("word", "lee", row["to"])
        assert entry["body"]["login"], "beside the name that was typed, the login that typed it"
    answer = auditor.finds("SELECT recipient, reference FROM notifications WHERE told = 1")
    assert answer == [("authority", "DPA-77")]

    # Who approved, and how?
    approved = [row for row in report["approvals"] if row["step"] == "retire"]
    assert {row["how"] for row in approved} == {"a person, signed"} and len(approved) == 2
    for row in approved:
        assert auditor.entry(row["entry"])["body"]["kind"] == "approve" and not row["same_as_opener"]

    # How long was each service down?
    (down,) = report["outages"]
    assert (down["service"], down["down"], down["checks"] > 0) == ("payments-0", False, True)
    assert down["entries"] and all(auditor.entry(number)["kind"] == "step" for number in down["entries"])

    # And a person who opens the folder finds the way.
    page = (auditor.folder / "README.md").read_text()
    for question in ("Who did what", "What was exposed", "Whom to tell", "Who was told", "Who approved", "How long was each service down"):
        assert question in page
    assert "DPA-77" in (auditor.folder / "report.html").read_text()
    assert name in (auditor.folder / "notice-internal.md").read_text()


def test_a_hand_that_changes_an_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with shop(tmp_path / "shop", "") as made:
        made.add("payments")
        made.write()
        auditor, _, head, key = walk(made, tmp_path)
    for name, old, new in (("audit.jsonl", "DPA-77", "DPA-78"), ("notice-internal.md", "Draft", "Draught"), ("report.json", "kim", "tim")):
        path = auditor.folder / name
        before = path.read_text()
        path.write_text(before.replace(old, new, 1))
        argv = [sys.executable, "-I", "-S", str(auditor.folder / "verify.py"), "--public-key", key, "--head", head]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd="/", env={}, check=False)
        assert ran.returncode == 1 and "BROKEN" in ran.stdout, name
        path.write_text(before)
