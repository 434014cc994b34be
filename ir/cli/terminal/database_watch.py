"""Tell a person of a database that goes away: that `ir` waits for it, that it is back, or that the process ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ir.cli.terminal import tty_guard
from ir.cli.terminal.screen import Screen, show_error
from ir.engine.dbos_runner import Runner
from ir.storage.patience import Away, outage

_last_words = threading.Lock()


@contextmanager
def told(screen: Screen, runner: Runner) -> Iterator[None]:
    """For as long as an engine runs here."""

    def give_up(error: Away) -> NoReturn:
        with _last_words:  # called by the first to notice: the reader of the record, or the heartbeat
            screen.rest()
            show_error(error, as_json=screen.as_json)
            tty_guard.end_at_once(int(error.exit_code))

    outage.tell = screen.warn
    runner.heartbeat.away = give_up
    try:
        yield
    except Away as error:
        give_up(error)
