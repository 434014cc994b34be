"""The page of faults is what the code does today, and has no forbidden cell."""

from tests.hardening import matrix


def test_the_page_is_up_to_date_and_nothing_is_lost() -> None:
    text = matrix.page()
    assert not [word for word in matrix.FORBIDDEN if word in text.partition("|---")[2]]
    assert text == matrix.PAGE.read_text(encoding="utf-8"), "write it anew: python -m tests.hardening.matrix"
