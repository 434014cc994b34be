"""Faults of an embedded drill: the twin's answers to the tool are spoilt, and its process is killed."""

from random import Random

from ir.drill.simulated.faults import KILLS, Fate
from ir.drill.twin import faults
from ir.drill.twin.faults import Chance
from ir.drill.twin.message import Request

PLAYED: dict[Fate, tuple[faults.Fate, ...]] = {
    Fate.REFUSED: (faults.REFUSED,),
    Fate.BUSY: (faults.too_many(), faults.too_many(None), faults.broken(should_retry=True), faults.broken(should_retry=False)),
    Fate.HANGS: (faults.HANG,),
    Fate.SLOW: (faults.slow(1.5),),
    Fate.LOST: (faults.LOST, faults.HANG_AFTER, faults.TORN, faults.WRONG_TYPE, faults.broken(should_retry=False, acted=True)),
    Fate.TWICE: (faults.TWICE,),
}
"""Fates that a network can play, as the twin plays them; besides them the process can be killed, and the inventory forget a right."""
HERE = frozenset({*PLAYED, *KILLS, Fate.LACKS_RIGHT})
_RATE = 0.08
_MOST_SPOILT, _MOST_KILLS = 8, 3
_LATEST_KILL = 9.0


class Trouble:
    """Decides about the tool's calls to the twin (see `twin.fates.Decide`), and when its process dies; services are left in peace.

    Attributes:
        spoilt: what calls met, in order of arrival.
        kills: how often the process was killed.
    """

    def __init__(self, seed: int, chosen: frozenset[Fate]) -> None:
        played = [one for fate in sorted(chosen) for one in PLAYED.get(fate, ())]
        self._chance = Chance(seed, _RATE if played else 0.0, played)
        self._dice = Random(seed)  # noqa: S311 - moments, nothing secret
        self._left = self._dice.randint(1, _MOST_KILLS) if chosen & set(KILLS) else 0
        self.spoilt: list[str] = []
        self.kills = 0

    def __call__(self, request: Request) -> faults.Fate | None:
        """See `twin.fates.Decide`."""
        if request.path.startswith("/v1/payment_intents") or len(self.spoilt) >= _MOST_SPOILT:
            return None
        fate = self._chance(request)
        if fate is not None:
            self.spoilt.append(f"{request.method} {request.path}: {fate.what}")
        return fate

    def moment(self) -> float:
        """Seconds after its start at which the next command is killed; 0.0: it is not."""
        if not self._left:
            return 0.0
        self._left -= 1
        return self._dice.uniform(1.0, _LATEST_KILL)
