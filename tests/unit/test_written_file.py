"""What a person asked for in a file is for its owner alone, whatever stood there."""

import os
import stat
from pathlib import Path

import pytest

from ir import cli
from ir.core.errors import UsageError
from ir.storage import written_file
from tests.unit.report_samples import overlap


def test_who_could_read_the_former_file_cannot_read_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    target.write_text("former")
    target.chmod(0o644)
    os.link(target, tmp_path / "second")
    with target.open() as held:
        written_file.write(target, "new\n")
        assert held.read() == "former"
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new\n", 0o600)
    assert (tmp_path / "second").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.md", "second"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "no folder"])
def test_nothing_else_is_written_over(kind: str, tmp_path: Path) -> None:
    target, victim = tmp_path / "there", tmp_path / "victim"
    victim.write_text("kept")
    if kind == "link":
        target.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(target)
    elif kind == "folder":
        target.mkdir()
    with pytest.raises(UsageError, match="there"):
        written_file.write(target / "x" if kind == "no folder" else target, "new")
    assert victim.read_text() == "kept" and len(list(tmp_path.iterdir())) == (1 if kind == "no folder" else 2)


def test_a_report_over_an_open_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, target = overlap(), tmp_path / "report.md"
    target.write_text("former")
    target.chmod(0o644)
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ir.cli.reports.named", lambda *_args, **_more: story.incident.id)
    monkeypatch.setattr("ir.engine.dbos_records.read_entries", lambda *_: story.entries)
    assert cli.run(["report", "--output", str(target)]) == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600 and not target.read_text().startswith("former")
