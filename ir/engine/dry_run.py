"""The workflow of a dry run: it keeps nothing, so it needs no durable engine."""

from collections.abc import Callable

from ir.core.errors import Refused
from ir.core.model import Json
from ir.engine.workflow import Workflow
from ir.incident.context import World
from ir.incident.record import Incident


class InMemory:
    """`recorder.Durable` for one process and one run; every entry is handed on as it comes."""

    def __init__(self, emitted: Callable[[Json], None]) -> None:
        self._emitted = emitted

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """Runs it."""
        return body()

    def emit(self, entry: Json) -> None:
        """Hands it on; nobody says a word to a rehearsal."""
        self._emitted(entry)

    def signals(self, after: int) -> list[Json]:
        """Nobody can signal a rehearsal."""
        return []

    def await_signal(self, after: int) -> list[Json]:
        """Raises Refused: there is nobody to wait for."""
        raise Refused("a dry run waits for no one")


def run_dry(world: World, opening: Json, emitted: Callable[[Json], None]) -> Incident:
    """Run a whole plan with read-only ports; returns what was recorded."""
    workflow = Workflow(InMemory(emitted), world, opening)
    workflow.run()
    return workflow.record
