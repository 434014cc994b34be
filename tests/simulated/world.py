"""Ports that keep state. Time passes only when somebody sleeps."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from ir import inventory, playbook
from ir.custody import Custody
from ir.errors import Conflict, PortError, Unknown, Waiting
from ir.inventory import Inventory
from ir.model import Json, KeyKind, KeyRow, Liveness, Mode, Probe
from ir.plan import compile_plan
from ir.ports import (
    STAGED,
    Check,
    Containment,
    Expected,
    Held,
    Left,
    Minted,
    MintOrder,
    Pending,
    Permission,
    Reviewed,
    ReviewRequest,
    Target,
)
from ir.reference import Reference, parse
from ir.secret import Secret
from ir.world import Options, World

ACCOUNT = "acct_1Sim"
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class SimClock:
    """Sleeping is what makes time pass."""

    def __init__(self) -> None:
        self.time = START
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time += timedelta(seconds=max(seconds, 0.001))


@dataclass
class SimKey:
    """A key at the provider; it dies when its time has come."""

    id: str
    value: Secret
    name: str
    dies_at: datetime | None = None
    narrowed: bool = False
    permissions: tuple[str, ...] = ("charge_read",)
    last_used: float = 0.0


@dataclass
class SimProvider:
    """The truth about keys, and an issuer on top of it."""

    clock: SimClock
    keys: list[SimKey] = field(default_factory=list)
    guided: bool = False
    delay: float = 3.0
    human: Callable[[str], None] = lambda _what: None
    deliver: Callable[[], Secret | None] = lambda: None
    fail_next: list[PortError] = field(default_factory=list)
    lose_next: bool = False
    double_next: bool = False
    retired: list[str] = field(default_factory=list)
    ordered: set[str] = field(default_factory=set)
    seen_alive: dict[Secret, str] = field(default_factory=dict)

    def create(self, name: str = "dashboard") -> SimKey:
        key = SimKey(f"mk_{len(self.keys) + 1}", Secret("sk_test_" + secrets.token_hex(16)), name)
        self.keys.append(key)
        return key

    def row(self, value: Secret) -> SimKey | None:
        return next((key for key in self.keys if key.value == value), None)

    def lives(self, key: SimKey) -> bool:
        return key.dies_at is None or self.clock.time < key.dies_at

    def living(self) -> list[SimKey]:
        return [key for key in self.keys if self.lives(key)]

    # ── the Issuer port ──

    def probe(self, key: Secret) -> Probe:
        found = self.row(key)
        at = self.clock.time.timestamp()
        if found is None:
            return Probe(Liveness.INVALID, 401, at=at)
        if not self.lives(found):
            return Probe(Liveness.EXPIRED, 401, at=at)
        found.last_used = at
        if found.narrowed:
            return Probe(Liveness.NARROW, 403, Mode.TEST, ACCOUNT, at=at)
        return Probe(Liveness.ALIVE, 200, Mode.TEST, at=at)

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        found = self.row(key)
        if found is None or self.guided:
            return None
        return KeyRow(found.id, found.name, self.lives(found), Mode.TEST, last_used=found.last_used, permissions=found.permissions)

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        if self.guided:
            return ()
        mine = [key for key in self.living() if key.name.startswith(f"ir-{incident}-")]
        return tuple(KeyRow(key.id, key.name, True, Mode.TEST) for key in reversed(mine))

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        if self.fail_next:
            raise self.fail_next.pop(0)
        if self.guided:
            given = self.deliver()
            if given is None:
                raise Waiting("create a key in the Dashboard", next_step="ir resume")
            row = self.row(given)
            assert row is not None
            return Minted("", given, 0.0, order.kind, keep(given))
        if order.idempotency_key in self.ordered:
            raise Unknown("minted before, and not shown again")
        self.ordered.add(order.idempotency_key)
        key = self.create(order.name)
        if self.lose_next:
            self.lose_next = False
            raise Unknown("the answer was lost")
        if self.double_next:
            self.double_next = False
            self.create(order.name)
        return Minted(key.id, key.value, self.clock.time.timestamp(), KeyKind.RESTRICTED, keep(key.value))

    def watch_also(self, new: Secret, *, created: float = 0.0) -> None:
        return None

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        if self.fail_next:
            raise self.fail_next.pop(0)
        if self.guided:
            self.human("retire")
            row = self.row(target.value)
            if row is not None and self.lives(row) and row.dies_at is None:
                raise Waiting("expire the key in the Dashboard", next_step="ir resume")
            return "a human expired it"
        key = next(k for k in self.keys if k.id == target.id or k.value == target.value)
        if key.dies_at is None:
            key.dies_at = self.clock.time + timedelta(seconds=self.delay)
        self.retired.append(key.id)
        return "expired"

    def contain(self, target: Target, egress: tuple[str, ...]) -> Containment:
        key = self.row(target.value)
        assert key is not None
        if self.guided and not key.narrowed:
            self.human("contain")
            raise Waiting("narrow the key in the Dashboard", next_step="ir resume")
        before, key.narrowed = key.permissions, True
        return Containment("narrowed", "narrowed to one harmless permission", before)

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        key = self.row(target.value)
        assert key is not None
        key.narrowed = False


class SimStore:
    """One field of one object, with versions, stages and custody."""

    guided = False
    custodian = True

    def __init__(self, ref: Reference, value: Secret) -> None:
        self.ref, self.value, self.number = ref, value, 1
        self.staged: dict[str, Secret] = {}
        self.kept: dict[tuple[str, str], Secret] = {}
        self.fail_next: list[PortError] = []
        self.writes: list[str] = []
        self.history: dict[str, Secret] = {"1": value}

    def put(self, value: Secret) -> None:
        """Somebody, perhaps us, makes another value current."""
        self.value, self.number = value, self.number + 1
        self.history[str(self.number)] = value

    def earlier(self) -> Held:
        """What a replica that lags behind would say."""
        number = max(self.number - 1, 1)
        return Held(self.history[str(number)], str(number), ("user",))

    def _fate(self) -> None:
        if self.fail_next:
            raise self.fail_next.pop(0)

    def read(self) -> Held:
        self._fate()
        return Held(self.value, str(self.number), ("user",))

    def check_write(self, incident: str) -> Permission:
        return Permission(True, "may write")

    def pending(self, incident: str) -> Pending | None:
        return next((Pending(other, 0.0, "1", other) for other in self.staged if other != incident), None)

    def drop(self, found: Pending) -> None:
        self._fate()
        self.staged.pop(found.incident, None)

    def left(self, incident: str) -> Left:
        self._fate()
        staged = [STAGED] if incident in self.staged else []
        return Left((*staged, *(role for name, role in self.kept if name == incident)))

    def stage(self, incident: str, new: Secret) -> str:
        self._fate()
        self.writes.append("stage")
        self.staged[incident] = new
        return f"{self.number}-staged"

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        self._fate()
        if self.value != new:
            if expected and expected != str(self.number) and self.history.get(expected) != self.value:
                raise Conflict("it moved on")
            self.put(new)
            self.writes.append("promote")
        return str(self.number)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        self._fate()
        if self.value == new:
            self.put(old)
            self.writes.append("undo")
        elif self.value != old:
            raise Conflict("a third value")
        return str(self.number)

    def discard(self, incident: str) -> None:
        self.staged.pop(incident, None)
        self.kept = {k: v for k, v in self.kept.items() if k[0] != incident}

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        self.kept[(incident, role)] = secret
        return f"{self.ref}|{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        return self.staged.get(incident) if role == STAGED else self.kept.get((incident, role))


class SimService:
    """Holds a key in memory, reads its store when it is reloaded; is its own verifier and reloader."""

    proves = "holds-key"
    read_only = True

    def __init__(self, store: SimStore, provider: SimProvider) -> None:
        self.store, self.provider = store, provider
        self.held = store.value
        self.broken = False
        self.stuck = False
        self.reloads = 0

    def come_up_on_the_old_key(self) -> str:
        """A reload that did not take."""
        self.reloads += 1
        return "reloaded"

    @property
    def works(self) -> bool:
        row = self.provider.row(self.held)
        return row is not None and self.provider.lives(row) and not row.narrowed

    def check(self, expected: Expected) -> Check:
        if self.broken:
            return Check(False, self.proves, "answers 500")
        if self.held.fingerprint != expected.fingerprint:
            return Check(False, self.proves, f"holds {self.held.fingerprint}")
        return Check(True, self.proves, "holds the expected key")

    def reload(self) -> str:
        self.reloads += 1
        if not self.stuck:
            self.held = self.store.value
        return "reloaded"


class SimOperator:
    """Nobody at the terminal, or somebody who says yes."""

    def __init__(self, *, interactive: bool = False, says: bool = True) -> None:
        self.interactive, self.says, self.name = interactive, says, "sim"
        self.told: list[str] = []

    def tell(self, text: str) -> None:
        self.told.append(text)

    def confirm(self, question: str) -> bool:
        return self.says

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        return options[0]

    def ask(self, question: str) -> str:
        return ""

    def new_key(self, prompt: str) -> Secret | None:
        return None


class SimReviewer:
    """Sees what it is told to see."""

    def __init__(self) -> None:
        self.verdict = "none seen within coverage"
        self.leftovers: tuple[Json, ...] = ()

    def review(self, request: ReviewRequest, progress: Callable[[str], None]) -> Reviewed:
        return Reviewed(self.verdict, {"writes": self.verdict, "reads": "cannot tell", "account": "cannot tell"}, 0.0)

    def sweep(self, request: ReviewRequest, progress: Callable[[str], None]) -> tuple[Json, ...]:
        return self.leftovers

    def money(self, request: ReviewRequest, progress: Callable[[str], None]) -> tuple[Json, ...]:
        return ()


class Simulation:
    """Two stores, three services (one canary), one leaked key."""

    def __init__(self, policy: str = "exposed", *, guided: bool = False, options: Options | None = None) -> None:
        self.clock = SimClock()
        self.provider = SimProvider(self.clock, guided=guided)
        self.leaked = self.provider.create("leaked")
        refs = [parse("vault://secret/payments#api_key"), parse("vault://secret/billing#api_key")]
        self.stores = {str(ref): SimStore(ref, self.leaked.value) for ref in refs}
        first, second = self.stores.values()
        self.services = {
            "canary": SimService(first, self.provider),
            "web": SimService(first, self.provider),
            "billing": SimService(second, self.provider),
        }
        self.reviewer, self.operator = SimReviewer(), SimOperator()
        self.source = _inventory(tuple(str(ref) for ref in refs), guided=guided)
        self.plan = compile_plan(_playbook(policy), self.source, self.source.key("payments"))
        self.options = options or Options(yes=True)
        self.incident = "INC-20261123-0001"
        self.world = self._world()

    def another_machine(self) -> World:
        """What a second process wires: the same outside world, nothing of the first one's memory."""
        return self._world()

    def _world(self) -> World:
        return World(
            incident=self.incident,
            inventory=self.source,
            account=self.source.accounts[0],
            key=self.source.keys[0],
            plan=self.plan,
            options=self.options,
            issuer=self.provider,
            stores=dict(self.stores),
            verifiers={name: [service] for name, service in self.services.items()},
            reloaders=dict(self.services),
            custody=Custody(self.incident, list(self.stores.values())),
            reviewer=self.reviewer,
            operator=self.operator,
            clock=self.clock,
        )

    def opening(self) -> Json:
        return {
            "plan": self.plan.to_json(),
            "plan_hash": self.plan.hash,
            "options": {"dry_run": self.options.dry_run},
            "key": "payments",
            "at": "2026-11-23T03:00:00.000Z",
            "actor": "sim",
            "facts": {"opened_at": START.timestamp()},
        }


@cache
def _playbook(policy: str) -> playbook.Playbook:
    return playbook.load(f"stripe-{policy}")


@cache
def _inventory(refs: tuple[str, ...], *, guided: bool) -> Inventory:
    rows = ""
    for name, ref in zip(("canary", "web", "billing"), (refs[0], refs[0], refs[1]), strict=True):
        wave = "canary" if name == "canary" else "main"
        verify = 'verify: [{http: "http://127.0.0.1/x", proves: holds-key}]'
        rows += f"""
  - {{name: {name}, uses: [payments], reads_from: "{ref}", wave: {wave}, reload: {{polls: 1s}}, {verify}}}"""
    issuer = "dashboard" if guided else "managed, app_key: env://APP_KEY"
    text = f"""
version: 1
accounts:
  - {{name: main, id: {ACCOUNT}, mode: test, issuer: {issuer}}}
keys:
  - {{name: payments, account: main, kind: secret, permissions: [charge_read], stored_in: ["{refs[0]}", "{refs[1]}"]}}
services:{rows}
"""
    return inventory.loads(text, "simulated.yaml")
