"""Watch keys while a person clicks: one until it is dead, the other so that it does not die instead."""

from collections.abc import Callable
from typing import Protocol

from ir.adapters.issuers.dashboard_steps import EVERY
from ir.core.errors import Rejected
from ir.core.model import Probe
from ir.core.secret import Secret
from ir.ports import Clock, Issuer, Target

_SURE = 2


class GuidedIssuer(Issuer, Protocol):
    """An issuer whose clicks a person makes, and that can watch the key that must not die."""

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """Watch this key during the next `retire`; see `ports.Issuer.watch_also`."""
        ...


def until_dead(
    target: Target,
    spared: Secret | None,
    look: Callable[[Secret], Probe],
    clock: Clock,
    *,
    stop: Callable[[], bool],
    patience: float,
) -> bool:
    """Poll until the key is seen dead; False when `stop` or `patience` (seconds) ended the wait first.

    Raises:
        Rejected: the key that was to be *spared* answers as a dead one does, twice in a row: stop and recover.
    """
    end, dying = clock.elapsed() + patience, 0
    while True:
        dying = dying + 1 if spared is not None and look(spared).liveness.dead else 0
        if dying >= _SURE:
            raise _wrong_one(target)
        if not dying and look(target.value).liveness.dead:
            return True
        if stop() or clock.elapsed() >= end:
            return False
        clock.sleep(EVERY)


def _wrong_one(target: Target) -> Rejected:
    if target.replacement:
        return Rejected(
            "STOP: the old key was killed, the wrong row was clicked",
            safe="nothing else was changed; the replacement still works, the services do not hold it",
            next_step="leave the replacement alone and run `ir resume`: the way is forward now",
        )
    return Rejected(
        "STOP: the new key was killed, the wrong row was clicked",
        safe="nothing else was changed; whether the old key still works is shown by `ir status`",
        next_step="leave the old key alone, make another new key, and run `ir resume`",
    )
