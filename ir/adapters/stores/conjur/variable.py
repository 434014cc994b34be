"""Write a variable of Conjur, which has no compare-and-set: write, then look for other writers.

Conjur counts versions and keeps the last 20. After a write exactly one version more is expected (none when the value was
there already). More than one: another writer wrote at the same moment, and its last value is merged, not lost. Writers
of this process take turns; those of other machines are kept apart by the incident's lease on the store.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ir.adapters.stores.conjur import client as conjur_client
from ir.adapters.stores.old_news import awaited
from ir.core.errors import Conflict, Missing, Rejected

KEPT = 20
"""Versions that Conjur keeps."""
_TRIES = 6
_turns: dict[tuple[str, str], threading.Lock] = {}
_turns_lock = threading.Lock()


def _turn_of(account: str, name: str) -> threading.Lock:
    """The lock of one variable."""
    with _turns_lock:
        return _turns.setdefault((account, name), threading.Lock())


@dataclass(frozen=True, repr=False)
class Text:
    """One version: its number (0: there is no value yet), and its text, which holds the key."""

    version: int
    text: str


class Variable:
    """One variable.

    Args:
        account: Conjur's account.
        name: the variable's id.
        timeout: seconds per call.
        plain: see `client.settings`.
    """

    def __init__(self, account: str, name: str, timeout: float, plain: Collection[str] = ()) -> None:
        self.name = name
        self._account, self._timeout, self._plain = account, timeout, plain
        self._newest = 0
        self.wrote = False
        """Whether this process has written it."""

    @property
    def _client(self) -> conjur_client.ConjurClient:
        return conjur_client.client(self._account, self._timeout, self._plain)

    def may(self, privilege: str) -> bool:
        """Whether our role has that privilege on it."""
        return self._client.may(self.name, privilege)

    def latest(self) -> Text:
        """The current version, read by its number; never older than the newest one that we have seen.

        Raises Missing without such a variable.
        """
        place = f"conjur://{self._account}/{self.name}"
        versions = awaited(lambda: self._client.versions(self.name), lambda found: (found or [0])[-1] < self._newest, place)
        self._newest = (versions or [0])[-1]
        return self.at(versions[-1]) if versions else Text(0, "")

    def at(self, version: int) -> Text:
        """One version. Raises Missing when it is no longer kept."""
        data = self._client.value(self.name, version)
        try:
            text: str | None = data.decode()
        except UnicodeDecodeError:
            text = None
        if text is None:  # outside of the handler: the codec's error holds the bytes
            raise Rejected(f"conjur://{self._account}/{self.name} holds binary data, not text")
        return Text(version, text)

    def exchange(self, merge: Callable[[Text], str]) -> int:
        """Write the text that `merge` makes of the current one; returns the version that holds it.

        `merge` raises Conflict when that text must not be touched. If such a text was written at the very moment of our
        own write, it is put back.
        """
        with _turn_of(self._account, self.name):
            base = current = self.latest()
            for _ in range(_TRIES):
                text = merge(base)
                if text == current.text and current.version:
                    return current.version
                self.put(text)
                self._newest, self.wrote = current.version + 1, True
                current, before = self.latest(), current.version
                strangers = [found for found in self._between(before, current) if found.text != text]
                if not strangers:
                    return current.version
                base = Text(current.version, strangers[-1].text)
                self._put_back_if_refused(merge, base, ours=current.text == text)
        raise Conflict(f"conjur://{self._account}/{self.name} changed {_TRIES} times while we tried to write it")

    def _put_back_if_refused(self, merge: Callable[[Text], str], theirs: Text, *, ours: bool) -> None:
        try:
            merge(theirs)
        except Conflict:
            if ours:
                self.put(theirs.text)
            raise

    def _between(self, before: int, now: Text) -> list[Text]:
        found = []
        for version in range(before + 1, now.version):
            try:
                found.append(self.at(version))
            except Missing:  # pushed out already
                continue
        return [*found, now] if now.version > before else found

    def put(self, text: str) -> None:
        """Write without a look, where no one else writes."""
        self._client.put(self.name, text.encode())
