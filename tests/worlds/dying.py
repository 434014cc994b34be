"""`python -m tests.worlds.dying N TALLY …`: the command line, which kills itself at the N-th durable boundary.

Boundaries: the lease is taken, an act is over and not yet recorded, it is recorded, an audit entry is written. They are
counted in the file TALLY over all processes of one incident; what a replay only repeats does not count.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from ir.cli import main
from ir.core.model import Json
from ir.engine.dbos_steps import RecordedSteps
from ir.storage.leases import Leases
from ir.storage.process_identity import Me


class Tally:
    """How many were passed; strikes at one of them."""

    def __init__(self, at: int, file: Path) -> None:
        self._at, self.file = at, file
        self.acting, self.fresh = False, not file.exists()

    def passed(self, what: str) -> None:
        """One more; strikes when it is the one."""
        with self.file.open("a") as file:
            file.write(f"{what}\n")
        if len(self.file.read_text().splitlines()) == self._at:
            self.strike()

    def strike(self) -> None:
        """Die."""
        os.kill(os.getpid(), signal.SIGKILL)


def count(tally: Tally) -> None:
    """From now on this process counts its boundaries there."""
    step, emit, take = RecordedSteps.step, RecordedSteps.emit, Leases.take

    def counted_step(self: RecordedSteps, name: str, body: Callable[[], Json]) -> Json:
        fresh = []

        def acting() -> Json:
            fresh.append(name)
            tally.acting = True
            output = body()
            tally.passed(f"{name}: done, not recorded")
            return output

        output = step(self, name, acting)
        if fresh:
            tally.passed(f"{name}: recorded")
        return output

    def counted_emit(self: RecordedSteps, entry: Json) -> None:
        emit(self, entry)
        if tally.acting or tally.fresh:
            tally.passed(f"entry {entry['n']} written")

    def counted_take(self: Leases, holder: Me, incident: str, resources: Iterable[str]) -> int:
        fence = take(self, holder, incident, resources)
        tally.passed("lease taken")
        return fence

    RecordedSteps.step, RecordedSteps.emit, Leases.take = counted_step, counted_emit, counted_take  # type: ignore[method-assign]  # only here


if __name__ == "__main__":
    count(Tally(int(sys.argv[1]), Path(sys.argv[2])))
    sys.argv[1:3] = []
    main()
