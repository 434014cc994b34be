"""`python -m tests.worlds.cutting N TALLY …`: the command line, which waits at the N-th durable boundary until its database was cut.

The file TALLY.cut is there as long as it waits; see `tests.worlds.dying` for boundaries.
"""

import sys
import time
from pathlib import Path

from ir.cli import main
from tests.worlds.dying import Tally, count


class _Cut(Tally):
    def strike(self) -> None:
        asks = self.file.with_suffix(".cut")
        asks.touch()
        while asks.exists():
            time.sleep(0.01)


if __name__ == "__main__":
    count(_Cut(int(sys.argv[1]), Path(sys.argv[2])))
    sys.argv[1:3] = []
    main()
