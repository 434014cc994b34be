"""How long a review may look at what strangers wrote: no line takes long, and a reading that does is ended with its process."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ir.clients.stripe_api import StripeApi
from ir.core.errors import UsageError
from ir.core.placeholders import check_placeholders, fill
from ir.ports import ReviewRequest
from ir.review import StripeReviewer, apart
from ir.review.ingest.file_format import pairs, sniff

NOW = 1_790_000_000.0
STUCK = (sys.executable, "-c", "import re; re.match('(a+)+$', 'a' * 60 + 'b')")
"""In the midst of a pattern, where a thread would be deaf to everything."""


def asked(folder: Path, budget: float, **more: object) -> ReviewRequest:
    log = folder / "egress.jsonl"
    rows = [
        {"ts": NOW - 3600 * n, "method": "POST", "path": "/v1/charges", "status": 200, "request_id": f"req_{n:014d}"} for n in range(1, 200)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = ReviewRequest("acct_1", "http://127.0.0.1:9", NOW - 20 * 86400, NOW, NOW - 86400, budget, None, "", "", str(folder / "scratch"))
    return replace(made, egress=(str(log),), **more)  # type: ignore[arg-type]  # the test names fields


def reviewer() -> StripeReviewer:
    return StripeReviewer(StripeApi("http://127.0.0.1:9"), memory_limit="256MB")


def children() -> list[str]:
    """Command lines of the processes that this one started."""
    mine = f"PPid:\t{os.getpid()}\n"
    found = [path.parent for path in Path("/proc").glob("[0-9]*/status") if mine in path.read_text()]
    return [(folder / "cmdline").read_text() for folder in found if "ir.review.apart" in (folder / "cmdline").read_text()]


def test_a_reading_apart_finds_what_one_in_here_finds(tmp_path: Path) -> None:
    heard: list[str] = []
    inside = reviewer().review(asked(tmp_path, 0.0), lambda _: None)
    outside = reviewer().review(asked(tmp_path, 60.0), heard.append)
    assert replace(outside, affected="", collected=()) == replace(inside, affected="", collected=())
    assert outside.inputs and heard and children() == []


def test_a_reading_that_takes_too_long_is_ended_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_ARGV", STUCK)
    begun = time.monotonic()
    reviewed = reviewer().review(asked(tmp_path, 2.0), lambda _: None)
    assert time.monotonic() - begun < 10.0
    (egress,) = [row for row in reviewed.coverage if row["source"] == "egress"]
    assert egress["rows"] == 0 and "longer than the budget of 2 s" in egress["gaps"][0]["why"]
    assert reviewed.verdict == "cannot tell" and reviewed.inputs == ()


def test_what_is_wrong_with_a_map_is_said_from_apart(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("nonsense: [")
    with pytest.raises(UsageError, match=r"map\.yaml"):
        reviewer().review(asked(tmp_path, 60.0, maps=(str(tmp_path / "map.yaml"),)), lambda _: None)


@pytest.mark.parametrize(
    "line", ["a" * 250_000, "a-" * 125_000, 'a="' * 80_000, "(" * 250_000, "[" * 250_000, '{"a":' * 50_000, " " * 250_000]
)
def test_no_line_of_a_log_takes_long(line: str, tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text(line)
    begun = time.process_time()
    sniff(log)
    assert time.process_time() - begun < 2.0


def test_pairs_are_what_they_were() -> None:
    line = 'ts=1 --user=bob 1abc=2 path="/v1/a \\"b\\"" x= y="open z'
    assert pairs(line) == {"ts": "1", "user": "bob", "abc": "2", "path": '/v1/a \\"b\\', "y": "open"}


def test_no_placeholder_takes_long() -> None:
    begun = time.process_time()
    for text in ("{{" * 60_000, "{{ " * 60_000, "{{" + " " * 120_000, "{{ new.id }}" * 20_000):
        check_placeholders(text)
        fill(text, fingerprint="f", key_id="i")
    assert time.process_time() - begun < 2.0
    with pytest.raises(ValueError, match="is not a placeholder"):
        check_placeholders("{{new.id}} {{ new.value }}")
    with pytest.raises(ValueError, match="is not a placeholder"):
        check_placeholders("{{ {{ new.id }} }}")
    assert fill("{{new.id}} {{  new.fingerprint }}", fingerprint="f", key_id="i") == "i f"
