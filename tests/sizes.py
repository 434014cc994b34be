"""How many examples a test of hostile input tries: the usual number in CI, `IR_FUZZ` times as many where that is set."""

import os

_TIMES = int(os.environ.get("IR_FUZZ", "1"))


def examples(usual: int) -> int:
    """The usual number, or many times as many."""
    return usual * _TIMES
