"""The nouns: frozen, JSON without loss, and honest about liveness."""

import dataclasses
import inspect
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.core import model
from ir.core.model import Debt, Did, Item, KeyRow, Liveness, Mode, Outcome

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
FACTS = st.dictionaries(st.text(), st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4))
ITEMS = st.builds(Item, st.text(), st.sampled_from(Did), st.text(), FACTS)
DEBTS = st.builds(Debt, st.text(), st.text(), st.text(), st.text())
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from(Did),
    st.text(),
    FACTS,
    st.lists(ITEMS, max_size=3).map(tuple),
    st.lists(DEBTS, max_size=3).map(tuple),
    st.lists(st.text(), max_size=3).map(tuple),
    st.text(),
)


@given(OUTCOMES)
@settings(max_examples=50, deadline=None)
def test_an_outcome_comes_back_from_json_as_it_went(outcome: Outcome) -> None:
    written = json.dumps(outcome.to_json(), allow_nan=False)
    back = Outcome.from_json(json.loads(written))
    assert back == outcome
    assert type(back.did) is Did
    assert all(type(item.did) is Did for item in back.items)
    assert json.dumps(back.to_json()) == json.dumps(outcome.to_json())


@given(OUTCOMES)
@settings(max_examples=50, deadline=None)
def test_json_is_a_copy(outcome: Outcome) -> None:
    before = json.dumps(outcome.to_json())
    data = outcome.to_json()
    data["facts"]["added"] = 1
    for item in data["items"]:
        item["facts"]["added"] = 1
    assert json.dumps(outcome.to_json()) == before


def test_every_field_of_an_outcome_travels() -> None:
    assert set(Outcome(Did.DONE, "").to_json()) == {field.name for field in dataclasses.fields(Outcome)}


def test_a_record_that_lacks_a_field_is_not_guessed() -> None:
    data = Outcome(Did.DONE, "done").to_json()
    for name in data:
        with pytest.raises(KeyError):
            Outcome.from_json({k: v for k, v in data.items() if k != name})
    with pytest.raises(ValueError, match="maybe"):
        Outcome.from_json({**data, "did": "maybe"})


def test_all_nouns_are_frozen() -> None:
    nouns = [value for _, value in inspect.getmembers(model, dataclasses.is_dataclass) if value.__module__ == model.__name__]
    assert len(nouns) >= 6
    for noun in nouns:
        assert vars(noun)["__dataclass_params__"].frozen, noun
        assert noun.__doc__


def test_liveness_says_alive_dead_or_neither_and_never_both() -> None:
    alive = {seen for seen in Liveness if seen.answers}
    dead = {seen for seen in Liveness if seen.dead}
    assert alive == {Liveness.ALIVE, Liveness.NARROW}
    assert dead == {Liveness.EXPIRED, Liveness.INVALID}
    assert not alive & dead
    # A block by address says nothing about death, and no answer says nothing at all.
    assert {Liveness.BLOCKED, Liveness.UNKNOWN} == set(Liveness) - alive - dead


def test_what_the_provider_shows_of_a_token_is_not_shown_again() -> None:
    row = KeyRow("mk_1", "name", True, Mode.TEST, redacted="rk_test_abc***xyz")
    assert "xyz" not in repr(row)


def test_closed_sets_are_what_files_and_records_say() -> None:
    assert [m.value for m in model.Mode] == ["live", "test"]
    assert [k.value for k in model.KeyKind] == ["secret", "restricted", "webhook"]
    assert [p.value for p in model.Policy] == ["exposed", "exploited", "scheduled"]
    assert [d.value for d in model.Danger] == ["read", "reversible", "irreversible"]
    assert [d.value for d in model.Did] == ["done", "skipped", "waiting", "refused", "failed", "unknown"]
