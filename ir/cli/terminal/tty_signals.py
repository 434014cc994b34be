"""Signals while a terminal is held: those that end a process, Ctrl-Z and `fg`; each gives the terminal back, or takes it again."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[], None]
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_DEFAULTS = dict.fromkeys((*_ENDS, signal.SIGTSTP, signal.SIGCONT), signal.SIG_DFL) | {signal.SIGINT: signal.default_int_handler}


def listen(*, interrupted: Handler, ended: Handler, stopped: Handler, continued: Handler) -> None:
    """Call `interrupted` at Ctrl-C, `ended` before a signal ends this process, `stopped` before Ctrl-Z does, `continued` at `fg` and `bg`.

    Signals that are ignored (`nohup`), or that a command answers in its own way, are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted()
        signal.default_int_handler(number, frame)

    def end(number: int, _frame: FrameType | None) -> None:
        ended()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        go_on(signal.SIGCONT, None)  # at once where no shell waits for this process: then it was not stopped

    def go_on(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTSTP, stop)
        continued()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    for number in _ENDS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
    if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, stop)
        signal.signal(signal.SIGCONT, go_on)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No signal comes between; afterwards signals end or stop this process as they end or stop any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _DEFAULTS}
    for number in _DEFAULTS:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is signal.SIG_IGN else _DEFAULTS[number])
