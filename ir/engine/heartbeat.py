"""Heartbeats: other processes see by them that an incident is worked on, and that a worker lives."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import sqlalchemy as sa

from ir.core.errors import ExitCode
from ir.storage.leases import Leases
from ir.storage.patience import Away, FellBack
from ir.storage.process_identity import Me

TAKEN_OVER = 70
"""Exit code of a process whose incident another process took over."""
BEAT = 5.0
"""Seconds between two heartbeats."""


class Heartbeat:
    """The heartbeat of the incidents of this process.

    Attributes:
        fences: incident → the fence of the lease that this process holds for it.
        taken_over: ends this process at once: another process took one of its incidents over, and every further act would be done twice.
        away: ends this process at once: the database did not come back, and another process may take its incidents over.
    """

    def __init__(self, leases: Leases, me: Me) -> None:
        self._leases, self._me = leases, me
        self.fences: dict[str, int] = {}
        self.taken_over: Callable[[], NoReturn] = lambda: os._exit(TAKEN_OVER)
        self.away: Callable[[Away], None] = lambda _error: os._exit(int(ExitCode.UNEXPECTED))

    def begin(self) -> None:
        """Beat until the process ends."""
        threading.Thread(target=keep_beating, args=(self._beat, self._lost), daemon=True, name="ir-heartbeat").start()

    def _lost(self, error: Away) -> None:
        self.fences.clear()
        self.away(error)

    def _beat(self) -> None:
        for incident, fence in list(self.fences.items()):
            if self._leases.beat(self._me, incident, fence) or incident not in self.fences:
                continue
            if self._leases.forgotten(incident, fence):
                raise FellBack
            if self._leases.holder(incident):
                self.taken_over()


def keep_beating(beat: Callable[[], None], lost: Callable[[Away], None], ended: threading.Event | None = None) -> None:
    """Call `beat` every few seconds until the process or (`ended`) the work ends; `lost` when the database does not come back."""
    pause = ended or threading.Event()
    while not pause.wait(BEAT):
        try:
            with suppress(sa.exc.OperationalError):  # the disk is full: the next beat comes in time
                beat()
        except Away as error:
            lost(error)
            return
