"""A durable engine in memory: steps are recorded once, a crash can strike before or after the record."""

import json
from collections.abc import Callable

from ir.core.model import Json
from ir.evidence.hash_chain import GENESIS, WORD, chained, entry_hash, verify


class Crash(BaseException):
    """The process dies here; not an Exception, so that no handler of ours catches it."""


class AnotherTurn(BaseException):
    """A replay did not do what was recorded."""


class Parked(BaseException):
    """The incident waits for a signal, and none is sent."""


class Journal:
    """What outlives a crash: recorded step outputs in order, the stream, and signals."""

    def __init__(self) -> None:
        self.outputs: list[tuple[str, str]] = []
        self.stream: list[Json] = []
        self.queue: list[Json] = []
        self.crash_at: int = -1
        self.crash_before_record = True
        self.acts = 0
        self._looked_at = 0

    def send(self, kind: str, **body: object) -> None:
        """Somebody signals."""
        self.queue.append({"id": len(self.queue) + 1, "kind": kind, "actor": "tester", "at": 1.0, "body": body})

    def say(self, kind: str, by: str = "kim", **body: object) -> None:
        """A person's word, which enters the stream by itself."""
        at = "2026-11-23T03:00:00.000Z"
        last = self.stream[-1] if self.stream else None
        incident = self.stream[0]["incident"] if self.stream else ""
        self.stream.append(chained(last, at=at, incident=incident, kind=WORD, step="", actor=by, body={"kind": kind, **body}))

    def engine(self) -> "Replay":
        """An engine for a fresh process, over what is recorded."""
        return Replay(self)

    def holds(self) -> bool:
        """Whether the audit chain is whole."""
        return verify(self.stream).holds

    def grows(self) -> bool:
        """Whether every entry that came since the last look continues the chain: a look at the new ones alone."""
        for number in range(self._looked_at, len(self.stream)):
            entry, before = self.stream[number], self.stream[number - 1]["hash"] if number else GENESIS
            if (entry["n"], entry["prev"], entry["hash"]) != (number, before, entry_hash(entry)):
                return False
        self._looked_at = len(self.stream)
        return True


class Replay:
    """`recorder.Durable`: recorded outputs are handed out again, the rest is run and recorded."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.place, self.written = journal, 0, 0

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """See `recorder.Durable`."""
        journal = self.journal
        if self.place < len(journal.outputs):
            recorded, text = journal.outputs[self.place]
            if recorded != name:
                raise AnotherTurn(f"{recorded} is recorded, {name} was asked for")
            self.place += 1
            loaded: Json = json.loads(text)
            return loaded
        journal.acts += 1
        struck = journal.acts == journal.crash_at
        output = body()
        text = json.dumps(output)
        if struck and journal.crash_before_record:
            raise Crash(name)
        journal.outputs.append((name, text))
        self.place += 1
        if struck:
            raise Crash(name)
        again: Json = json.loads(text)
        return again

    def emit(self, entry: Json) -> Json | None:
        """See `recorder.Durable`."""
        if self.written < len(self.journal.stream):
            if self.journal.stream[self.written]["kind"] == WORD:
                self.written += 1
                return self.journal.stream[self.written - 1]
            if self.journal.stream[self.written]["hash"] != entry["hash"]:
                raise AnotherTurn("another entry was written")
        else:
            self.journal.stream.append(json.loads(json.dumps(entry)))
        self.written += 1
        return None

    def signals(self, after: int) -> list[Json]:
        """See `recorder.Durable`."""
        return [signal for signal in self.journal.queue if signal["id"] > after]

    def newest_signal(self) -> int:
        """See `recorder.Durable`."""
        return max((signal["id"] for signal in self.journal.queue), default=0)

    def await_signal(self, after: int) -> list[Json]:
        """See `recorder.Durable`."""
        found = self.signals(after)
        if not found:
            raise Parked
        return found
