"""The audit chain: every kind of tampering is detected and named."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ir.core.model import Json
from ir.evidence.bundle_verifier import canonical, entry_hash, sealed
from ir.evidence.hash_chain import GENESIS, chained, verify


def chain(length: int) -> list[Json]:
    entries: list[Json] = []
    for number in range(length):
        before = entries[-1] if entries else None
        at, step = f"2026-11-23T03:00:{number:02}Z", f"s{number}"
        entries.append(chained(before, at=at, incident="INC-1", kind="step", step=step, actor="me", body={"n": number}))
    return entries


def test_a_whole_chain_holds_and_says_that_it_is_unanchored() -> None:
    verdict = verify(chain(5))
    assert verdict.holds
    assert verdict.entries == 5
    assert "unanchored" in verdict.said


def test_an_anchor_inside_the_chain_holds_and_a_foreign_one_does_not() -> None:
    entries = chain(5)
    assert verify(entries, anchor=entries[3]["hash"]).holds
    assert not verify(entries, anchor="f" * 64).holds
    assert not verify(entries[:3], anchor=entries[4]["hash"]).holds


@given(st.integers(0, 6), st.sampled_from(["body", "at", "actor", "step", "kind"]))
def test_an_edit_is_named(index: int, field: str) -> None:
    entries = copy.deepcopy(chain(7))
    entries[index][field] = {"n": 99} if field == "body" else "edited"
    verdict = verify(entries)
    assert not verdict.holds
    assert f"entry {index} was edited" in verdict.said


@pytest.mark.parametrize("index", range(5))
def test_a_removed_entry_is_named(index: int) -> None:
    entries = chain(6)
    del entries[index]
    assert not verify(entries).holds


def test_reordering_and_splicing_are_named() -> None:
    entries = chain(6)
    entries[2], entries[3] = entries[3], entries[2]
    assert "reordered: entry 2 stands behind entry 3" in verify(entries).said
    spliced = chain(3) + chain(6)[3:]
    assert verify(spliced).holds, "the same history is the same chain"
    other = chain(6)
    other[3] = chained(None, at="x", incident="INC-1", kind="step", step="", actor="", body={})
    assert not verify(other).holds


def test_nothing_is_no_evidence() -> None:
    assert not verify([]).holds
    assert chain(1)[0]["prev"] == GENESIS


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["hash", "a", "z"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["", "at", "hasg", "hash", "hash2", "n", "prev"]) | st.text(max_size=4), _VALUES, max_size=6))
def test_what_is_encoded_once_is_what_was_hashed_and_written(entry: Json) -> None:
    """Whatever stands before and behind the hash, or when one of the two is missing."""
    assert sealed(entry) == (canonical(entry), entry_hash(entry))
