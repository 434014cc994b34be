"""The whole life of a key in a store whose server answers badly, call by call: real adapter, real server, a proxy between them.

Each operation is tried until it goes through; its first call meets the fate in the first try, its second in the second, and
so on, on top of whatever the tries before have left behind. `IR_BAD_ANSWERS=all`: every call of every operation, every
fate; otherwise of the later calls some, and of fates that look alike from here one.
"""

import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ir.core.errors import Denied, PortError, Unknown
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.bad_network import LOST, Answer, Bad, Proxy, Request, proxy
from tests.worlds.joined import WORLDS
from tests.worlds.stores import StoreWorld, key

INCIDENT = "INC-20261123-ab12"
ALL = os.environ.get("IR_BAD_ANSWERS") == "all"
SPARED = range(60) if ALL else (0, 1, 2, 4, 8, 16, 60)
"""Calls that go well before one is spoilt, try by try; no operation makes as many as the last."""
_TIMEOUT, _SHORT = 5.0, 0.5
"""Seconds; the short one where answers are late, because waiting is dear."""
HTML = Answer(200, b"<html><body>Please sign in to the hotel's network.</body></html>", (("Content-Type", "text/html"),))
JSON = Answer(200, b'{"status": "ok"}')
EVERY_CALL = {
    "refused": Bad(times=0, part=0.0, cut=True),
    "lost": LOST,
    "torn": Bad(part=0.5, cut=True),
    "empty": Bad(part=0.0),
    "a page, nothing done": Bad(times=0, instead=HTML),
    "twice": Bad(times=2),
    **({"a page": Bad(instead=HTML)} if ALL else {}),
}
FRAMED = {
    "half": Bad(part=0.5),
    "other JSON, nothing done": Bad(times=0, instead=JSON),
    **({"other JSON": Bad(instead=JSON)} if ALL else {}),
}
"""Only where an answer has a shape that it can be told by: Conjur sends values as they are."""
WRITES = {"late": Bad(late=_SHORT + 0.1)}
"""Only writes are kept waiting; silence at reads: `test_store_contract`."""
LASTING = ("expired token", "sealed")
SAID = ("too many", "broken, done", *LASTING, *(("broken",) if ALL else ()))
HOSTS = ("gcp-sm, whole", "azure-kv, field", "k8s")
STORES = ("aws, field", "aws-ssm, whole", *HOSTS, "vault", "conjur", *(("conjur, field",) if ALL else ()))


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreWorld]:
    monkeypatch.setattr("botocore.endpoint.time", _Hurried)  # the SDK rests before it tries again
    for made in WORLDS[request.param](request):
        made.framed = not request.param.startswith("conjur")  # type: ignore[attr-defined]
        yield made


class _Hurried:
    @staticmethod
    def sleep(_seconds: float) -> None:
        """At once."""


@dataclass
class Strike:
    """Spoils the call that comes after `spared` others, and whatever repeats it; a call is told by all that was sent.

    Attributes:
        lasts: all that come after it, too: a login that has ended, a sealed server.
    """

    bad: Bad
    lasts: bool
    spared: int
    chosen: Callable[[Request], bool]
    seen: list[tuple[str, str, bytes, str]] = field(default_factory=list)

    @property
    def struck(self) -> bool:
        return len(self.seen) > self.spared

    def __call__(self, request: Request) -> Bad | None:
        call = (request.method, request.path, request.body, request.headers.get("X-Amz-Target", ""))
        if not self.chosen(request):
            return None
        if call not in self.seen:
            self.seen.append(call)
        number = self.seen.index(call)
        return self.bad if number == self.spared or (self.lasts and self.struck) else None


@dataclass(frozen=True)
class Life:
    """One key of one store, from custody to the end."""

    world: StoreWorld
    way: Proxy
    bad: Bad
    lasts: bool
    allowed: tuple[type[PortError], ...]
    chosen: Callable[[Request], bool]
    ref: Reference
    old: Secret
    new: Secret

    def through(self, work: Callable[[Store], Any], holds: Callable[[Any], bool]) -> None:
        """Try until nothing strikes; what is claimed must be so, what failed must not have harmed anybody."""
        for spared in SPARED:
            self.way.spoils = strike = Strike(self.bad, self.lasts, spared, self.chosen)
            answer, error = self._tried(work)
            if error is not None:
                told = "".join(traceback.format_exception(error))
                assert isinstance(error, self.allowed), told
                assert self.old.reveal() not in told and self.new.reveal() not in told
                assert strike.struck or self.bad.cut or self.bad.late, told  # a cut line may be noticed by the next call only
            else:
                assert holds(answer), answer
                if not strike.struck:
                    return
            assert self.world.seen(self.ref) in (self.old.reveal(), self.new.reveal())
            assert not self.world.neighbours or self.world.neighbour(self.ref) == "kept"
        raise AssertionError("it never goes through")

    def _tried(self, work: Callable[[Store], Any]) -> tuple[Any, PortError | None]:
        try:
            with self.world.through(self.way.address):
                return work(self.world.make(self.ref, timeout=_SHORT if self.bad.late else _TIMEOUT)), None
        except PortError as error:
            return None, error


def fates(world: StoreWorld) -> Iterator[tuple[str, Bad, tuple[type[PortError], ...], Callable[[Request], bool]]]:
    """Name, what happens, what may be raised, to which requests."""

    def every(_request: Request) -> bool:
        return True

    said = world.refusals()
    for name, bad in (*EVERY_CALL.items(), *(FRAMED.items() if world.framed else ())):  # type: ignore[attr-defined]
        yield name, bad, (() if name == "twice" else (Unknown,)), every
    for name, bad in WRITES.items():
        yield name, bad, (Unknown,), world.is_write
    for name, answer in said.items():
        yield name, Bad(times=0, instead=answer), ((Denied,) if name == "expired token" else (Unknown,)), every
    yield "broken, done", Bad(instead=said["broken"]), (Unknown,), every


@pytest.mark.server
@pytest.mark.parametrize("fate", [*EVERY_CALL, *FRAMED, *WRITES, *SAID])
def test_a_life_among_bad_answers(world: StoreWorld, fate: str) -> None:
    found = next((one for one in fates(world) if one[0] == fate), None)
    if found is None:
        pytest.skip("this server cannot answer so")
    old, new = key(), key()
    ref = world.place(old)
    if world.neighbours:
        world.write_neighbour(ref, "kept")
    with proxy(world.upstream) as way:
        _, bad, allowed, chosen = found
        live(Life(world, way, bad, fate in LASTING, allowed, chosen, ref, old, new))


def live(life: Life) -> None:
    world, ref, old, new = life.world, life.ref, life.old, life.new
    before = world.make(ref).read().version
    life.through(lambda store: store.read(), lambda held: bool(held.value == old and held.version == before))
    life.through(lambda store: store.check_write(INCIDENT), lambda said: bool(said.said))
    life.through(lambda store: store.pending(INCIDENT), lambda found: found is None)
    life.through(lambda store: store.keep(INCIDENT, "old", old), lambda _: world.make(ref).fetch(INCIDENT, "old") == old)
    life.through(lambda store: store.fetch(INCIDENT, "old"), lambda kept: bool(kept == old))
    life.through(lambda store: store.stage(INCIDENT, new), lambda _: world.make(ref).fetch(INCIDENT, "staged") == new)
    assert world.seen(ref) == old.reveal()
    life.through(lambda store: store.left(INCIDENT), lambda left: set(left.roles) == {"old", "staged"})
    life.through(lambda store: store.promote(INCIDENT, new, expected=before), lambda _: world.seen(ref) == new.reveal())
    life.through(lambda store: store.undo(INCIDENT, old, new), lambda _: world.seen(ref) == old.reveal())
    assert world.make(ref).fetch(INCIDENT, "old") == old
    life.through(lambda store: store.discard(INCIDENT), lambda _: world.traces(ref, INCIDENT) == [])
    assert world.seen(ref) == old.reveal()
