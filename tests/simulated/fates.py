"""What may happen to any outward call besides going well; ports that meet a script of such fates, one by one."""

from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from ir.errors import Conflict, Denied, Rejected, Unknown
from ir.model import Liveness, Probe
from ir.ports import Check
from tests.simulated.journal import Crash


class Fate(StrEnum):
    """How one call goes."""

    REFUSED = "refused"
    REJECTED = "rejected"
    UNKNOWN = "unknown, nothing was done"
    LOST = "done, then the answer was lost"
    TWICE = "done twice"
    CONFLICT = "somebody else wrote"
    STALE = "an old answer"
    EMPTY = "lost before it was kept"
    OLD = "comes up on the old key"
    WRONG = "says no"
    BLOCKED = "blocked by address"
    KILLED_BEFORE = "killed before the call"
    KILLED_AFTER = "killed after the call"


_WRITE = (Fate.REFUSED, Fate.UNKNOWN, Fate.LOST, Fate.TWICE)
FATES: dict[str, tuple[Fate, ...]] = {
    "issuer.mint": (Fate.REJECTED, Fate.UNKNOWN, Fate.LOST, Fate.EMPTY, Fate.TWICE),
    "issuer.retire": (*_WRITE, Fate.REJECTED),
    "issuer.contain": _WRITE,
    "issuer.strays": (Fate.UNKNOWN, Fate.REFUSED),
    "issuer.identify": (Fate.EMPTY,),
    "issuer.probe": (Fate.UNKNOWN, Fate.BLOCKED),
    "store.read": (Fate.UNKNOWN, Fate.REFUSED, Fate.STALE),
    "store.stage": (*_WRITE, Fate.CONFLICT),
    "store.promote": (*_WRITE, Fate.CONFLICT),
    "store.undo": (*_WRITE, Fate.CONFLICT),
    "store.keep": _WRITE,
    "store.fetch": (Fate.UNKNOWN, Fate.REFUSED),
    "store.discard": _WRITE,
    "service.check": (Fate.UNKNOWN, Fate.WRONG),
    "service.reload": (Fate.REJECTED, Fate.UNKNOWN, Fate.LOST, Fate.TWICE, Fate.OLD),
    "reviewer.review": (Fate.UNKNOWN,),
    "reviewer.sweep": (Fate.UNKNOWN,),
    "reviewer.money": (Fate.UNKNOWN,),
}
"""Which fates make sense for which call."""

_RAISED = {
    Fate.REFUSED: Denied("the permission was taken away"),
    Fate.REJECTED: Rejected("it said no"),
    Fate.UNKNOWN: Unknown("no answer"),
    Fate.CONFLICT: Conflict("somebody else wrote"),
}


class Script:
    """Fates in waiting, per call; each is met once. `tick` is told of every outward call before it is made."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Fate]] = defaultdict(list)
        self.met: list[tuple[str, Fate]] = []
        self.calls: list[str] = []
        self.tick: Callable[[str], None] = lambda _call: None
        self.before: Callable[[str, tuple[Any, ...]], None] = lambda _call, _args: None

    def next(self, call: str) -> Fate | None:
        if not self.waiting[call]:
            return None
        fate = self.waiting[call].pop(0)
        self.met.append((call, fate))
        return fate

    def clear(self) -> None:
        self.waiting.clear()


class Fated:
    """A port of the simulated world whose outward calls meet their fates; everything else passes through."""

    def __init__(self, port: Any, kind: str, script: Script) -> None:
        self._port, self._kind, self._script = port, kind, script

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        call = f"{self._kind}.{name}"
        if call not in FATES:
            return found

        def fated(*args: Any, **kwargs: Any) -> Any:
            script = self._script
            script.calls.append(call)
            script.tick(call)
            script.before(call, (self._port, *args))
            return _meet(self._port, name, script.next(call), lambda: found(*args, **kwargs))

        return fated


def _meet(port: Any, name: str, fate: Fate | None, act: Callable[[], Any]) -> Any:
    if fate is None:
        return act()
    if fate is Fate.KILLED_BEFORE:
        raise Crash(name)
    if fate is Fate.KILLED_AFTER:
        act()
        raise Crash(name)
    if name == "probe":
        at = port.clock.time.timestamp()
        return Probe(Liveness.BLOCKED, 401, at=at) if fate is Fate.BLOCKED else Probe(Liveness.UNKNOWN, at=at)
    if name == "check":
        return Check(None if fate is Fate.UNKNOWN else False, port.proves, f"a check that {fate}")
    if fate in _RAISED:
        raise _RAISED[fate]
    if name == "mint" and fate is Fate.EMPTY:
        port.lose_next = True
    if name == "identify":
        return None
    return _acted(port, name, fate, act)


def _acted(port: Any, name: str, fate: Fate, act: Callable[[], Any]) -> Any:
    if fate is Fate.STALE:
        return port.earlier()
    if fate is Fate.OLD:
        return port.come_up_on_the_old_key()
    if fate is Fate.TWICE and name == "mint":
        port.double_next = True
        return act()
    result = act()
    if fate is Fate.TWICE:
        return act()
    if fate is Fate.LOST:
        raise Unknown("the answer was lost")
    return result
