"""Rights that the replacement lacks though a service uses them (no action of its own): who tells it, what it stops, how it is put right.

The old key is not killed under a service that Stripe refuses something since it is on the replacement. A right that was lacking with the
old key, too, is none that is in use. What is lacking is told by the checks of services (`ports.Check.lacks`); of one that tells nothing it
is *not seen*. A managed key is widened by the one name after a person's yes, and nothing else gives one; in the Dashboard a person clicks.
What was added is still to be confirmed. The yes is recorded by one attempt, and carried out by the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ir.actions import own_looks
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Item, Json, KeyKind
from ir.incident.context import World
from ir.incident.debts import LACKING, LEARNED, lack_of, right_called
from ir.incident.facts import Facts, Right
from ir.incident.record import Incident
from ir.permissions.names import called as called_by_api
from ir.permissions.names import implied_by

UNNAMED = "a right that is not named"


@dataclass(frozen=True)
class LackingRights:
    """What is lacking now, and what was given so far.

    Attributes:
        told_by: permission ("" = not named) → who tells that it is lacking.
        granted: as `facts.Rights.granted`, what this very attempt added included.
        facts, debts, paid: of this attempt, for the record.
        silent: services of which nothing tells what Stripe refuses them: no check of theirs, and no call of theirs in our log.
        log: what our egress log tells, where it was read.
    """

    told_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    granted: Mapping[str, Right] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    debts: tuple[Debt, ...] = ()
    paid: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    log: Item | None = None

    @property
    def said(self) -> str:
        """As a sentence."""
        refused = f" ({self.log.said})" if self.log and own_looks.LOG in {one for who in self.told_by.values() for one in who} else ""
        return "; ".join(f"the replacement lacks {called(name)}, {as_told(who)}" for name, who in self.told_by.items()) + refused

    def items(self, did: Did = Did.FAILED) -> tuple[Item, ...]:
        """One per right."""
        return tuple(Item(right_called(name), did, f"lacking, {as_told(who)}") for name, who in sorted(self.told_by.items()))

    def still_to_do(self, incident: str) -> tuple[Debt, ...]:
        """What is still to do where nothing waits for it."""
        return tuple(
            Debt(LACKING, lack_of(name), f"the replacement lacks {called(name)}, {as_told(who)}", todo_for(incident, [name]))
            for name, who in self.told_by.items()
        )


# ── what is lacking ──


def of(record: Incident, item: Item, granted: Mapping[str, Right]) -> tuple[str, ...]:
    """The rights that one service tells to be lacking, of those that it uses; times are those of its last refusals."""
    lacked = record.facts.get("services", {}).get(item.name, {}).get("lacked", [])
    told: dict[str, float] = item.facts.get("lacks", {})
    return tuple(name for name, at in told.items() if name not in lacked and not _over(at, granted.get(name)))


def _over(at: float, granted: Right | None) -> bool:
    """Whether a refusal is older than the change that gave the right; one without a time may be younger."""
    return granted is not None and 0.0 < at <= granted.get("at", 0.0)


def missing(world: World, record: Incident, items: Sequence[Item], added: LackingRights | None = None, since: float = 0.0) -> LackingRights:
    """What the looked-at services tell to be lacking, and our egress log where one of them tells nothing.

    A service that is accepted by name does not count. `added`: what this attempt gave; `since`: when the first service moved, where that is
    not recorded yet.
    """
    before = record.facts.get("rights", {})
    granted = {**before.get("granted", {}), **(added.granted if added else {})}
    seen = [item for item in items if item.name not in world.options.accept_unhealthy and "lacks" in item.facts]
    silent = _silent(world, record, items)
    log = own_looks.logged(world, record, record.facts.get("promoted_at", since)) if silent else None
    unseen = [name for name in silent if log is None or not own_looks.covers(log, name)]
    told: dict[str, tuple[str, ...]] = {}
    for item in (*seen, *([log] if log else [])):
        for name in of(record, item, granted):
            told[name] = (*told.get(name, ()), item.name)
    still, learned = _told_before(world, record, {item.name for item in (*seen, *([log] if log else []))}, {*told, *granted})
    told |= still
    facts: Json = dict(added.facts.get("rights", {})) if added else {}
    if told or before.get("lacking"):
        facts["lacking"] = [{"name": name, "told_by": list(who)} for name, who in told.items()]
    facts |= {"granted": {**facts.get("granted", {}), **learned}} if learned else {}
    debts = (*(added.debts if added else ()), *(confirm(world.incident, name, row) for name, row in learned.items()))
    paid = tuple(about for about, debt in record.debts.items() if debt.kind == LACKING and about not in map(lack_of, told))
    return LackingRights(told, {**granted, **learned}, {"rights": facts} if facts else {}, debts, paid, tuple(unseen), log)


def _told_before(world: World, record: Incident, tell: set[str], known: set[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, Right]]:
    """What was told to be lacking and is not told now: what is lacking all the same, and what a person added in the Dashboard.

    A service that was reloaded has forgotten what it was refused: its silence is no look. The row of a managed key is one, and
    a read of our own; where there is neither, the word of who went on after the clicks counts.
    """
    still: dict[str, tuple[str, ...]] = {}
    learned: dict[str, Right] = {}
    for row in record.facts.get("rights", {}).get("lacking", []):
        name, who = row["name"], tuple(one for one in row["told_by"] if one not in world.options.accept_unhealthy)
        if not name or name in known or not who:
            continue
        has = _has(world, record, name) if set(who) <= tell else False
        if has is False or (has is None and not world.ports.issuer.guided):
            still[name] = who
        else:
            learned[name] = Right(by="", how="in the Dashboard", at=world.now(), told_by=list(who))
    return still, learned


def _has(world: World, record: Incident, name: str) -> bool | None:
    """Whether the replacement has a right, by a look; None where none tells."""
    try:
        new = world.new_key(record.facts)
        row = world.ports.issuer.identify(new, known_id=record.facts["new"].get("id", ""))
    except PortError:
        return None
    if row is not None and row.permissions:
        return implied_by(called_by_api(name), row.permissions)
    return world.ports.issuer.may_read(new, name)


def lacked(item: Item) -> Json:
    """Of a service on the old key: what it is refused already, as `facts.ServiceFacts`."""
    names = sorted(item.facts.get("lacks", {}))
    return {"lacked": names} if names else {}


def _silent(world: World, record: Incident, items: Sequence[Item]) -> list[str]:
    """Services whose checks tell nothing of refused calls, where the replacement may lack a right."""
    return [item.name for item in items if "lacks" not in item.facts] if narrow(world, record.facts) else []


def narrow(world: World, facts: Facts) -> bool:
    """Whether the replacement has, or is to have, a list of permissions."""
    kind = str(facts.get("new", {}).get("kind") or (KeyKind.RESTRICTED if not world.ports.issuer.guided else world.key.kind))
    return world.key.kind is not KeyKind.WEBHOOK and kind == KeyKind.RESTRICTED


def not_seen(names: Sequence[str]) -> str:
    """The sentence about `silent`; "" for none."""
    if not names:
        return ""
    users = f"in use by {', '.join(names)}, whose refused calls neither a check nor our log tells"
    return f"; not seen: whether the replacement lacks a right that is {users}"


# ── words ──


def called(name: str) -> str:
    """A permission in a sentence."""
    return f"`{name}`" if name else UNNAMED


def as_told(who: Sequence[str]) -> str:
    """Who tells of it."""
    return f"as {' and '.join(who) or 'a service'} {'tells' if len(who) < 2 else 'tell'}"


def todo_for(incident: str, names: Sequence[str]) -> str:
    """What a person can do about these, where the key is managed."""
    if not all(names):
        return f"see in the service's own log what Stripe refuses, then: ir resume {incident}"
    grants = " and ".join(f"ir approve {incident} --grant {name}" for name in names)
    return f"if it is meant: {grants}, then: ir resume {incident}; or go back: ir rollback {incident}"


def confirm(incident: str, name: str, row: Right) -> Debt:
    """A right that was added in the middle of a rotation is one that a person has to mean."""
    told = as_told(row.get("told_by", []))
    why = f"`{name}` was added to the replacement, since it was lacking, {told}"
    if not row.get("by"):
        why = f"`{name}` was lacking, {told}, and is not told to be lacking any more since a person was asked to add it in the Dashboard"
    close = f"confirm that it is meant: ir close {incident} --debt '{right_called(name)}' --attest REASON --by NAME"
    return Debt(LEARNED, right_called(name), why, f"{close}; if not, take it away in the Dashboard (⋯ > `Edit key`)")
