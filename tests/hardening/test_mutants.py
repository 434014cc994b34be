"""The planted faults still fit the code; that each is noticed, `make mutants` shows."""

import ast

import pytest

from tests.hardening.mutants import planted
from tests.hardening.planted import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_has_its_place_and_is_python(mutant: Mutant) -> None:
    text = planted(mutant)
    assert text, "its place in the code is gone, or no longer the only one of its kind"
    ast.parse(text)


def test_there_are_enough_of_them() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15
