"""Calls that do not wait for each other, made side by side: what counts is the slowest, not the sum."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST = 256
"""Most things done at once by one `each`; a wave of 200 services is one round trip, not seven."""


def each(things: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """`work` on all things, results in order. Raises what the first in order raised, when all have ended."""
    if len(things) <= 1:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(min(len(things), MOST)) as pool:
        return list(pool.map(work, things))


def both(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """What both return. Raises what the first raised, else the second, when both have ended."""
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(second)
        return first(), later.result()
