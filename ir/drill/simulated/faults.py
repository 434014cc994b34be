"""The fates of an outward call other than success, and ports that meet a script of them, one by one.

Ports speak the tree of `ir.core.errors`, so several fates of the wire are one here: a torn body, a page of HTML and a closed
connection after the deed are all *lost*, a 429 and a 500 before it are *busy*. Each of them by itself is met by the real
adapters in `tests/contract/test_bad_answers.py`.
"""

from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from ir.core.errors import Conflict, Denied, Rejected, Unknown, UsageError
from ir.core.model import Liveness, Probe
from ir.drill.simulated.clock import SimClock
from ir.drill.simulated.durable_engine import Crash
from ir.ports import Check


class Fate(StrEnum):
    """How one call goes; the value is its name on the command line."""

    REFUSED = "refused"
    REJECTED = "rejected"
    BUSY = "busy"
    HANGS = "hangs"
    SLOW = "slow"
    LOST = "lost"
    TWICE = "twice"
    UNKEPT = "unkept"
    LACKS_RIGHT = "lacks-right"
    CONFLICT = "conflict"
    STALE = "stale"
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - the name of a fate
    SEALED = "sealed"
    DISK_FULL = "disk-full"
    REVERTS = "reverts"
    LAGS = "lags"
    OLD_KEY = "old-key"
    FLAPS = "flaps"
    SAYS_NO = "says-no"
    BLOCKED = "blocked"
    CLOCK_FORWARD = "clock-forward"
    CLOCK_BACK = "clock-back"
    KILLED_BEFORE = "killed-before"
    KILLED_AFTER = "killed-after"

    @property
    def meaning(self) -> str:
        """What happens, in a few words."""
        return _MEANINGS[self]


_MEANINGS = {
    Fate.REFUSED: "refused: no permission",
    Fate.REJECTED: "rejected",
    Fate.BUSY: "429 or 500, nothing was done",
    Fate.HANGS: "hangs until the time-out, nothing was done",
    Fate.SLOW: "done, and answered after a minute and a half",
    Fate.LOST: "done, then the answer was lost",
    Fate.TWICE: "done twice",
    Fate.UNKEPT: "lost before it was kept",
    Fate.LACKS_RIGHT: "made without a right that services use",
    Fate.CONFLICT: "somebody else wrote",
    Fate.STALE: "an old answer",
    Fate.EXPIRED_TOKEN: "the token has expired: refused until a person renews it",
    Fate.SEALED: "sealed: no answer until a person opens it",
    Fate.DISK_FULL: "disk full, until a person makes room",
    Fate.REVERTS: "done, then the old value is put back",
    Fate.LAGS: "done, and for two minutes the copy that is read is behind",
    Fate.OLD_KEY: "comes up on the old key",
    Fate.FLAPS: "flaps between the keys",
    Fate.SAYS_NO: "says no",
    Fate.BLOCKED: "blocked by address",
    Fate.CLOCK_FORWARD: "the clock jumps two hours forward",
    Fate.CLOCK_BACK: "the clock jumps two hours back",
    Fate.KILLED_BEFORE: "killed before the call",
    Fate.KILLED_AFTER: "killed after the call",
}
KILLS = (Fate.KILLED_BEFORE, Fate.KILLED_AFTER)
ANYWHERE = (*KILLS, Fate.SLOW, Fate.CLOCK_FORWARD, Fate.CLOCK_BACK)
"""Fates that every call may meet."""
_WRITE = (Fate.REFUSED, Fate.BUSY, Fate.HANGS, Fate.LOST, Fate.TWICE)
_LASTS = (Fate.EXPIRED_TOKEN, Fate.SEALED)
FATES: dict[str, tuple[Fate, ...]] = {
    "issuer.mint": (Fate.REJECTED, Fate.BUSY, Fate.HANGS, Fate.LOST, Fate.UNKEPT, Fate.TWICE, Fate.LACKS_RIGHT, Fate.EXPIRED_TOKEN),
    "issuer.widen": (*_WRITE, Fate.EXPIRED_TOKEN),
    "issuer.retire": (*_WRITE, Fate.REJECTED, Fate.EXPIRED_TOKEN),
    "issuer.contain": (*_WRITE, Fate.EXPIRED_TOKEN),
    "issuer.strays": (Fate.BUSY, Fate.HANGS, Fate.REFUSED, Fate.EXPIRED_TOKEN),
    "issuer.identify": (Fate.STALE,),
    "issuer.probe": (Fate.BUSY, Fate.HANGS, Fate.BLOCKED),
    "store.read": (Fate.BUSY, Fate.HANGS, Fate.REFUSED, Fate.STALE, *_LASTS),
    "store.stage": (*_WRITE, Fate.LAGS, Fate.CONFLICT, Fate.DISK_FULL, *_LASTS),
    "store.promote": (*_WRITE, Fate.LAGS, Fate.CONFLICT, Fate.DISK_FULL, Fate.REVERTS, *_LASTS),
    "store.undo": (*_WRITE, Fate.LAGS, Fate.CONFLICT, Fate.DISK_FULL, *_LASTS),
    "store.keep": (*_WRITE, Fate.LAGS, Fate.DISK_FULL, *_LASTS),
    "store.fetch": (Fate.BUSY, Fate.HANGS, Fate.REFUSED, Fate.STALE, *_LASTS),
    "store.discard": (*_WRITE, Fate.LAGS, Fate.DISK_FULL, *_LASTS),
    "service.check": (Fate.HANGS, Fate.SAYS_NO, Fate.FLAPS),
    "service.reload": (Fate.REJECTED, Fate.BUSY, Fate.HANGS, Fate.LOST, Fate.TWICE, Fate.OLD_KEY, Fate.FLAPS),
    "reviewer.review": (Fate.BUSY, Fate.HANGS),
    "reviewer.sweep": (Fate.BUSY, Fate.HANGS),
    "reviewer.money": (Fate.BUSY, Fate.HANGS),
    "other.compare": (),
    "disk.publish": (Fate.DISK_FULL,),
}
"""Which fates make sense for which call, besides those of `ANYWHERE`."""
TIME_OUT = 30.0
_SLOWNESS = 90.0
_JUMP = 7200.0

_RAISED = {
    Fate.REFUSED: Denied("the permission was taken away"),
    Fate.REJECTED: Rejected("it said no"),
    Fate.BUSY: Unknown("429"),
    Fate.HANGS: Unknown("no answer"),
    Fate.CONFLICT: Conflict("somebody else wrote"),
}
_SHUTS = {
    Fate.EXPIRED_TOKEN: Denied("the token has expired"),
    Fate.SEALED: Unknown("it is sealed"),
    Fate.DISK_FULL: Unknown("no space left on the device"),
}


def named(words: str) -> frozenset[Fate]:
    """Fates by their names, separated by commas; `all`, and nothing, say what they mean.

    Raises:
        UsageError: a name is not one.
    """
    names = [word.strip() for word in words.split(",") if word.strip()]
    if names == ["all"]:
        return frozenset(Fate)
    unknown = sorted(set(names) - set(Fate))
    if unknown:
        raise UsageError(f"--faults {', '.join(unknown)}: not known", next_step=f"one or more of: all, {', '.join(Fate)}")
    return frozenset(Fate(name) for name in names)


class Script:
    """Fates in waiting, per call; each is met once. `tick` is told of every outward call before it is made."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.waiting: dict[str, list[Fate]] = defaultdict(list)
        self.met: list[tuple[str, Fate]] = []
        self.calls: list[str] = []
        self.tick: Callable[[str], None] = lambda _call: None
        self.before: Callable[[str, tuple[Any, ...]], None] = lambda _call, _args: None

    def next(self, call: str) -> Fate | None:
        """What the next such call meets."""
        if not self.waiting[call]:
            return None
        fate = self.waiting[call].pop(0)
        self.met.append((call, fate))
        return fate

    def clear(self) -> None:
        """Nothing more goes wrong."""
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
            fate = script.next(call)
            if fate in ANYWHERE:
                return _anywhere(script.clock, fate, call, lambda: found(*args, **kwargs))
            if fate in (Fate.HANGS, Fate.LOST):
                script.clock.sleep(TIME_OUT)
            return _meet(self._port, name, fate, lambda: found(*args, **kwargs))

        return fated


def _anywhere(clock: SimClock, fate: Fate, call: str, act: Callable[[], Any]) -> Any:
    if fate is Fate.KILLED_BEFORE:
        raise Crash(call)
    if fate in (Fate.CLOCK_FORWARD, Fate.CLOCK_BACK):
        clock.jump(_JUMP if fate is Fate.CLOCK_FORWARD else -_JUMP)
    result = act()
    if fate is Fate.KILLED_AFTER:
        raise Crash(call)
    if fate is Fate.SLOW:
        clock.sleep(_SLOWNESS)
    return result


def _meet(port: Any, name: str, fate: Fate | None, act: Callable[[], Any]) -> Any:
    if fate is None:
        return act()
    if name == "probe":
        at = port.clock.now().timestamp()
        return Probe(Liveness.BLOCKED, 401, at=at) if fate is Fate.BLOCKED else Probe(Liveness.UNKNOWN, at=at)
    if name == "check" and fate is not Fate.FLAPS:
        return Check(None if fate is Fate.HANGS else False, port.proves, f"a check that {fate}")
    if fate is Fate.CONFLICT:
        port.put(port.value)  # the neighbouring field: ours is as it was, the version is not
    if fate in _RAISED:
        raise _RAISED[fate]
    if fate in _SHUTS:
        port.shut = _SHUTS[fate]
        return act()
    return _acted(port, name, fate, act)


def _acted(port: Any, name: str, fate: Fate, act: Callable[[], Any]) -> Any:
    if fate is Fate.STALE:
        if name != "read":
            return None
        port.changed()  # its content cannot be seen
        return port.earlier()
    if fate is Fate.OLD_KEY:
        return port.come_up_on_the_old_key()
    if fate is Fate.FLAPS:
        port.flaps = 3
        return act()
    if fate in (Fate.TWICE, Fate.UNKEPT, Fate.LACKS_RIGHT) and name == "mint":
        port.double_next, port.lose_next, port.lacks_next = fate is Fate.TWICE, fate is Fate.UNKEPT, fate is Fate.LACKS_RIGHT
        return act()
    result = act()
    if fate is Fate.TWICE:
        return act()
    if fate is Fate.REVERTS:
        port.reverts_in = 4
    if fate is Fate.LAGS:
        port.behind()
    if fate is Fate.LOST:
        raise Unknown("the answer was lost")
    return result
