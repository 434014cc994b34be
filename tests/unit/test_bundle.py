"""The evidence bundle: private, whole, and checked by a verifier that needs nothing of ours."""

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ir.core.model import Did, Json, Outcome
from ir.evidence import files as evidence_files
from ir.evidence import hash_chain
from ir.evidence.bundle_verifier import FILES_NAMESPACE, check_evidence
from ir.evidence.checkpoints import Signer, statement, tree_of
from ir.incident.folding import fold
from ir.report.bundle import write_bundle
from ir.report.notices import DRAFTS
from tests.unit.report_samples import STORIES, Builder, exploited, overlap

FILES = ["audit.jsonl", "checkpoints.jsonl", "manifest.json", "findings.json", "evidence.db"]
FILES += ["README.md", "affected.csv", "timeline.jsonl", *(f"notice-{to}.md" for to in DRAFTS)]
FILES += ["report.html", "report.md", "report.json", "verify.py", "sha256sums", "signature.json"]
SIGNER, OTHER = Signer(Ed25519PrivateKey.generate()), Signer(Ed25519PrivateKey.generate())


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
    write_bundle(story.incident, story.entries, made, signer=SIGNER)
    return made


def test_it_is_whole_and_private(story: Builder, tmp_path: Path) -> None:
    made = tmp_path / "deep" / "bundle"
    paths = write_bundle(story.incident, story.entries, made, signer=SIGNER)
    assert sorted(path.name for path in paths) == sorted(FILES)
    assert paths[-1].name == "signature.json", "once all others are written"
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
    ours = hash_chain.verify(story.entries)
    code, said = check(tmp_path)
    assert (code == 0) is ours.holds
    assert ours.head in said
    assert "unanchored" in said
    assert "a machine's owner can rewrite all that was never anchored" in said
    assert check(tmp_path, "--head", ours.head)[0] == 0


def test_entries_after_the_anchor_are_told(story: Builder, folder: Path) -> None:
    code, said = check(folder, "--anchor", story.entries[2]["hash"])
    assert code == 0
    assert f"{len(story.entries) - 3} entries came later" in said


def lines(folder: Path) -> list[str]:
    return (folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()


def put(folder: Path, rows: list[str]) -> None:
    """Write the stream back and mend `sha256sums`, as somebody would who can write the folder."""
    (folder / "audit.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8", errors="surrogateescape")
    digest = hashlib.sha256((folder / "audit.jsonl").read_bytes()).hexdigest()
    sums = [
        line if not line.endswith("  audit.jsonl") else f"{digest}  audit.jsonl"
        for line in (folder / "sha256sums").read_text().splitlines()
    ]
    (folder / "sha256sums").write_text("\n".join(sums) + "\n")


def edited(rows: list[str]) -> list[str]:
    entry = json.loads(rows[2])
    entry["actor"] = "somebody else"
    return [*rows[:2], hash_chain.canonical(entry).decode(), *rows[3:]]


def rewritten(rows: list[str]) -> list[str]:
    """The whole chain forged, every hash right."""
    forged: list[Json] = []
    for row in map(json.loads, rows):
        row["actor"] = "somebody else"
        rest = {name: row[name] for name in ("at", "incident", "kind", "step", "actor", "body")}
        forged.append(hash_chain.chained(forged[-1] if forged else None, **rest))
    return [hash_chain.canonical(row).decode() for row in forged]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "entry 2 was edited"),
        (lambda rows: [*rows[:3], *rows[4:]], "truncated: entry 3 is missing"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "reordered: entry 0 stands behind entry 1"),
        (lambda rows: [*rows[:2], rows[2].replace(":", ": ", 1), *rows[3:]], "entry 2 was edited"),
        (lambda rows: [*rows[:-1], rows[-1][:40]], "torn"),
        (lambda rows: [*rows, "[]"], "not an audit entry"),
        (lambda rows: [*rows[:2], "[" * 100_000, *rows[2:]], "line 3 is not JSON"),
        (lambda rows: [*rows, "\udcff"], "not JSON"),
        (lambda rows: [], "no entries"),
    ],
)
def test_every_edit_is_told_without_an_anchor(folder: Path, change: object, said: str) -> None:
    assert callable(change)
    put(folder, rows := change(lines(folder)) or [""])
    code, told = check(folder)
    assert code == 1
    assert "BROKEN" in told
    assert said in told or not rows[0]


@pytest.mark.parametrize("change", [rewritten, lambda rows: rows[:-1]])
def test_a_forged_or_shortened_chain_is_told_by_its_anchor(story: Builder, folder: Path, change: object) -> None:
    assert callable(change)
    put(folder, change(lines(folder)))
    assert "spliced: the report" in check(folder)[1]
    (folder / "signature.json").unlink()
    assert check(folder)[0] == 0
    code, said = check(folder, "--head", story.entries[-1]["hash"])
    assert code == 1
    assert "the head that was kept outside is not in this chain" in said


@pytest.mark.parametrize("name", ["report.html", "findings.json", "evidence.db"])
def test_a_changed_or_missing_file_is_told(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert f"{name} was changed" in check(folder)[1]
    (folder / name).unlink()
    code, said = check(folder)
    assert code == 1
    assert f"{name} is missing" in said


@pytest.mark.parametrize("name", ["audit.jsonl", "checkpoints.jsonl", "sha256sums", "report.html", "signature.json", "evidence"])
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder"])
def test_what_is_no_plain_file_is_named_and_not_read(name: str, kind: str, tmp_path: Path) -> None:
    """A pipe would be waited for, a device read, for ever; a link leads out of the bundle."""
    _, _, folder = collected(tmp_path)
    if name == "evidence":
        name = f"evidence/{next((folder / 'evidence').iterdir()).name}"
    spoilt = folder / name
    kept = tmp_path / "kept"
    spoilt.rename(kept)
    if kind == "pipe":
        os.mkfifo(spoilt)
    elif kind == "folder":
        spoilt.mkdir()
    else:
        spoilt.symlink_to(kept if kind == "link" else "/dev/zero")
    code, said = check(folder)
    assert code == 1 and "not a plain file" in said and Path(name).name in said, said


def test_the_sums_cannot_point_outside(folder: Path, tmp_path: Path) -> None:
    (folder / "sha256sums").write_text(f"{'0' * 64}  ../../etc/passwd\n")
    assert check(folder)[0] == 1


def test_an_unreadable_bundle_is_not_called_broken(folder: Path) -> None:
    (folder / "audit.jsonl").unlink()
    assert check(folder)[0] == 2


def test_the_sums_are_what_sha256sum_reads(folder: Path) -> None:
    ran = subprocess.run(["sha256sum", "-c", "--strict", "sha256sums"], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count(": OK") == len(FILES) - 2


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


# ── checkpoints and evidence files ──


def collected(tmp_path: Path) -> tuple[Builder, list[Json], Path]:
    """A story whose review kept two files, with a checkpoint over its end, as a bundle."""
    made = tmp_path / "bundle"
    for name, text in (("events.jsonl", '{"id":"evt_1"}\n'), ("affected.csv", "customer\ncus_1\n"), ("empty.jsonl", "")):
        (tmp_path / name).write_text(text)
    files = evidence_files.keep([(name, tmp_path / name) for name in ("events.jsonl", "affected.csv", "empty.jsonl")], made / "evidence")
    told: Json = {"files": files, "inputs": [], "personal_data": False}
    story = overlap()
    story.step("review", Outcome(Did.DONE, "reviewed", {"evidence": {"review": told}}))
    story.write("ended", body={"status": "done", "exit_code": 0, "said": "done", "debts": []})
    signed = [SIGNER.signed(statement(story.entries[-1], tree_of(story.entries)))]
    write_bundle(story.incident, story.entries, made, checkpoints=signed, signer=SIGNER)
    return story, signed, made


def test_evidence_files_are_named_by_their_hash_and_read_only(tmp_path: Path) -> None:
    story, _, made = collected(tmp_path)
    there = sorted((made / "evidence").iterdir())
    assert [path.name for path in there] == sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in there)
    assert {stat.S_IMODE(path.stat().st_mode) for path in there} == {0o444}
    told = json.loads((made / "manifest.json").read_text())
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert {(row["name"], row["digest"]["sha256"]) for row in told["subject"]} == {
        ("events.jsonl", hashlib.sha256(b'{"id":"evt_1"}\n').hexdigest()),
        ("affected.csv", hashlib.sha256(b"customer\ncus_1\n").hexdigest()),
    }
    assert told["predicate"]["collected"][0]["step"] == "review"
    with closing(sqlite3.connect(made / "evidence.db")) as db:
        assert db.execute("select name from evidence_files order by name").fetchall() == [("affected.csv",), ("events.jsonl",)]
        assert db.execute("select size, head_hash from checkpoints").fetchall() == [(len(story.entries), story.entries[-1]["hash"])]
    code, said = check(made, "--public-key", SIGNER.public.fingerprint)
    assert code == 0, said
    assert "2 evidence files are as recorded, 0 were purged" in said


def test_the_public_key_comes_from_outside(tmp_path: Path) -> None:
    _, _, made = collected(tmp_path)
    (tmp_path / "ours.pub").write_text(f"{SIGNER.public} us\n")
    (tmp_path / "theirs.pub").write_text(f"{Signer(Ed25519PrivateKey.generate()).public} them\n")
    (tmp_path / "none.pub").write_text("\n")
    for key in (str(tmp_path / "ours.pub"), str(SIGNER.public), SIGNER.public.fingerprint):
        code, said = check(made, "--public-key", key)
        assert (code, f"signed by {SIGNER.public.fingerprint}" in said) == (0, True)
    code, said = check(made, "--public-key", str(tmp_path / "theirs.pub"))
    assert (code, "no checkpoint is signed by" in said) == (1, True)
    for key in ("none.pub", "gone.pub", "audit.jsonl"):
        assert check(made, "--public-key", str(tmp_path / key))[0] == 2


@pytest.mark.parametrize("how", ["edited", "removed", "folder removed"])
def test_an_evidence_file_that_is_not_as_recorded_is_named(how: str, tmp_path: Path) -> None:
    _, _, made = collected(tmp_path)
    victim = made / "evidence" / hashlib.sha256(b"customer\ncus_1\n").hexdigest()
    if how == "edited":
        victim.chmod(0o600)
        victim.write_text("customer\ncus_2\n")
    elif how == "removed":
        victim.unlink()
    else:
        shutil.rmtree(made / "evidence")
    code, said = check(made)
    assert code == 1
    assert ("edited: evidence file affected.csv" if how == "edited" else "removed: evidence file") in said


def test_a_file_beside_the_evidence_that_no_record_names_is_told(folder: Path, story: Builder) -> None:
    """It breaks nothing, a killed collection leaves such files too; but nobody may take it for evidence."""
    (folder / "evidence").mkdir(exist_ok=True)
    (folder / "evidence" / "confession.json").write_text("{}")
    code, said = check(folder)
    assert code == 0 and "1 files in evidence/ are in no record and prove nothing: confession.json" in said
    told = check_evidence(folder, story.entries, [], "", "").notes
    assert any("confession.json" in note for note in told)


def test_a_signed_purge_explains_what_is_missing_and_another_does_not(tmp_path: Path) -> None:
    story, signed, made = collected(tmp_path)
    gone = [row["digest"]["sha256"] for row in json.loads((made / "manifest.json").read_text())["subject"]]
    purged: Json = {"by": "dpo\x1b[2J", "reason": "asked", "files": gone}
    signed = [*signed, SIGNER.signed(statement(story.entries[-1], tree_of(story.entries), purged=purged))]
    assert evidence_files.remove(made / "evidence") == 2
    write_bundle(story.incident, story.entries, made, checkpoints=signed, signer=SIGNER)
    code, said = check(made, "--public-key", SIGNER.public.fingerprint)
    assert code == 0, said
    assert "0 evidence files are as recorded, 2 were purged" in said
    assert "were purged at" in said and "by dpo?[2J" in said
    report = (made / "report.md").read_text()
    assert "**Purged**: 2 evidence files" in report and "\x1b" not in report
    signed[-1]["statement"]["purged"]["by"] = "somebody else"
    write_bundle(story.incident, story.entries, made, checkpoints=signed, signer=SIGNER)
    assert "edited: checkpoint 1 was edited" in check(made)[1]


def test_what_a_full_disk_leaves_is_no_evidence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        evidence_files.keep([("gone", tmp_path / "gone")], tmp_path / "evidence")
    assert list((tmp_path / "evidence").iterdir()) == []


# ── the report's own signature ──


def mended(folder: Path, name: str, change: bytes = b" ") -> None:
    """Change a file, and whatever anybody can mend without a key."""
    (folder / name).write_bytes((folder / name).read_bytes() + change)
    sums = (folder / "sha256sums").read_text().splitlines()
    rows = [f"{hashlib.sha256((folder / line.partition('  ')[2]).read_bytes()).hexdigest()}  {line.partition('  ')[2]}" for line in sums]
    (folder / "sha256sums").write_text("\n".join(rows) + "\n")


def signed_again(folder: Path, signer: Signer, **changes: object) -> None:
    """The signature made anew over what the files are now."""
    statement = json.loads((folder / "signature.json").read_text())["statement"]
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in statement["files"]}
    (folder / "signature.json").write_text(json.dumps(signer.signed({**statement, "files": files, **changes}, FILES_NAMESPACE)))


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json", "findings.json", "evidence.db", "verify.py"])
def test_an_edited_report_is_named_though_the_sums_were_mended(tmp_path: Path, name: str) -> None:
    story, signed, made = collected(tmp_path)
    key = SIGNER.public.fingerprint
    assert check(made, "--public-key", key)[0] == 0
    assert f"the report and the other files ({len(FILES) - 1}) are as {key} signed them" in check(made)[1]
    mended(made, name, b" " if name != "verify.py" else b"\n")
    for code, said in (check(made, "--public-key", key), check(made)):
        assert (code, f"edited: {name} was changed after it was signed" in said) == (1, True), said
    verdict = check_evidence(made, story.entries, signed, key, "")
    assert not verdict.holds
    assert name in verdict.said


def test_a_report_signed_anew_with_another_key_is_told_by_the_public_key(tmp_path: Path) -> None:
    story, signed, made = collected(tmp_path)
    mended(made, "report.html")
    signed_again(made, OTHER)
    code, said = check(made, "--public-key", SIGNER.public.fingerprint)
    assert code == 1
    assert f"signed again: the report and the other files were signed by {OTHER.public.fingerprint}" in said
    assert "signed again" in check_evidence(made, story.entries, signed, str(SIGNER.public), "").said
    code, said = check(made)
    assert code == 0
    assert "signed by another key than the stream" in said


def test_a_signature_that_is_gone_or_of_another_stream_is_told(tmp_path: Path) -> None:
    story, signed, made = collected(tmp_path)
    key, intact = SIGNER.public.fingerprint, (made / "signature.json").read_text()
    for changes in ({"head_hash": "0" * 64}, {"incident": "INC-20260101-0000"}, {"size": 0}, {"size": 10**9}):
        signed_again(made, SIGNER, **changes)
        assert "spliced: the report" in check(made, "--public-key", key)[1], changes
    for text in (
        intact.replace(story.entries[-1]["hash"], "0" * 64),
        "{}",
        "[" * 9999,
        intact.replace('"ts": "2', '"ts": "1'),
        '{"statement": []}',
    ):
        (made / "signature.json").write_text(text)
        assert "signature.json was edited" in check(made)[1]
    checkpoint = signed[0]
    (made / "signature.json").write_text(json.dumps(checkpoint))
    assert "signature.json was edited" in check(made)[1], "a checkpoint is no signature of files"
    (made / "signature.json").write_text(intact)
    assert check(made, "--public-key", key)[0] == 0
    (made / "signature.json").unlink()
    assert "removed: nothing that" in check(made, "--public-key", key)[1]
    code, said = check(made)
    assert code == 1, "it has ended, and its end is signed: without any key it is known that this was signed, too"
    assert "removed: signature.json is missing; its end was signed by" in said
    (made / "signature.json").write_text(intact)
    kept = (made / "checkpoints.jsonl").read_bytes()
    rows = kept.splitlines(keepends=True)
    (made / "checkpoints.jsonl").write_bytes(b"".join(rows[:-1]))
    sums = (made / "sha256sums").read_text()
    digest = hashlib.sha256(b"".join(rows[:-1])).hexdigest()
    (made / "sha256sums").write_text(sums.replace(hashlib.sha256(kept).hexdigest(), digest))
    (made / "signature.json").unlink()
    assert "no signed checkpoint reaches over the end" in check(made)[1]


def test_files_that_were_added_are_named(tmp_path: Path) -> None:
    _, _, made = collected(tmp_path)
    assert "added:" not in check(made)[1]
    (made / "exonerating.eml").write_text("it was not us")
    code, said = check(made)
    assert code == 0 and "added: 1 files are not of this bundle and prove nothing: exonerating.eml" in said


def test_files_signed_before_the_end_say_so(tmp_path: Path) -> None:
    """An older bundle of the same stream is genuine, and not the whole story."""
    story = overlap()
    write_bundle(fold(story.entries[:4]), story.entries[:4], tmp_path, signer=SIGNER)
    verdict = check_evidence(tmp_path, story.entries, [], "", "")
    assert verdict.holds
    assert f"the report was written at entry 3; {len(story.entries) - 4} entries came later" in verdict.notes
