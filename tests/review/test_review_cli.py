"""`ir review stripe` and `ir rules` as a user runs them: files in, a screen or one document out, exit codes."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from benchmarks import accounts, attacks
from ir.review.present.json_schema import SCHEMA
from tests.unit import test_review_proposed as proposed
from tests.worlds.started import start

SEED = 7002


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(folder: Path, *words: str) -> Ran:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "IR_HOME": str(folder / "state"), "COLUMNS": "100"}
    process = start(*words, cwd=folder, env=env, apart=True)
    said, errors = process.communicate(timeout=120)
    return Ran(process.wait(), said, errors)


@pytest.fixture
def quiet(tmp_path: Path) -> accounts.World:
    return accounts.quiet(SEED)


def flags(world: accounts.World) -> list[str]:
    moments = [datetime.fromtimestamp(t, UTC).isoformat() for t in (world.until - 20 * 86400, world.exposed)]
    return ["--since", moments[0], "--exposed-at", moments[1]]


def test_misuse_ends_with_7_and_one_document(tmp_path: Path, quiet: accounts.World) -> None:
    attacks.ATTACKS["off_session"](quiet)
    accounts.write(quiet, tmp_path / "logs")
    done = run(tmp_path, "review", "stripe", *flags(quiet), "--egress", "logs/*.gz", "--logs", "logs/*.jsonl", "--output", "out", "--json")
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    jsonschema.validate(told, SCHEMA)
    assert told["verdict"] in ("suspected", "confirmed")
    sweep = next(f for f in told["findings"] if f["rule"] == "S-06")
    events = {event["id"]: event["request"]["id"] for event in quiet.events}
    assert {events.get(name, name) for name in sweep["evidence"]} <= quiet.evil
    assert sweep["evidence"][0].startswith("req_")
    assert set(sweep["evidence"]) & set(events), "events are cited too"
    assert sweep["money"] == [{"currency": "usd", "amount": 175 * 50_000}]
    timeline = [json.loads(line) for line in (tmp_path / "out" / "timeline.jsonl").read_text().splitlines()]
    assert {"message", "datetime", "timestamp_desc"} <= set(timeline[0])
    assert (tmp_path / "out" / "affected.csv").read_text().startswith("customer,what,first_seen,requests")
    assert not (tmp_path / "out" / "review").exists(), "the normalised store is removed"


def test_a_shell_that_expanded_the_glob_and_a_screen_that_is_enough(tmp_path: Path, quiet: accounts.World) -> None:
    accounts.write(quiet, tmp_path / "logs")
    for name in "bc":
        (tmp_path / "logs" / f"egress-{name}.jsonl").write_text("")
    done = run(tmp_path, "review", "stripe", "--egress", "logs/egress.jsonl.gz", "logs/egress-b.jsonl", "logs/egress-c.jsonl")
    assert done.returncode == 0, done.stderr
    assert "CANNOT TELL" in done.stdout
    assert "Coverage" in done.stdout
    assert "3. " in done.stdout
    assert len(done.stdout.splitlines()) <= 24
    assert "request-log export (Workbench) that covers the window was not given)" in done.stdout, "a piped line is broken nowhere"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["review", "stripe", "--memory-limit", "lots"], 2, "not a memory size"),
        (["review", "stripe", "--engine", "oracle://x"], 2, "not known"),
        (["review", "stripe", "--since", "yesterdayish"], 2, "is not a valid time"),
        (["review", "stripe", "payments"], 2, "--inventory"),
        (["rules", "show", "S-99"], 2, "no rule"),
        (["rules", "show", "S-00"], 0, ""),
        (["rules", "list"], 0, ""),
        (["rules", "test", "S-06"], 0, ""),
        (["rules", "export", "--sigma"], 0, "left out"),
    ],
)
def test_exit_codes(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_a_secret_key_does_not_read(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk_" + "test_" + "a1" * 20)
    key.chmod(0o600)
    done = run(tmp_path, "review", "stripe", "--review-key-from", f"file:{key}", "--api-base", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert "rk_" in done.stderr
    assert "a1a1" not in done.stderr + done.stdout


def test_the_leaked_key_never_reads_about_itself(tmp_path: Path) -> None:
    leaked = "rk_" + "test_" + secrets.token_hex(24)
    account = '{name: main, id: acct_1AbC, mode: test, api_base: "http://127.0.0.1:9"}'
    key = '{name: reports, account: main, kind: restricted, stored_in: ["dotenv://./app.env#STRIPE"]}'
    (tmp_path / "inventory.yaml").write_text(f"version: 1\naccounts:\n  - {account}\nkeys:\n  - {key}\n")
    for name, text in (("app.env", f"STRIPE={leaked}\n"), ("review.key", leaked + "\n"), ("inventory.yaml", None)):
        if text is not None:
            (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    done = run(tmp_path, "review", "stripe", "reports", "--inventory", "inventory.yaml", "--review-key-from", "file:review.key")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the review key is the leaked key itself" in done.stderr and "nothing was read" in done.stderr
    assert leaked not in done.stdout + done.stderr


def test_without_an_exposure_time_one_is_proposed_and_marked(tmp_path: Path) -> None:
    world = proposed.account(tmp_path / "logs", *proposed.looked_around())
    words = ["review", "stripe", "--api-base", "http://127.0.0.1:9", "--since", "2026-11-23T00:00:00Z", "--until", "2026-11-28T00:00:00Z"]
    words += [part for file in world.logs for part in ("--logs", file)]
    done = run(tmp_path, *words, "--json")
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    jsonschema.validate(told, SCHEMA)
    assert told["window"]["proposed_at"] == proposed.LATE and told["window"]["exposed_at"] == 0 and told["proposed"][0]["requests"] == 6
    assert [f["proposed"] for f in told["findings"] if f["rule"] == "S-16"] == [True]
    screen = run(tmp_path, *words).stdout
    assert "proposed (out by then, if these are not yours)" in screen and "6 of 3,006 requests" in screen
    assert not any(f["told"] for f in told["findings"]) and "(told before) 1 write " in screen, "the next review tells it again, not as new"
    ours = run(tmp_path, *words, "--json", "--ours", told["proposed"][0]["group"])
    assert ours.returncode == 0 and not json.loads(ours.stdout)["proposed"]
    wrong = run(tmp_path, *words, "--ours", "everybody")
    assert wrong.returncode == 2 and "CLIENT[/VERSION]@NETWORK" in wrong.stderr
