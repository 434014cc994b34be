"""The order of a run in several processes: a test that mostly waits runs beside tests that mostly calculate.

One after the other, folder by folder, the processors would rest while all processes wait for real rotations, and could not keep up while
none of them waits. What waits begins early, so that the end of the run waits for nothing long.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

WAITING = frozenset({"campaign", "contract", "drill", "e2e", "hands", "hardening"})
"""Folders of tests that watch real processes and servers at work."""
EARLY = 0.9
"""Share of the run in which all of them begin."""
T = TypeVar("T")


def mixed(items: Sequence[T], path_of: Callable[[T], Path]) -> list[T]:
    """The same tests, those of each folder spread evenly over the run, in their own order.

    A file whose tests share what is made once stays in one piece: it would be made again after each test of another file.
    """
    folders: dict[str, list[T]] = {}
    for item in items:
        folders.setdefault(path_of(item).parent.name, []).append(item)
    placed = [row for name, own in folders.items() for row in _placed(own, path_of, EARLY if name in WAITING else 1.0)]
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
