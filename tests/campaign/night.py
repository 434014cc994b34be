"""A night of one worker in simulated time: the real worker, ledger and engine, the shipped waits, a simulated world.

Incidents run side by side, as in a real worker: once all of them wait, time goes on to the next moment that any of them waits for.
Each outward call takes `CALL` seconds. `benchmarks/campaign.py --waits` prints the pace of 30 keys.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from ir import inventory
from ir.core.reference import parse
from ir.drill.simulated.clock import SimClock
from ir.drill.simulated.provider import ACCOUNT, SimProvider
from ir.drill.simulated.reviewer import SimReviewer
from ir.drill.simulated.services import SimService
from ir.drill.simulated.stores import SimStore
from ir.drill.simulated.trial import OneByOne
from ir.drill.simulated.world import HOOKS, lookups
from ir.engine.heartbeat import BEAT
from ir.fleet.agreed_work import Trust
from ir.fleet.campaign import Child, Limits
from ir.fleet.campaign_child import Source, children_for
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import of_kind
from ir.fleet.fitness import Fitness
from ir.fleet.worker import Worker
from ir.incident import playbook
from ir.incident.context import Options, World
from ir.incident.custody import Custody
from ir.incident.world_parts import Hooks, KeysAtHand, Ports, Run
from ir.ports import Operator
from ir.runtime import wiring
from ir.runtime.app_state import open_state
from ir.runtime.incident_spec import Setting

CALL = 0.2
"""Seconds that each call of Stripe, a store or a service takes."""
GRACE = 86400.0
_GIVEN_UP = 120.0
"""Real seconds in which nothing moves."""


class SharedClock(SimClock):
    """Several threads sleep in it side by side; time goes on when `go_on` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.sleepers: dict[threading.Event, float] = {}
        self._changed = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Until somebody has let that much time pass."""
        woken = threading.Event()
        with self._changed:
            self.sleepers[woken] = self._elapsed + max(seconds, 0.001)
        woken.wait()

    def go_on(self, until: float = 0.0) -> None:
        """To the next moment at which one of the threads wakes, or to `until` where none sleeps."""
        with self._changed:
            self._elapsed = max(self._elapsed, min(self.sleepers.values(), default=until))
            for sleeper in [sleeper for sleeper, wakes in self.sleepers.items() if wakes <= self._elapsed]:
                del self.sleepers[sleeper]
                sleeper.set()


class _Slow:
    """Each call of what is behind it takes its time."""

    def __init__(self, real: Any, clock: SimClock) -> None:
        self._real, self._clock = real, clock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*words: Any, **named: Any) -> Any:
            self._clock.sleep(CALL)
            return found(*words, **named)

        return call


class _Paced(Worker):
    """Waits, and looks for work that others left, in simulated time."""

    clock: SharedClock
    _look_at = 0.0
    _busy_at = float("inf")

    def _wait(self) -> None:
        """Until something of ours has ended, or all of it waits: then until the first of it wakes."""
        if self.clock.elapsed() >= self._look_at:
            self._looked, self._look_at = 0.0, self.clock.elapsed() + BEAT
        since = time.monotonic()
        self._busy_at = since if self._mine else min(self._busy_at, since)
        assert since - self._busy_at < _GIVEN_UP, "nothing is under way, and the worker does not end"
        while self._over.empty() and not self._all_wait():
            assert time.monotonic() - since < _GIVEN_UP, "an incident neither waits nor ends"
            time.sleep(0.0005)
        if self._over.empty() and self._mine:
            self.clock.go_on()

    def _all_wait(self) -> bool:
        blocked = self.places.blocked
        return len(self.clock.sleepers) + blocked >= len(self._mine) and (not blocked or not self.places.room)


class Night:
    """So many keys, all due, and one worker.

    Attributes:
        took: seconds from the beginning of the first to the end of the last, its grace left out.
    """

    def __init__(self, keys: int, folder: Path, *, slots: int = 2) -> None:
        folder.mkdir(exist_ok=True)
        self.keys, self.folder, self.slots, self.clock, self.took = keys, folder, slots, SharedClock(), 0.0
        self.rigs: dict[str, tuple[SimProvider, SimStore, SimService]] = {}
        for number in range(keys):
            name = f"k{number:04d}"
            provider = SimProvider(self.clock, dice=Random(name))  # noqa: S311 - keys of nothing
            store = SimStore(parse(f"vault://secret/{name}#key"), provider.create(name).value, self.clock)
            self.rigs[name] = (provider, store, SimService(store, provider))

    def run(self, *, leaks: bool = False) -> list[Child]:
        """All of it; returns the children as they ended. `leaks`: while all keys are in their grace, an emergency of all begins."""
        with self._pretending():
            source = Source(inventory.loads(self._inventory(), "inventory.yaml"), "inventory.yaml", self.folder)
            kept = open_state()
            book = CampaignLedger(kept.engine)
            plan, options = playbook.load("stripe-scheduled"), Options(yes=True)
            limits = Limits(at_once=0, per_account=4, per_store=8, stop_after=0)
            book.open("CAM-night", "schedule", "cron", limits, {}, children_for(source, source.inventory.keys, plan, options))
            worker = _Paced(kept, book, of_kind("schedule", "campaign"), trust=lambda: Trust(own=source), slots=self.slots)
            worker.clock = self.clock
            try:
                while True:
                    worker.run(until_idle=True, stop=threading.Event())
                    if leaks:
                        worst, leaks = playbook.load("stripe-exploited"), False
                        book.open("CAM-leak", "campaign", "me", limits, {}, children_for(source, source.inventory.keys, worst, options))
                        continue
                    waits = [row.summary.get("wake_at", 0.0) for row in kept.index.rows() if row.status == "waiting"]
                    if not any(waits):
                        break
                    self.clock.go_on(self.clock.elapsed() + max(min(at for at in waits if at) - self.clock.now().timestamp(), 0.001))
            finally:
                worker.runner.close()
                kept.engine.dispose()
            self.took = self.clock.elapsed() - GRACE
            return book.children()

    @property
    def moved(self) -> int:
        """Keys of which exactly one lives, which the store and the service hold."""
        found = 0
        for provider, store, service in self.rigs.values():
            found += [key.value for key in provider.living()] == [store.value] and service.held == store.value
        return found

    def _inventory(self) -> str:
        rows = [f"version: 1\naccounts: [{{name: main, id: {ACCOUNT}, mode: test, issuer: managed, app_key: env://APP}}]\nkeys:"]
        rows += [
            f'  - {{name: {name}, account: main, kind: secret, permissions: [charge_read], stored_in: ["vault://secret/{name}#key"]}}'
            for name in self.rigs
        ]
        verify = '[{http: "http://127.0.0.1/x", proves: holds-key}]'
        rows.append("services:")
        rows += [
            f'  - {{name: s-{name}, uses: [{name}], reads_from: "vault://secret/{name}#key", wave: canary, reload: {{polls: 1s}}, '
            f"verify: {verify}}}"
            for name in self.rigs
        ]
        return "\n".join(rows) + "\n"

    @contextmanager
    def _pretending(self) -> Iterator[None]:
        began = time.monotonic()
        patches: list[tuple[Any, str, Callable[..., Any]]] = [
            (time, "time", lambda: self.clock.now().timestamp() + (time.monotonic() - began) / 1e6),  # the engine waits for it to pass
            (wiring, "SystemClock", lambda: self.clock),
            (wiring, "world", self._world),
            (Fitness, "_read", lambda _self, _place: ""),
        ]
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, {"IR_HOME": str(self.folder / "home")}))
            for place, name, mine in patches:
                stack.enter_context(mock.patch.object(place, name, mine))
            yield

    def _world(
        self, setting: Setting, _kept: object, operator: Operator, *, hooks: Hooks, run: Run, keys: KeysAtHand, **_more: object
    ) -> World:
        source = inventory.loads(setting.text, setting.name)
        provider, store, service = (_Slow(real, self.clock) for real in self.rigs[setting.key])
        made: Any = {"issuer": provider, "stores": {f"vault://secret/{setting.key}#key": store}}
        made |= {"verifiers": {f"s-{setting.key}": [service]}, "reloaders": {f"s-{setting.key}": service}}
        return OneByOne(
            incident=setting.incident,
            inventory=source,
            account=source.accounts[0],
            key=source.key(setting.key),
            plan=setting.plan,
            options=setting.options,
            ports=Ports(
                custody=Custody(setting.incident, made["stores"].values()),
                reviewer=SimReviewer(),
                operator=operator,
                clock=self.clock,
                deliveries=None,
                **made,
            ),
            lookups=lookups(),
            hooks=replace(hooks, publish=HOOKS.publish, witness=HOOKS.witness, keep=HOOKS.keep),
            keys=keys,
            run=run,
        )
