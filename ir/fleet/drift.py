"""Drift: stores of a key that disagree or hold a dead key, services that hold another value, one value in several places. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ir.core.model import Json, Liveness
from ir.core.ownership import Owner
from ir.core.reference import Reference, parse, plain
from ir.core.wording import counted
from ir.incident.earlier import History
from ir.inventory import Inventory, Key
from ir.ports import Check


@dataclass(frozen=True)
class Reading:
    """The content of one store: a fingerprint, "" for nothing; `why_not` when it cannot be told.

    Attributes:
        owners: programs that write there, too. owners_unknown: why that cannot be told.
        human: only a human can look.
        untold: no look can tell what it holds; its services do.
        others: other fields of the same object that hold a key, each with its fingerprint.
    """

    ref: str
    fingerprint: str = ""
    why_not: str = ""
    owners: tuple[Owner, ...] = ()
    owners_unknown: str = ""
    human: bool = False
    untold: bool = False
    others: tuple[tuple[Reference, str], ...] = ()


@dataclass(frozen=True)
class Holding:
    """The key of a service: a fingerprint among those of its key's stores, "" when none was confirmed; `said` tells what was seen."""

    service: str
    store: str
    fingerprint: str
    said: str


@dataclass(frozen=True)
class KeyDrift:
    """One key: its readings, the services' holdings, faults (empty: none), what could not be told, and the answers of asked keys."""

    key: str
    readings: tuple[Reading, ...]
    holdings: tuple[Holding, ...]
    problems: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    seen: Mapping[str, Liveness] = field(default_factory=dict)

    def to_json(self) -> Json:
        """For `--json`."""
        return {
            "key": self.key,
            "stores": [_row(reading) for reading in self.readings],
            "services": [h.__dict__ for h in self.holdings],
            "problems": list(self.problems),
            "unknown": list(self.unknown),
            "probed": {mark: liveness.value for mark, liveness in self.seen.items()},
        }


def owned(readings: Sequence[Reading]) -> list[str]:
    """Who would put the old value back after a rotation, one sentence for each place and program; then what could not be told.

    One whose source is a store of the same key puts back what is written there.
    """
    listed = {str(plain(parse(row.ref))) for row in readings}
    said = []
    for row in readings:
        for owner in row.owners:
            if not owner.reverts:
                said.append(f"{row.ref} is marked by {owner}")
            elif owner.sources and set(owner.sources) <= listed:
                said.append(f"{row.ref} is written by {owner.name}, from {', '.join(owner.sources)}, which is listed")
            else:
                said.append(f"{row.ref}: {owner.claim}: {owner.todo}")
        if row.owners_unknown:
            said.append(f"who else writes {row.ref} cannot be told: {row.owners_unknown}")
    return said


def _row(reading: Reading) -> Json:
    """Without the other fields of the object, which the inventory does not list. `untold` appears only where it is so."""
    left_out = {"others", "owners", "owners_unknown"} | (set() if reading.untold else {"untold"})
    owners = [{"name": one.name, "reverts": one.reverts, "why_not": one.why_not, "sources": list(one.sources)} for one in reading.owners]
    kept = {name: value for name, value in vars(reading).items() if name not in left_out}
    return {**kept, "keepers": [owner.name for owner in reading.owners], "owners": owners, "owners_unknown": reading.owners_unknown}


def held_by(service: str, store: Reading, values: Sequence[str], checks: Mapping[str, Sequence[Check]]) -> Holding:
    """The key of a service, by its checks against each value that any of its key's stores holds.

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
    """The faults of one key."""
    problems = [f"{row.ref} cannot be read: {row.why_not}" for row in readings if row.why_not]
    problems += [f"{row.ref} is empty" for row in readings if not (row.why_not or row.fingerprint or row.human or row.untold)]
    values = {row.fingerprint for row in readings if row.fingerprint}
    if len(values) > 1:
        told = "; ".join(f"{value} in {', '.join(r.ref for r in readings if r.fingerprint == value)}" for value in sorted(values))
        problems.append(f"its stores disagree: {told}")
        problems += [
            f"{row.ref} ({', '.join(owner.name for owner in row.owners)}): what anybody else writes there may be reverted"
            for row in readings
            if row.owners and row.fingerprint
        ]
    by_ref = {row.ref: row.fingerprint for row in readings}
    silent = {row.ref for row in readings if row.human or row.untold}
    for row in holdings:
        if row.store in silent and row.fingerprint in values:
            continue  # another store of the key holds it, too
        if row.fingerprint and row.fingerprint != by_ref.get(row.store):
            problems.append(
                f"service {row.service} holds {row.fingerprint}, its store {row.store} holds {by_ref.get(row.store)}: reload it"
            )
        elif not row.fingerprint and row.said.startswith("does not hold"):
            problems.append(f"service {row.service} {row.said}: reload it, or it has a key that no listed store holds")
    return KeyDrift(key.name, tuple(readings), tuple(holdings), tuple(problems))


def lifeless(key: Key, readings: Sequence[Reading], holdings: Sequence[Holding], past: History, seen: Mapping[str, Liveness]) -> list[str]:
    """The faults in the life of what stores and services hold: dead, stale (it was replaced, and lives), doubled (several live).

    Args:
        key: whose they are.
        readings: of its stores.
        holdings: of its services.
        past: what earlier incidents of this key saw.
        seen: fingerprint → what it answered just now; {} = not asked.
    """
    found, places = list[str](), _places(readings, holdings)
    for mark, where in places.items():
        on = ", ".join(where)
        if mark in past.dead:
            found.append(f"dead: {on} has {mark}, which {past.dead[mark]} proved dead")
        elif mark in seen and seen[mark].dead:
            found.append(f"dead: {on} has {mark}, which Stripe refuses ({seen[mark].value})")
        elif mark in past.replaced and (mark in seen and seen[mark].answers):
            found.append(f"stale: {on} has {mark}, which {past.replaced[mark]} replaced, and which lives")
    alive = [mark for mark in places if mark in seen and seen[mark].answers]
    if len(alive) > 1:
        found.append(f"doubled: {counted(len(alive), 'key')} of it live: {', '.join(alive)}")
    return [f"{said}: ir rotate stripe {key.name}" if said.startswith("dead") else said for said in found]


def _places(readings: Sequence[Reading], holdings: Sequence[Holding]) -> dict[str, list[str]]:
    """Fingerprint → its holders."""
    found: dict[str, list[str]] = {}
    for row in readings:
        if row.fingerprint:
            found.setdefault(row.fingerprint, []).append(row.ref)
    for holding in holdings:
        if holding.fingerprint:
            found.setdefault(holding.fingerprint, []).append(f"service {holding.service}")
    return found


def shared(source: Inventory, read: Mapping[str, Sequence[Reading]]) -> dict[str, list[str]]:
    """Key → the other places of its value: under another key of the inventory, or in a field that no key lists.

    `read` is key → what its stores hold.
    """
    holds = {name: {row.fingerprint for row in rows if row.fingerprint} for name, rows in read.items()}
    listed = {plain(ref) for key in source.held for ref in key.stored_in}
    found: dict[str, list[str]] = {name: [] for name in read}
    for name, marks in holds.items():
        for other, rows in read.items():
            places = [row.ref for row in rows if row.fingerprint in marks and other != name]
            if places:
                found[name].append(f"key `{other}` holds the same value ({', '.join(places)}): when one is rotated, both are")
            fields = sorted({str(place) for row in rows for place, mark in row.others if mark in marks and place not in listed})
            found[name] += [f"{place} holds its value, too, and no key lists it: list it, or remove it" for place in fields]
    return {name: list(dict.fromkeys(said)) for name, said in found.items()}


def stores_of(source: Inventory, key: Key) -> dict[str, str]:
    """Service → the store that it reads the key from, as text."""
    return {service.name: str(source.store_of(service, key)) for service in source.services_of(key.name)}
