"""Progress of something long: how much is done, at what rate, and about how long it will take."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

_EVERY = 0.5
_MB = 1 << 20


def spent(what: str, done: float, all_of_it: float, seconds: float, unit: str) -> str:
    """`egress: 120 of 294 MB, 21 MB/s, about 8 s left`."""
    rate = done / max(seconds, 0.001)
    left = f", about {(all_of_it - done) / rate:.0f} s left" if done and all_of_it > done else ""
    per = f", {rate:.0f} {unit}/s" if done else ""
    return f"{what}: {done:.0f} of {all_of_it:.0f} {unit}{per}{left}"


@contextmanager
def told(
    connection: duckdb.DuckDBPyConnection, what: str, size: int, say: Callable[[str], None], read: Callable[[], int]
) -> Iterator[None]:
    """While a statement that reads `size` bytes runs on `connection`, tell how far it is.

    `read`: bytes of what it reads through pipes, of which the engine does not know the size.
    """
    begun, over = time.monotonic(), threading.Event()
    say(f"{what}, {size / _MB:.0f} MB")

    def watch() -> None:
        while not over.wait(_EVERY):
            share = max(connection.query_progress(), 0.0) / 100
            say(spent(what, max(share * size, read()) / _MB, size / _MB, time.monotonic() - begun, "MB"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
