"""What the engine is measured against finds the same: same rows, same unreadable lines, same hits of the same severity."""

import gzip
from pathlib import Path

import pytest

from benchmarks import review

DAY = "egress-{:02d}.jsonl.gz"


def spoilt(folder: Path) -> None:
    """Torn lines, one of which has an id that an event of ours belongs to, a lost half day, and a file that came twice."""
    lines = gzip.decompress((folder / DAY.format(12)).read_bytes()).splitlines(keepends=True)
    lines[60] = lines[60][:120] + b"\n"
    lines[61] = b"not JSON at all\n"
    (folder / DAY.format(12)).write_bytes(gzip.compress(b"".join(lines)))
    lines = gzip.decompress((folder / DAY.format(28)).read_bytes()).splitlines(keepends=True)
    (folder / DAY.format(28)).write_bytes(gzip.compress(b"".join(lines[: len(lines) // 2])))
    (folder / "egress-again.jsonl.gz").write_bytes((folder / DAY.format(5)).read_bytes())
    (folder / "events-again.jsonl.gz").write_bytes((folder / "events-4.jsonl.gz").read_bytes())


@pytest.mark.parametrize("seed", [11, 12])
def test_plain_python_finds_what_the_engine_finds(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    review.generate(tmp_path, 30_000, 6_000, seed)
    if seed == 12:
        spoilt(tmp_path)
    theirs = review.plain_python(tmp_path, "")
    said = capsys.readouterr().out
    assert review.review(tmp_path, "512MB") == theirs
    assert {"S-00 high", "S-04 high", "S-05 critical", "S-06 critical", "S-07 critical", "S-08 critical"} <= set(theirs)
    aside = (tmp_path / "aside.jsonl").read_text().splitlines()
    assert ("unreadable 2, repeated 1600" in said, len(aside)) == ((True, 2) if seed == 12 else (False, 0)), said
