"""The question that stands open at a terminal, as other terminals see it."""

from dataclasses import replace
from pathlib import Path

import pytest

from ir.runtime.app_state import State, open_state

NAME = "INC-20261130-0001"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    made = open_state()
    made.leases.take(made.me, NAME, ["key acct_1/payments", "store one"])
    return made


def test_it_is_seen_while_it_stands_open_and_no_longer(kept: State) -> None:
    assert kept.questions.of(NAME) is None
    with kept.questions.put(kept.me, NAME, "Go on? [y/N] ", "retire"):
        seen = kept.questions.of(NAME)
        assert seen is not None and (seen.said, seen.approves) == ("Go on? [y/N]", "retire")
        kept.leases.claim(kept.me, NAME, 1, "key fingerprint")
        assert kept.questions.of(NAME) == seen, "a lease that is added changes nothing"
    assert kept.questions.of(NAME) is None


def test_the_end_of_a_key_is_for_the_first_terminal_alone(kept: State) -> None:
    with kept.questions.put(kept.me, NAME, "Is it the row …a1B2 of the list?"):
        seen = kept.questions.of(NAME)
        assert seen is not None and seen.said == "Is it the row … of the list?"


def test_it_goes_with_its_process(kept: State) -> None:
    with kept.questions.put(kept.me, NAME, "Go on?"):
        kept.leases.let_go(kept.me, NAME, 1)
        other = replace(kept.me, executor="another")
        kept.leases.release(NAME)
        kept.leases.take(other, NAME, ["key acct_1/payments"])
        assert kept.questions.of(NAME) is None
