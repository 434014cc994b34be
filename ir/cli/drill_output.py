"""What a drill's own `ir` prints, passed on as it comes: to standard output, or beside a JSON document."""

import shutil
import sys
from typing import TextIO


class DrillOutput:
    """Where the output of the rehearsed command goes.

    Attributes:
        stream: standard output; standard error where a JSON document has standard output for itself.
        columns: of the terminal, 0 = there is none.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.stream: TextIO = sys.stderr if as_json else sys.stdout
        self.columns = shutil.get_terminal_size().columns if self.stream.isatty() else 0

    def show(self, chunk: bytes) -> None:
        """Pass on, at once."""
        self.stream.buffer.write(chunk)
        self.stream.flush()
