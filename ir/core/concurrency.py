"""Run independent calls side by side, so that a wave takes as long as its slowest call and not as long as their sum."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST = 256
"""The most calls that one `each` runs at once: a wave of 200 services then takes one round trip, not seven."""


_FEW = 32
"""Up to this many calls run on threads that are kept: to begin and end a thread costs as much as a call."""
_threads = ThreadPoolExecutor(100_000, thread_name_prefix="ir-beside")
"""The kept threads. The limit is never reached: a call that runs here may itself wait for further calls here."""


def each(things: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """Run `work` on all things and return the results in order. Raises the first error in order, after all have ended."""
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
    """Run one call with a time limit. Raises its error, or TimeoutError when the time is up; the call itself is not stopped."""
    return _threads.submit(call).result(timeout=seconds)


def each_within(seconds: float, things: Sequence[T], work: Callable[[T], R]) -> list[R | None]:
    """Run `work` on all things with one time limit.

    Results are in order; None stands for a call that did not end in time and is not stopped. `work` must not raise.
    """
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
    """Run two calls at once and return both results. Raises the first one's error, else the second's, after both have ended."""
    later = _threads.submit(second)
    try:
        found = first()
    finally:
        wait([later])
    return found, later.result()
