"""Calls that do not wait for each other, made side by side: what counts is the slowest, not the sum."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST = 256
"""Most things done at once by one `each`; a wave of 200 services is one round trip, not seven."""


_FEW = 32
"""Things for which the process's own threads are used again: to begin and end a thread costs as much as a call."""
_threads = ThreadPoolExecutor(100_000, thread_name_prefix="ir-beside")
"""Never full: what runs here may wait for more that runs here."""


def each(things: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """`work` on all things, results in order. Raises what the first in order raised, when all have ended."""
    if len(things) <= 1:
        return [work(thing) for thing in things]
    if len(things) > _FEW:
        with ThreadPoolExecutor(min(len(things), MOST)) as pool:
            return list(pool.map(work, things))
    others = [_threads.submit(work, thing) for thing in things[1:]]
    try:
        first = work(things[0])
    finally:
        wait(others)
    return [first, *(other.result() for other in others)]


def aside(call: Callable[[], object]) -> None:
    """Begin it beside everything that comes next. It is not waited for, and what it raises is lost: it only makes later calls faster."""
    _threads.submit(call)


def within(seconds: float, call: Callable[[], T]) -> T:
    """What it returns. Raises what it raised, or TimeoutError when it has not ended by then; it is not stopped."""
    return _threads.submit(call).result(timeout=seconds)


def each_within(seconds: float, things: Sequence[T], work: Callable[[T], R]) -> list[R | None]:
    """`work` on all things, results in order; None for those that have not ended by then, which are not stopped. `work` raises nothing."""
    found: list[R | None] = [None] * len(things)
    waiting, until = iter(range(len(things))), time.monotonic() + seconds
    lock = Lock()

    def some() -> None:
        while time.monotonic() < until:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            found[number] = work(things[number])

    begun = [_threads.submit(some) for _ in range(min(len(things), MOST))]
    for one in wait(begun, timeout=seconds).done:
        one.result()
    return list(found)


def both(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """What both return. Raises what the first raised, else the second, when both have ended."""
    later = _threads.submit(second)
    try:
        found = first()
    finally:
        wait([later])
    return found, later.result()
