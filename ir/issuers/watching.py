"""Watching keys while a human clicks: the old one until it is dead, the new one so that it does not die instead."""

from collections.abc import Callable
from typing import Protocol

from ir.errors import Rejected
from ir.model import Probe
from ir.ports import Clock, Issuer
from ir.secret import Secret

EVERY = 2.0
"""Seconds between two looks; each look is a request of the old key, marked as ours."""

_SURE = 2


class GuidedIssuer(Issuer, Protocol):
    """An issuer whose clicks a human makes, and that can keep an eye on the key that must not die."""

    def watch_also(self, new: Secret, *, created: float = 0.0) -> None:
        """Watch this key during the next `retire`; `created` (epoch seconds) helps the human to tell the rows apart."""
        ...


def until_dead(
    old: Secret,
    new: Secret | None,
    look: Callable[[Secret], Probe],
    clock: Clock,
    *,
    stop: Callable[[], bool],
    patience: float,
) -> bool:
    """Poll until the old key is seen dead; False when `stop` or `patience` (seconds) ended the wait first.

    Raises:
        Rejected: the *new* key answers as a dead one does, twice in a row: stop and recover.
    """
    end, dying = clock.elapsed() + patience, 0
    while True:
        dying = dying + 1 if new is not None and look(new).liveness.dead else 0
        if dying >= _SURE:
            raise Rejected(
                "STOP: the new key was killed, the wrong row was clicked",
                safe="nothing else was changed; whether the old key still works is shown by `ir status`",
                next_step="leave the old key alone, make another new key, and run `ir resume`",
            )
        if not dying and look(old).liveness.dead:
            return True
        if stop() or clock.elapsed() >= end:
            return False
        clock.sleep(EVERY)
