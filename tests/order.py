"""The order of a run in several processes: a test that mostly waits runs beside tests that mostly calculate.

One after the other, folder by folder, the processors would rest while all processes wait for real rotations, and could not keep up while
none of them waits. What waits begins early, so that the end of the run waits for nothing long.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

WAITING = frozenset({"campaign", "drill", "e2e", "hands", "hardening"})
"""Folders of tests that watch real processes at work."""
EARLY = 0.9
"""Share of the run in which all of them begin."""
T = TypeVar("T")


def mixed(items: Sequence[T], path_of: Callable[[T], Path]) -> list[T]:
    """The same tests, those of `WAITING` spread evenly among the others; either keep their order among themselves.

    A file whose tests share what is made once stays in one piece: it would be made again after each test of another file.
    """
    waiting = [item for item in items if path_of(item).parent.name in WAITING]
    others = [item for item in items if path_of(item).parent.name not in WAITING]
    placed = [*_placed(waiting, path_of, EARLY), *_placed(others, path_of, 1.0)]
    return [item for _, item in sorted(placed, key=lambda row: row[0])]


def _placed(items: Sequence[T], path_of: Callable[[T], Path], end: float) -> Iterator[tuple[float, T]]:
    """Each with its place in the run, from 0 to `end`."""
    begun: dict[Path, float] = {}
    for number, item in enumerate(items):
        path, place = path_of(item), end * number / len(items)
        yield (begun.setdefault(path, place) if _shares(path) else place), item


@cache
def _shares(path: Path) -> bool:
    """Whether a fixture of this file is made once for all of its tests."""
    return 'scope="module"' in path.read_text(encoding="utf-8")
