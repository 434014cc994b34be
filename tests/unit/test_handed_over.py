"""A store that was read before a key was taken is not read again for its first look."""

import time
from types import SimpleNamespace

import pytest

from ir.core.errors import Denied
from ir.core.secret import Secret
from ir.ports import Held
from ir.runtime import noted_store
from ir.runtime.noted_store import Noted


class Counted:
    def __init__(self) -> None:
        self.reads, self.refuses = 0, False

    def read(self) -> Held:
        self.reads += 1
        if self.refuses:
            raise Denied("no")
        return Held(Secret("v" * 20), str(self.reads))


def handed() -> tuple[Counted, Noted]:
    store = Counted()
    noted = Noted(store)  # type: ignore[arg-type]  # it is read, and nothing else
    noted.read()
    return store, noted.hand_over()


def test_the_next_read_is_the_one_that_was_made_and_the_one_after_is_made_anew() -> None:
    store, noted = handed()
    assert (noted.read().version, noted.read().version, store.reads) == ("1", "2", 2)


def test_a_read_that_was_not_handed_over_is_made_anew() -> None:
    store = Counted()
    noted = Noted(store)  # type: ignore[arg-type]  # as above
    assert (noted.read().version, noted.read().version) == ("1", "2")


def test_an_old_read_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    _, noted = handed()
    later = time.monotonic() + noted_store.RECENT + 0.1
    monkeypatch.setattr(noted_store, "time", SimpleNamespace(monotonic=lambda: later))
    assert noted.read().version == "2"


def test_a_read_that_was_refused_hands_nothing_over() -> None:
    store = Counted()
    store.refuses = True
    noted = Noted(store)  # type: ignore[arg-type]  # as above
    with pytest.raises(Denied):
        noted.read()
    store.refuses = False
    assert noted.hand_over().read().version == "2"
