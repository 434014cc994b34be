"""The order of a run: what waits lies among what calculates, and a file that shares a fixture stays whole."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.order import EARLY, mixed

Item = tuple[Path, int]


def made(folder: Path, count: int, text: str = "") -> list[Item]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"test_{count}.py"
    file.write_text(text)
    return [(file, number) for number in range(count)]


def path_of(item: Item) -> Path:
    return item[0]


def test_what_waits_is_spread_and_begins_early(tmp_path: Path) -> None:
    waiting, others = made(tmp_path / "drill", 30), made(tmp_path / "unit", 300)
    order = mixed([*waiting, *others], path_of)
    assert [item for item in order if item in waiting] == waiting and [item for item in order if item in others] == others
    places = [place for place, item in enumerate(order) if item in waiting]
    assert places[0] == 0 and places[-1] < EARLY * len(order)
    assert {later - sooner for sooner, later in pairwise(places)} <= {9, 10, 11}


@pytest.mark.parametrize("folder", ["drill", "unit"])
def test_a_file_whose_tests_share_a_fixture_stays_whole(tmp_path: Path, folder: str) -> None:
    shared = made(tmp_path / folder, 40, '@pytest.fixture(scope="module")\n')
    order = mixed([*made(tmp_path / "e2e", 50), *made(tmp_path / "review", 60), *shared, *made(tmp_path / folder, 70)], path_of)
    first = order.index(shared[0])
    assert order[first : first + len(shared)] == shared
    assert len(order) == 220
