"""A finding that the last review told is not told as new."""

from dataclasses import replace
from pathlib import Path

from ir.core.model import Finding
from ir.storage import told_findings

ONE = Finding("S-07", "high", "t", "w", "", 1, 2, 2, ("req_1", "req_2"), (), "n")


def told(folder: Path, account: str, *findings: Finding) -> list[bool]:
    return [one.told for one in told_findings.marked(folder, account, findings)]


def test_the_same_evidence_of_the_same_rule_and_account_is_news_once(tmp_path: Path) -> None:
    assert told(tmp_path, "acct_1", ONE) == [False]
    assert told(tmp_path, "acct_1", ONE, replace(ONE, rule="S-08"), replace(ONE, evidence=("req_1", "req_3"))) == [True, False, False]
    assert told(tmp_path, "acct_2", ONE) == [False]
    (file, _) = sorted(tmp_path.iterdir(), key=lambda one: -one.stat().st_size)
    assert "req_1" not in file.read_text() and file.stat().st_mode & 0o077 == 0


def test_a_spoilt_file_costs_nothing(tmp_path: Path) -> None:
    told(tmp_path, "acct_1", ONE)
    for file in tmp_path.iterdir():
        file.write_text('{"x": [')
    assert told(tmp_path, "acct_1", ONE) == [False]
