"""The recorder writes what one workflow does: as steps of its engine, as entries of the audit stream, and as the report.

Everything that is recorded goes through here, so that a replay in another process writes the same entries.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from ir.core.errors import PortError
from ir.core.model import Json
from ir.evidence.hash_chain import chained
from ir.incident import folding
from ir.incident.context import World, accepting
from ir.incident.record import Incident


class Durable(Protocol):
    """What a workflow needs of an engine: a stream, and steps whose output is recorded once."""

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """Run `body` and record its output; on replay return the recorded output. At least once."""
        ...

    def emit(self, entry: Json) -> Json | None:
        """Append to the audit stream, once. Returns None, or the word of a person that has this number already."""
        ...

    def signals(self, after: int) -> list[Json]:
        """Signals with an id above `after`; asked inside steps only."""
        ...

    def newest_signal(self) -> int:
        """The id of the newest signal, to whichever incident it was sent: a moment old, cheap, and asked anywhere."""
        ...

    def await_signal(self, after: int) -> list[Json]:
        """Block until there is a signal with an id above `after`; asked inside steps only."""
        ...


class Recorder:
    """Writes steps, entries and the report of one workflow.

    Attributes:
        record: the fold of what was recorded so far.
        world: as it is by now; a resume that accepts more exceptions makes another one.
    """

    def __init__(self, durable: Durable, world: World) -> None:
        self.durable, self.world = durable, world
        self.record = Incident()
        self._calls = 0

    def accept(self, accepts: Json, *, yes: bool) -> None:
        """From now on the world's options accept these exceptions, too (`context.accepting`)."""
        self.world = replace(self.world, options=accepting(self.world.options, accepts, yes=yes))

    def emit(self, kind: str, *, body: Json, at: str, actor: str, step: str = "") -> None:
        """The next entry of the audit stream, behind what people have said meanwhile."""
        with self.world.run.recording:  # a follower that ends the process with the last entry waits for this
            while True:
                entry = chained(self.record.last, at=at, incident=self.world.incident, kind=kind, step=step, actor=actor, body=body)
                word = self.durable.emit(entry)
                self._take_in(word or entry)
                if word is None:
                    break
        self.world.hooks.note(self.record)

    def _take_in(self, entry: Json) -> None:
        folding.absorb(self.record, entry)
        self.world.hooks.announce(self.record)
        self.world.hooks.witness(entry)
        for told in self.world.run.readers:
            told(self.record)

    def step(self, what: str, body: Callable[[], Json]) -> Json:
        """Record a step that belongs to no step of the plan: its number names it."""
        self._calls += 1
        return self.durable.step(f"{what}#{self._calls}", body)

    def stamp(self) -> tuple[str, str]:
        """When and by whom, recorded: a replay by somebody else must write the same entries."""
        found = self.step("now", lambda: {"at": self.now(), "by": self.world.ports.operator.name})
        return str(found["at"]), str(found["by"])

    def emit_now(self, kind: str, *, body: Json, step: str = "") -> None:
        """As `emit`, with this moment and the person who runs this process."""
        at, by = self.stamp()
        self.emit(kind, body=body, at=at, actor=by, step=step)

    def emit_after(self, kind: str, *, body: Json) -> None:
        """As `emit`, for what follows at once from the last entry, with that entry's time and actor."""
        last = self.record.last
        assert last is not None  # noqa: S101 - `opened` is the first entry of all
        self.emit(kind, body=body, at=last["at"], actor=last["actor"])

    def pause(self, name: str, seconds: float) -> None:
        """Wait once; a replay does not wait."""

        def body() -> Json:
            self.world.ports.clock.sleep(seconds)
            return {}

        self.durable.step(name, body)

    def publish(self) -> None:
        """Write the report and the evidence bundle."""
        if not self.world.options.dry_run:
            self.step("publish", self._published)
            if self.record.ended:
                self.world.run.published.set()

    def _published(self) -> Json:
        """The paths. A report that cannot be written now can be made later, so it never prevents an end."""
        try:
            return {"paths": self.world.hooks.publish(self.record)}
        except PortError as error:
            self.world.hooks.say(f"WARNING: {error.what}; {error.next_step}")
            return {"paths": []}

    def now(self) -> str:
        """The time as entries have it."""
        return iso(self.world.now())


def iso(seconds: float) -> str:
    """UTC, ISO 8601, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
