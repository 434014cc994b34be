"""Begin and end a process of ours at once: Python looks for garbage while everything is imported, and takes all of it down at the end.

Neither finds anything in a command that lives for a second, and together they take half of that second.
"""

import atexit
import gc
import os
import sys
from contextlib import suppress


class Ending:
    """Ends this process with an exit code, after everything else that is to be done at its exit.

    Attributes:
        code: None: Python ends it, as it ends any process.
    """

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self) -> None:
        """Called by Python once other threads have ended; an output that is gone is left to Python, which tells of it."""
        if self.code is None:
            return
        with suppress(OSError, ValueError):
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            os._exit(self.code)


def begin() -> Ending:
    """The ending of this process. What is to be done at the exit is done before it, if that is asked for after this."""
    ending = Ending()
    atexit.register(ending)
    return ending


def importing() -> None:
    """Look for no garbage until `imported`."""
    gc.disable()


def imported() -> None:
    """From now on look for garbage again, though not in what was imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
