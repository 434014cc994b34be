"""Many drills in simulated time, as the command runs them: what it reports, what a seed repeats, what it says when a promise is broken."""

import json

import pytest

from ir.cli import run
from ir.drill.simulated.faults import Fate
from ir.drill.simulated.invariants import Judge
from ir.drill.simulated.promises import NotKept
from ir.drill.simulated.runs import one

RUNS = 200


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code (the command ends by it), and what stands on standard output."""
    with pytest.raises(SystemExit) as ended:
        run(["drill", "stripe", *words])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_a_soak_loses_nothing_and_says_what_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "--faults", "all", "--runs", str(RUNS), "--seed", "1", "--json")
    report = json.loads(text)
    assert (code, report["lost"], report["failing_seeds"]) == (0, [], [])
    assert report["passed"] and report["runs"] == RUNS == sum(report["ends"].values())
    assert report["faults"] == sum(report["by_fate"].values()) > RUNS and report["kills"] > RUNS / 4
    met = {Fate(name) for name in report["by_fate"]}
    assert len(met) > 12, "the dice of a soak reach most fates"


def test_a_seed_repeats_the_drill_whole() -> None:
    for seed in range(20):
        assert one(seed, frozenset(Fate)) == one(seed, frozenset(Fate))


def test_without_faults_nothing_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "--runs", "3", "--seed", "5", "--json")
    report = json.loads(text)
    assert (code, report["faults"], report["kills"], report["ends"]) == (0, 0, 0, {"done": 3})


def test_a_broken_promise_is_told_with_the_way_to_see_it_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(judge: Judge) -> None:
        if judge.trial.script.met:
            raise NotKept("a key was lost")

    monkeypatch.setattr(Judge, "finally_", breaks)
    code, text = told(capsys, "--faults", "lost,twice", "--runs", "6", "--seed", "1", "--json")
    report = json.loads(text)
    assert code == 1 and not report["passed"] and 0 < len(report["lost"]) <= 6
    first = report["lost"][0]
    assert first["what"] == "a key was lost" and first["faults"] and first["issuer"] in ("managed", "dashboard")
    assert report["failing_seeds"] == [row["seed"] for row in report["lost"]]
    again = ("--faults", "lost,twice", "--runs", "1", "--seed", str(first["seed"]))
    code, text = told(capsys, *again, "--json")
    assert code == 1 and json.loads(text)["lost"] == [first]
    code, text = told(capsys, *again)
    assert code == 1 and " ".join(("ir drill stripe", *again)) in " ".join(text.split())
    assert f"LOST, seed {first['seed']}" in text and "lost 1" in text
