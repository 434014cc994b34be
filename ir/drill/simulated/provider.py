"""The simulated provider: keys that live and die, and their issuer, which is managed or needs a person's clicks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from ir.core.errors import PortError, Unknown, Waiting
from ir.core.model import KeyKind, KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.drill.simulated.clock import SimClock
from ir.ports import Containment, Minted, MintOrder, Rotation, Target

ACCOUNT = "acct_1Sim"


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
    """The real state of keys, and an issuer on top of it.

    Attributes:
        shut: what every call but a probe raises until a person fixes it.
        lacks_next: the next key that is made lacks a right that services use.
        polls: when a key was probed (`SimClock.elapsed`), which, and whether it was alive.
    """

    clock: SimClock
    keys: list[SimKey] = field(default_factory=list)
    guided: bool = False
    dice: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - keys of nothing
    delay: float = 3.0
    human: Callable[[str], None] = lambda _what: None
    deliver: Callable[[], Secret | None] = lambda: None
    fail_next: list[PortError] = field(default_factory=list)
    shut: PortError | None = None
    polls: list[tuple[float, Secret, bool]] = field(default_factory=list)
    lose_next: bool = False
    double_next: bool = False
    lacks_next: bool = False
    retired: list[str] = field(default_factory=list)
    ordered: set[str] = field(default_factory=set)
    seen_alive: dict[Secret, str] = field(default_factory=dict)

    def create(self, name: str = "dashboard") -> SimKey:
        """Somebody makes a key."""
        key = SimKey(f"mk_{len(self.keys) + 1}", Secret(f"sk_test_{self.dice.getrandbits(128):032x}"), name)
        self.keys.append(key)
        return key

    def row(self, value: Secret) -> SimKey | None:
        """The key of that value."""
        return next((key for key in self.keys if key.value == value), None)

    def known(self, value: Secret) -> SimKey:
        """The key of that value; there must be one."""
        return next(key for key in self.keys if key.value == value)

    def lives(self, key: SimKey) -> bool:
        """Whether it works now."""
        return key.dies_at is None or self.clock.time < key.dies_at

    def living(self) -> list[SimKey]:
        """All that work now."""
        return [key for key in self.keys if self.lives(key)]

    # ── the Issuer port ──

    def probe(self, key: Secret) -> Probe:
        """See `ports.Issuer`."""
        found, at, date = self.row(key), self.clock.now().timestamp(), float(int(self.clock.time.timestamp()))
        self.polls.append((self.clock.elapsed(), key, found is not None and self.lives(found)))
        if found is None:
            return Probe(Liveness.INVALID, 401, at=at, date=date)
        if not self.lives(found):
            return Probe(Liveness.EXPIRED, 401, at=at, date=date)
        found.last_used = self.clock.time.timestamp()
        if found.narrowed:
            return Probe(Liveness.NARROW, 403, Mode.TEST, ACCOUNT, at=at, date=date)
        return Probe(Liveness.ALIVE, 200, Mode.TEST, at=at, date=date)

    def _fate(self) -> None:
        if self.shut:
            raise self.shut
        if self.fail_next:
            raise self.fail_next.pop(0)

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """See `ports.Issuer`."""
        found = self.row(key)
        if found is None or self.guided or (known_id and known_id != found.id):
            return None
        return KeyRow(
            found.id, found.name, self.lives(found), Mode.TEST, last_used=float(int(found.last_used)), permissions=found.permissions
        )

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """See `ports.Issuer`."""
        if self.guided:
            return ()
        if self.shut:
            raise self.shut
        mine = [key for key in self.living() if key.name.startswith(f"ir-{incident}-")]
        return tuple(KeyRow(key.id, key.name, True, Mode.TEST) for key in reversed(mine))

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """See `ports.Issuer`."""
        self._fate()
        if self.guided:
            given = self.deliver()
            if given is None:
                raise Waiting("create a key in the Dashboard", next_step="ir resume")
            self._narrowed(self.known(given))
            return Minted("", given, 0.0, order.kind, keep(given))
        if order.idempotency_key in self.ordered:
            raise Unknown("minted before, and not shown again")
        self.ordered.add(order.idempotency_key)
        key = self._narrowed(self.create(order.name))
        if self.lose_next:
            self.lose_next = False
            raise Unknown("the answer was lost")
        if self.double_next:
            self.double_next = False
            self._narrowed(self.create(order.name))
        alone = [living.name for living in self.living()].count(order.name) == 1
        return Minted(key.id, key.value, self.clock.time.timestamp(), KeyKind.RESTRICTED, keep(key.value), alone=alone)

    def _narrowed(self, key: SimKey) -> SimKey:
        """Forget a right, as who ordered it did."""
        key.permissions, self.lacks_next = ("balance_read",) if self.lacks_next else key.permissions, False
        return key

    def widen(self, target: Target, right: str) -> str:
        """See `ports.Issuer`."""
        self._fate()
        if self.guided:
            raise Waiting("only a person can add it", next_step=f"add {right} in the Dashboard")
        key = next(k for k in self.keys if k.id == target.id or k.value == target.value)
        key.permissions = (*key.permissions, *([right] if right not in key.permissions else []))
        return "by API"

    def may_read(self, key: Secret, right: str) -> bool | None:
        """See `ports.Issuer`. No read tells here: what is lacking shows in the services alone."""
        return None

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """See `ports.Issuer`."""

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """See `ports.Issuer`."""
        self._fate()
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

    def contain(self, target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        """See `ports.Issuer`."""
        self._fate()
        key = self.known(target.value)
        if self.guided:
            return self._rotated(key, rotation)
        before, key.narrowed = key.permissions, True
        return Containment("narrowed", "narrowed to one harmless permission", before)

    def _rotated(self, key: SimKey, rotation: Rotation | None) -> Containment:
        self.human("contain")
        given = rotation.found or self.deliver() if rotation is not None else None
        if self.lives(key) and given is None:
            raise Waiting("rotate the key in the Dashboard, Expiration Now", next_step="ir resume")
        if rotation is None:
            return Containment("expired", "a human killed it")
        if given is None:
            return Containment("rotated", "a human rotated it, and gave no value", value="open")
        minted = Minted("", given, 0.0, rotation.order.kind, rotation.keep(given), pasted=self.clock.now().timestamp())
        how = "none" if self.lives(key) else "rotated"
        return Containment(how, "a human rotated it", minted=minted, value="taken")

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """See `ports.Issuer`."""
        self.known(target.value).narrowed = False

    def remove(self, key_id: str) -> str:
        """See `ports.Issuer`."""
        return ""
