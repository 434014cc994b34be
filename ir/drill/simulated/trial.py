"""One incident in the simulated world, advanced tick by tick: between two ticks anything may happen to the world.

A tick stands before every outward call, before and after every durable record, and before and after every audit entry. The
workflow runs in a thread of its own, but only while it was given ticks, so that everything is in a fixed order.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from ir.core.model import Json
from ir.drill.simulated.durable_engine import Crash, Journal, Parked, Replay
from ir.drill.simulated.faults import Fated, Script
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident.context import Options, World
from ir.incident.custody import Custody
from ir.incident.folding import absorb
from ir.incident.plan import Plan
from ir.incident.record import Incident
from ir.incident.world_parts import KeysAtHand, Run
from ir.ports import Issuer, Reloader, Reviewer, Store, Verifier

T = TypeVar("T")
R = TypeVar("R")
ENDLESS = 20_000
"""More ticks than any workflow can need."""


@dataclass(frozen=True)
class OneByOne(World):
    """Things are done in order instead of side by side: what happens depends on the script alone."""

    def each(self, things: Sequence[T], work: Callable[[T], R]) -> list[R]:
        """See `World.each`."""
        return [work(thing) for thing in things]

    def within(self, seconds: float, call: Callable[[], T]) -> T:
        """See `World.within`; real time does not pass here."""
        return call()


class Attentive(Workflow):
    """Looks for signals at every chance; real time does not pass here."""

    listens_every = 0.0


class _Ticking(Replay):
    """A durable engine that can be stopped before and after each record."""

    def __init__(self, journal: Journal, tick: Callable[[str], None], began: Callable[[str], None]) -> None:
        super().__init__(journal)
        self._tick, self._began = tick, began

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        if self.place < len(self.journal.outputs):
            return super().step(name, body)

        def ticking() -> Json:
            self._tick(f"begin {name}")
            self._began(name)
            output = body()
            self._tick(f"record {name}")
            return output

        output = super().step(name, ticking)
        self._tick(f"recorded {name}")
        return output

    def emit(self, entry: Json) -> Json | None:
        fresh = self.written >= len(self.journal.stream)
        word = super().emit(entry)
        if fresh:
            self._tick("emitted")
        return word


class Trial:
    """A simulation whose outward calls meet their fates, and a workflow through it.

    Attributes:
        met_before: step → how many fates had been met when its latest attempt began.
        state: `new | running | parked | crashed | ended`.
        code: the exit code, once it has ended.
    """

    def __init__(self, policy: str, *, guided: bool, options: Options | None = None, seed: int = 0, write_only: bool = False) -> None:
        self.sim = Simulation(policy, guided=guided, options=options, seed=seed, write_only=write_only)
        self.sim.plan = _hurried(self.sim.plan)
        self.journal, self.script = Journal(), Script(self.sim.clock)
        self.state, self.code, self.error = "new", -1, ""
        self.trace: list[str] = []
        self.step_began = 0
        self.began: dict[str, int] = {}
        self.met_before: dict[str, int] = {}
        self._ticks, self._killed = 0, False
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self.actors = 0
        self.on_step: Callable[[str], None] = lambda _step: None
        self._record, self._folded = Incident(), 0

    @property
    def record(self) -> Incident:
        """As the audit stream tells it."""
        for entry in self.journal.stream[self._folded :]:
            absorb(self._record, entry)
        self._folded = len(self.journal.stream)
        return self._record

    def advance(self, ticks: int = ENDLESS) -> str:
        """Let it run for some ticks, or until it parks, ends or dies; returns the state."""
        if self.state == "ended" or not ticks:
            return self.state
        if self.state != "running":
            self._start()
        self._ticks = ticks
        self._go.release()
        self._stopped.acquire()
        if self.error:
            raise AssertionError(self.error)
        return self.state

    def crash(self) -> None:
        """`kill -9`, here and now."""
        if self.state != "running":
            return
        self._killed = True
        self._go.release()
        self._stopped.acquire()
        self._killed = False

    def _start(self) -> None:
        self.state = "running"
        self.actors += 1
        self.sim.operator.name = f"operator-{self.actors}"
        self._thread = threading.Thread(target=self._run, args=(self._world(),), daemon=True)
        self._thread.start()

    def _run(self, world: World) -> None:
        self._go.acquire()
        try:
            self._check_killed()
            engine = _Ticking(self.journal, self._tick, self._began)
            self.code = Attentive(engine, world, self.sim.opening()).run()
            self.state = "ended"
        except Parked:
            self.state = "parked"
        except Crash:
            self.state = "crashed"
        except BaseException as error:  # noqa: BLE001 - it belongs to the test, in another thread
            import traceback

            self.state, self.error = "crashed", f"{error!r}\n{traceback.format_exc()}"
        finally:
            self._stopped.release()

    def _tick(self, what: str) -> None:
        self.trace.append(what)
        self._ticks -= 1
        if self._ticks <= 0:
            self._stopped.release()
            self._go.acquire()
        self._check_killed()

    def _check_killed(self) -> None:
        if self._killed:
            raise Crash

    def _began(self, name: str) -> None:
        self.step_began = len(self.script.calls)
        self.began[name.partition("#")[0]] = self.step_began
        self.met_before[name.partition("#")[0]] = len(self.script.met)
        self.on_step(name.partition("#")[0])

    def _world(self) -> World:
        """A new process: nothing but the outside world is left of the one before, and only the first began the incident."""
        sim, script = self.sim, self.script
        script.tick = self._tick
        stores = {name: cast(Store, Fated(store, "store", script)) for name, store in sim.stores.items()}
        made, elsewhere = sim.world, Fated(sim.other, "other", script).compare
        ports = replace(
            made.ports,
            issuer=cast(Issuer, Fated(sim.provider, "issuer", script)),
            stores=stores,
            verifiers={n: [cast(Verifier, Fated(s, "service", script))] for n, s in sim.services.items()},
            reloaders={n: cast(Reloader, Fated(s, "service", script)) for n, s in sim.services.items()},
            custody=Custody(sim.incident, cast(Any, list(stores.values()))),
            reviewer=cast(Reviewer, Fated(sim.reviewer, "reviewer", script)),
        )
        return OneByOne(
            incident=made.incident,
            inventory=made.inventory,
            account=made.account,
            key=made.key,
            plan=sim.plan,
            options=made.options,
            ports=ports,
            lookups=replace(made.lookups, elsewhere=elsewhere, elsewhere_lately=elsewhere),
            hooks=replace(made.hooks, publish=Fated(sim.disk, "disk", script).publish),
            keys=KeysAtHand(),
            run=Run(made.run.scratch, made.run.patient, fresh=self.actors == 1),
        )


_SHORT = {"patience": 3.0, "soak": 2.0, "for": 4.0, "limit": 60.0, "every": 2.0}


def _hurried(plan: Plan) -> Plan:
    """The same steps with less waiting."""
    steps = [replace(step, params={k: min(v, _SHORT[k]) if k in _SHORT else v for k, v in step.params.items()}) for step in plan.steps]
    return replace(plan, steps=tuple(steps))
