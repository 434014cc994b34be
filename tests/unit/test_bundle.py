"""The evidence bundle: private, whole, and checked by a verifier that needs nothing of ours."""

import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ir import evidence
from ir.bundle import write_bundle
from ir.incident import fold
from ir.model import Json
from tests.unit.report_samples import STORIES, Builder, exploited, overlap

FILES = ["audit.jsonl", "findings.json", "evidence.db", "report.html", "report.md", "report.json", "verify.py", "sha256sums"]


def check(folder: Path, *arguments: str) -> tuple[int, str]:
    """The bundle's own verifier, isolated: no site packages, no environment, another current directory."""
    argv = [sys.executable, "-I", "-S", str(folder / "verify.py"), *arguments]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd="/", env={}, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
def story() -> Builder:
    return exploited()


@pytest.fixture
def folder(story: Builder, tmp_path: Path) -> Path:
    made = tmp_path / "bundle"
    write_bundle(story.incident, story.entries, made)
    return made


def test_it_is_whole_and_private(story: Builder, tmp_path: Path) -> None:
    made = tmp_path / "deep" / "bundle"
    paths = write_bundle(story.incident, story.entries, made)
    assert sorted(path.name for path in paths) == sorted(FILES)
    assert paths[-1].name == "sha256sums"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o600}
    assert sorted(path.name for path in made.iterdir()) == sorted(FILES)


def test_an_open_folder_is_closed_and_foreign_files_stay(story: Builder, tmp_path: Path) -> None:
    made = tmp_path / "bundle"
    made.mkdir(mode=0o755)
    made.chmod(0o755)
    (made / "notes.txt").write_text("mine")
    write_bundle(story.incident, story.entries, made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (made / "notes.txt").read_text() == "mine"


def test_a_link_in_the_folder_is_replaced_never_followed(story: Builder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    made = tmp_path / "bundle"
    made.mkdir()
    (made / "report.html").symlink_to(victim)
    write_bundle(story.incident, story.entries, made)
    assert victim.read_text() == "untouched"
    assert not (made / "report.html").is_symlink()


def test_it_can_be_written_anew_as_the_incident_goes_on(tmp_path: Path) -> None:
    story = overlap()
    for count in (3, 9, len(story.entries)):
        entries = story.entries[:count]
        write_bundle(fold(entries), entries, tmp_path)
        code, said = check(tmp_path)
        assert code == 0, said
        assert f"{count} entries" in said


@pytest.mark.parametrize("name", STORIES)
def test_the_verifier_agrees_with_ours(name: str, tmp_path: Path) -> None:
    story = STORIES[name]()
    write_bundle(story.incident, story.entries, tmp_path)
    ours = evidence.verify(story.entries)
    code, said = check(tmp_path)
    assert (code == 0) is ours.holds
    assert ours.head in said
    assert "UNANCHORED" in said
    assert check(tmp_path, "--anchor", ours.head)[0] == 0


def test_entries_after_the_anchor_are_told(story: Builder, folder: Path) -> None:
    code, said = check(folder, "--anchor", story.entries[2]["hash"])
    assert code == 0
    assert f"{len(story.entries) - 3} entries came after the anchor" in said


def lines(folder: Path) -> list[str]:
    return (folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()


def put(folder: Path, rows: list[str]) -> None:
    """Write the stream back and mend `sha256sums`, as somebody would who can write the folder."""
    (folder / "audit.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    digest = hashlib.sha256((folder / "audit.jsonl").read_bytes()).hexdigest()
    sums = [
        line if not line.endswith("  audit.jsonl") else f"{digest}  audit.jsonl"
        for line in (folder / "sha256sums").read_text().splitlines()
    ]
    (folder / "sha256sums").write_text("\n".join(sums) + "\n")


def edited(rows: list[str]) -> list[str]:
    entry = json.loads(rows[2])
    entry["actor"] = "somebody else"
    return [*rows[:2], evidence.canonical(entry).decode(), *rows[3:]]


def rewritten(rows: list[str]) -> list[str]:
    """The whole chain forged, every hash right."""
    forged: list[Json] = []
    for row in map(json.loads, rows):
        row["actor"] = "somebody else"
        rest = {name: row[name] for name in ("at", "incident", "kind", "step", "actor", "body")}
        forged.append(evidence.chained(forged[-1] if forged else None, **rest))
    return [evidence.canonical(row).decode() for row in forged]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "entry 2 was edited"),
        (lambda rows: [*rows[:3], *rows[4:]], "removed, added or reordered"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "removed, added or reordered"),
        (lambda rows: [*rows[:-1], rows[-1][:40]], "torn"),
        (lambda rows: [*rows, "[]"], "not an audit entry"),
        (lambda rows: [], "no entries"),
    ],
)
def test_every_edit_is_told_without_an_anchor(folder: Path, change: object, said: str) -> None:
    assert callable(change)
    put(folder, change(lines(folder)))
    code, told = check(folder)
    assert code == 1
    assert "BROKEN" in told
    assert said in told or not lines(folder)[0]


@pytest.mark.parametrize("change", [rewritten, lambda rows: rows[:-1]])
def test_a_forged_or_shortened_chain_is_told_by_its_anchor(story: Builder, folder: Path, change: object) -> None:
    assert callable(change)
    put(folder, change(lines(folder)))
    assert check(folder)[0] == 0
    code, said = check(folder, "--anchor", story.entries[-1]["hash"])
    assert code == 1
    assert "anchored head is not in this chain" in said


@pytest.mark.parametrize("name", ["report.html", "findings.json", "evidence.db"])
def test_a_changed_or_missing_file_is_told(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert f"{name} was changed" in check(folder)[1]
    (folder / name).unlink()
    code, said = check(folder)
    assert code == 1
    assert f"{name} is missing" in said


def test_the_sums_cannot_point_outside(folder: Path, tmp_path: Path) -> None:
    (folder / "sha256sums").write_text(f"{'0' * 64}  ../../etc/passwd\n")
    assert check(folder)[0] == 1


def test_an_unreadable_bundle_is_not_called_broken(folder: Path) -> None:
    (folder / "audit.jsonl").unlink()
    assert check(folder)[0] == 2


def test_the_sums_are_what_sha256sum_reads(folder: Path) -> None:
    ran = subprocess.run(["sha256sum", "-c", "--strict", "sha256sums"], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count(": OK") == len(FILES) - 1


def test_the_database_answers_questions(story: Builder, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "evidence.db")) as db:
        assert db.execute("select count(*), max(n) from entries").fetchone() == (len(story.entries), len(story.entries) - 1)
        assert db.execute("select hash from entries order by n desc limit 1").fetchone() == (story.entries[-1]["hash"],)
        assert db.execute("select title from findings where severity = 'critical'").fetchall() == [
            ("Ghost refunds to a card never charged here",)
        ]
        assert db.execute("select id from leftovers").fetchall() == [("we_1SZevil",)]
        assert db.execute("select count(*) from services where state = 'on the replacement'").fetchone() == (4,)


def test_findings_json_holds_every_evidence_id(folder: Path) -> None:
    found = json.loads((folder / "findings.json").read_text())
    assert [len(row["evidence"]) for row in found["findings"]] == [9, 1, 61]
    assert found["verdicts"] == {"writes": "confirmed", "reads": "cannot tell", "account": "suspected"}
