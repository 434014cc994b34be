"""A year of `ir schedule run` in simulated time: the real command, ledger, worker and engine; stores, services and Stripe are simulated.

`python -m tests.campaign.year --keys 12 --every 30m` looks as often as the recipes do and prints what came of it; the test suite runs
a smaller one. Runs are missed, the machine is off for a week, its clock jumps back and forth, rotations fail and are rolled back.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast
from unittest import mock

import typer
from dbos import DBOS

from ir import inventory
from ir.cli import schedule_end, schedules
from ir.core import durations
from ir.core.reference import parse
from ir.drill.simulated.clock import START, SimClock
from ir.drill.simulated.provider import ACCOUNT, SimProvider
from ir.drill.simulated.reviewer import SimReviewer
from ir.drill.simulated.services import SimService
from ir.drill.simulated.stores import SimStore
from ir.drill.simulated.trial import OneByOne
from ir.drill.simulated.world import HOOKS, SimOperator, lookups
from ir.fleet.campaign import Child
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.fitness import Fitness
from ir.incident.context import World
from ir.incident.custody import Custody
from ir.incident.world_parts import Hooks, KeysAtHand, Ports, Run
from ir.ports import Issuer, Reloader, Store
from ir.runtime import wiring, write_guard
from ir.runtime.app_state import database_address
from ir.runtime.incident_spec import Setting
from ir.storage import database

DAY = 86400.0
WINDOWS = (
    "",
    '{days: [mon..fri], from: "09:00", to: "16:00", zone: Europe/Berlin}',
    '{from: "22:00", to: "04:00", zone: America/New_York}',
    '{from: "01:30", to: "03:10", zone: Australia/Lord_Howe}',
    '{days: [tue, thu, sun], from: "02:00", to: "09:00", zone: Africa/Casablanca}',
)
PERIODS = ("60d", "90d", "30d", "14d")


@dataclass
class Rig:
    """One key of the company: a store, two services, and who mints and kills it."""

    provider: SimProvider
    store: SimStore
    services: dict[str, SimService]

    @property
    def moved(self) -> bool:
        """One key lives; the store and the services hold it."""
        living = [key.value for key in self.provider.living()]
        return living == [self.store.value] and all(service.held == self.store.value for service in self.services.values())


@dataclass
class Year:
    """The company, its calendar, and what happened.

    Attributes:
        codes: how often `ir schedule run` ended with which exit code.
        off: from when until when the machine was off, epoch seconds.
    """

    keys: int
    every: float
    days: int
    seed: int
    folder: Path
    clock: SimClock = field(default_factory=SimClock)
    codes: Counter[int] = field(default_factory=Counter)
    off: tuple[float, float] = (0.0, 0.0)
    jumps: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - a dice, not a secret
        self.periods = {f"k{n:02d}": PERIODS[n % len(PERIODS)] for n in range(self.keys)}
        self.rigs = {name: self._rig(name) for name in self.periods}
        (self.folder / "inventory.yaml").write_text(self._inventory(), encoding="utf-8")
        self.pin = inventory.digest(self._inventory())

    def _rig(self, name: str) -> Rig:
        provider = SimProvider(self.clock, dice=random.Random(f"{self.seed} {name}"))  # noqa: S311 - keys of nothing
        store = SimStore(parse(f"vault://secret/{name}#key"), provider.create(name).value, self.clock)
        return Rig(provider, store, {f"{name}-{n}": SimService(store, provider) for n in range(2)})

    def _inventory(self) -> str:
        since = (START - timedelta(days=3)).date().isoformat()
        rows = [f"version: 1\naccounts: [{{name: main, id: {ACCOUNT}, mode: test, issuer: managed, app_key: env://APP}}]\nkeys:"]
        for number, (name, period) in enumerate(self.periods.items()):
            window = f", rotate_window: {window}" if (window := WINDOWS[number % len(WINDOWS)]) else ""
            rows.append(
                f'  - {{name: {name}, account: main, kind: secret, permissions: [charge_read], stored_in: ["vault://secret/{name}#key"], '
                f"rotate_every: {period}, rotate_from: {since}{window}}}"
            )
        verify = '[{http: "http://127.0.0.1/x", proves: holds-key}]'
        rows.append("services:")
        rows += [
            f'  - {{name: {service}, uses: [{name}], reads_from: "vault://secret/{name}#key", reload: {{polls: 1s}}, verify: {verify}}}'
            for name, rig in self.rigs.items()
            for service in rig.services
        ]
        return "\n".join(rows) + "\n"

    # ── the year ──

    def run(self) -> None:
        """Look again and again, with whatever goes wrong meanwhile."""
        self.off = ((START.timestamp() + self.dice.uniform(0.3, 0.6) * self.days * DAY), 0.0)
        self.off = (self.off[0], self.off[0] + 7 * DAY)
        jumps = sorted(self.dice.uniform(0, self.days) * DAY for _ in range(12))
        with self._pretending():
            while self.clock.elapsed() < self.days * DAY:
                self.clock.sleep(self.every)
                if jumps and self.clock.elapsed() > jumps[0]:
                    jumps.pop(0)
                    self._jump()
                if not self.off[0] <= self.clock.time.timestamp() < self.off[1] and self.dice.random() > 0.1:
                    self._look()

    def _jump(self) -> None:
        self.clock.jump(self.dice.choice([0.0, 3 * 3600.0, -3 * 3600.0, 2 * DAY, -2 * DAY]) - self.wrong_by)
        self.jumps += 1

    @property
    def wrong_by(self) -> float:
        """Seconds that the clock on the wall is ahead."""
        return (self.clock.now() - self.clock.time).total_seconds()

    def _look(self) -> None:
        """One `ir schedule run`; now and then a service does not take its new key up, and the rotation is rolled back."""
        stuck = [rig.services[sorted(rig.services)[0]] for rig in self.rigs.values() if self.dice.random() < 0.15]
        for service in stuck:
            service.stuck = True
        try:
            with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
                schedules.run_schedule(str(self.folder / "inventory.yaml"), inventory_sha256=self.pin, at_once=4, as_json=False)
        except typer.Exit as end:
            self.codes[end.exit_code] += 1
        for service in stuck:
            service.stuck = False

    @contextmanager
    def _pretending(self) -> Iterator[None]:
        """The calendar instead of the machine's clock, the company instead of the world; a process ends without ending this one."""

        def leave(code: int) -> None:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            raise typer.Exit(code)

        began = time.monotonic()
        patches: list[tuple[Any, str, Any]] = [
            (time, "time", lambda: self.clock.now().timestamp() + time.monotonic() - began),  # the engine waits for it to pass
            (wiring, "SystemClock", lambda: self.clock),
            (wiring, "world", self._world),
            (Fitness, "_read", lambda _self, _place: ""),
            (schedule_end, "leave", leave),
        ]
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, {"IR_HOME": str(self.folder / "home"), "COLUMNS": "200"}))
            for place, name, mine in patches:
                stack.enter_context(mock.patch.object(place, name, mine))
            yield

    def _world(
        self,
        setting: Setting,
        kept: object,
        operator: SimOperator,
        *,
        ask: write_guard.Ask,
        hooks: Hooks,
        run: Run,
        keys: KeysAtHand,
        **_more: object,
    ) -> World:
        source = inventory.loads(setting.text, setting.name)
        rig, key = self.rigs[setting.key], source.key(setting.key)
        store = cast(Store, write_guard.Guarded(rig.store, write_guard.STORE_WRITES, ask))
        return OneByOne(
            incident=setting.incident,
            inventory=source,
            account=source.accounts[0],
            key=key,
            plan=setting.plan,
            options=setting.options,
            ports=Ports(
                issuer=cast(Issuer, write_guard.Guarded(rig.provider, write_guard.ISSUER_WRITES, ask)),
                stores={str(rig.store.ref): store},
                verifiers={name: [service] for name, service in rig.services.items()},
                reloaders={n: cast(Reloader, write_guard.Guarded(s, write_guard.RELOADER_WRITES, ask)) for n, s in rig.services.items()},
                custody=Custody(setting.incident, [store]),
                reviewer=SimReviewer(),
                operator=operator,
                clock=self.clock,
                deliveries=None,
            ),
            lookups=lookups(),
            hooks=replace(hooks, publish=HOOKS.publish, witness=HOOKS.witness, keep=HOOKS.keep),
            keys=keys,
            run=run,
        )

    # ── what came of it ──

    def children(self) -> list[Child]:
        """All that the schedule began."""
        url = database_address(f"sqlite:///{self.folder / 'home' / 'ir.sqlite'}")
        engine = database.open_engine(url)
        try:
            return CampaignLedger(engine).scheduled()[0]
        finally:
            engine.dispose()

    def wrong(self) -> list[str]:
        """Everything that is not as it should be."""
        found = []
        children = self.children()
        for name, rig in self.rigs.items():
            mine = [child for child in children if child.key == name]
            done = [child for child in mine if child.state.value == "done"]
            dues = [child.due for child in done]
            period = durations.seconds(self.periods[name])
            if len(dues) != len(set(dues)) or dues != sorted(dues):
                found.append(f"{name}: a date was served twice: {dues}")
            if not rig.moved and not any(child.state.value in ("waiting", "running") for child in mine):
                found.append(f"{name}: more than one key lives, or somebody does not hold it")
            dead = [key for key in rig.provider.keys if not rig.provider.lives(key)]
            undone = sum(child.state.value == "failed" for child in mine)
            if len(dead) - undone != len(done):
                found.append(
                    f"{name}: {len(done)} rotations, and {len(dead)} keys dead, {undone} of them replacements that were rolled back"
                )
            found += [f"{name}: {said}" for said in self._skipped(name, dues, period)]
        return found

    def _skipped(self, name: str, dues: list[int], period: float) -> list[str]:
        first = (START - timedelta(days=3)).replace(hour=0).timestamp() + period
        end = START.timestamp() + self.days * DAY - period / 4 - 10 * DAY
        grid = [round(first + n * period) for n in range(int((end - first) // period) + 1)]
        said = [f"{_day(due)} was skipped" for due in grid if due not in dues and not self.off[0] - period < due < self.off[1]]
        return said + [f"{_day(due)} is no date" for due in dues if (due - first) % period]

    def told(self) -> str:
        """One line."""
        children = self.children()
        states = dict(Counter(child.state.value for child in children))
        return (
            f"{self.keys} keys, {self.days} days, {sum(self.codes.values())} runs (exit codes {dict(self.codes)}), "
            f"{self.jumps} jumps of the clock, off {_day(self.off[0])} to {_day(self.off[1])}: rotations {states}"
        )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def main(keys: int = 12, every: str = "30m", days: int = 365, seed: int = 1) -> None:
    """Run one and say what came of it; ends with 1 when a promise was not kept."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        year = Year(keys, durations.seconds(every), days, seed, Path(folder))
        year.run()
        wrong = year.wrong()
        typer.echo(f"{year.told()}; {time.process_time() - began:.0f} s of CPU")
        for line in wrong:
            typer.echo(f"WRONG {line}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
