"""The workflow of a dry run: it keeps nothing, so it needs no durable engine."""

from collections.abc import Callable

from ir.core.errors import Refused
from ir.core.model import Json
from ir.engine.workflow import Workflow
from ir.incident.context import World
from ir.incident.record import Incident


class InMemory:
    """`recorder.Durable` for one process and one run; every entry is handed on at once."""

    def __init__(self, emitted: Callable[[Json], None]) -> None:
        self._emitted = emitted

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """Run the body."""
        return body()

    def emit(self, entry: Json) -> None:
        """Hand the entry on; a dry run takes no words from people."""
        self._emitted(entry)

    def signals(self, after: int) -> list[Json]:
        """Always empty: a dry run has no lease, so no signal reaches it."""
        return []

    def newest_signal(self) -> int:
        """None is ever sent."""
        return 0

    def await_signal(self, after: int) -> list[Json]:
        """Raises Refused: no signal can reach a dry run, so it would wait for ever."""
        raise Refused("a dry run waits for no one")


def run_dry(world: World, opening: Json, emitted: Callable[[Json], None]) -> Incident:
    """Walk a whole plan with read-only ports; returns the record that a real run would begin with."""
    workflow = Workflow(InMemory(emitted), world, opening)
    workflow.run()
    return workflow.record
