"""Drift: stores of one key that hold different values, and services that hold another one than their store. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ir.core.model import Json
from ir.inventory import Inventory, Key
from ir.ports import Check


@dataclass(frozen=True)
class Reading:
    """What one store holds: a fingerprint, "" for nothing; `why_not` when it cannot be told.

    Attributes:
        keepers: who else writes there.
        human: only a human can look.
    """

    ref: str
    fingerprint: str = ""
    why_not: str = ""
    keepers: tuple[str, ...] = ()
    human: bool = False


@dataclass(frozen=True)
class Holding:
    """What a service holds: a fingerprint among those of its key's stores, "" when none was confirmed; `said` tells what was seen."""

    service: str
    store: str
    fingerprint: str
    said: str


@dataclass(frozen=True)
class KeyDrift:
    """One key: its readings, the services' holdings, and what is wrong (empty: nothing)."""

    key: str
    readings: tuple[Reading, ...]
    holdings: tuple[Holding, ...]
    problems: tuple[str, ...]

    def to_json(self) -> Json:
        """For `--json`."""
        return {
            "key": self.key,
            "stores": [{**r.__dict__, "keepers": list(r.keepers)} for r in self.readings],
            "services": [h.__dict__ for h in self.holdings],
            "problems": list(self.problems),
        }


def held_by(service: str, store: Reading, values: Sequence[str], checks: Mapping[str, Sequence[Check]]) -> Holding:
    """What a service holds, by its checks against each value that any of its key's stores holds.

    Args:
        service: its name.
        store: what its own store holds.
        values: fingerprints to tell apart, its store's first.
        checks: fingerprint → what its checks showed when that value was expected.
    """
    for value in values:
        seen = [check for check in checks.get(value, ()) if check.proves == "holds-key"]
        if seen and all(check.passed for check in seen):
            return Holding(service, store.ref, value, "holds what its store holds" if value == store.fingerprint else "holds another value")
    first = next((check for check in checks.get(store.fingerprint, ()) if check.proves == "holds-key"), None)
    if first is None:
        return Holding(service, store.ref, "", "no check shows which key it holds")
    if first.passed is None:
        return Holding(service, store.ref, "", f"cannot tell: {first.said}")
    return Holding(service, store.ref, "", f"does not hold what its store holds: {first.said}")


def judge(key: Key, readings: Sequence[Reading], holdings: Sequence[Holding]) -> KeyDrift:
    """What is wrong with one key."""
    problems = [f"{row.ref} cannot be read: {row.why_not}" for row in readings if row.why_not]
    problems += [f"{row.ref} is empty" for row in readings if not (row.why_not or row.fingerprint or row.human)]
    values = {row.fingerprint for row in readings if row.fingerprint}
    if len(values) > 1:
        told = "; ".join(f"{value} in {', '.join(r.ref for r in readings if r.fingerprint == value)}" for value in sorted(values))
        problems.append(f"its stores disagree: {told}")
        problems += [
            f"{row.ref} ({', '.join(row.keepers)}): what anybody else writes there may be reverted"
            for row in readings
            if row.keepers and row.fingerprint
        ]
    by_ref = {row.ref: row.fingerprint for row in readings}
    for row in holdings:
        if row.fingerprint and row.fingerprint != by_ref.get(row.store):
            problems.append(
                f"service {row.service} holds {row.fingerprint}, its store {row.store} holds {by_ref.get(row.store)}: reload it"
            )
        elif not row.fingerprint and row.said.startswith("does not hold"):
            problems.append(f"service {row.service} {row.said}: reload it, or it has a key that no listed store holds")
    return KeyDrift(key.name, tuple(readings), tuple(holdings), tuple(problems))


def stores_of(source: Inventory, key: Key) -> dict[str, str]:
    """Service → the store that it reads the key from, as text."""
    return {service.name: str(source.store_of(service, key)) for service in source.services_of(key.name)}
