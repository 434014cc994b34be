"""Rights that the replacement lacks though a service uses them (no action of its own): who tells it, what it stops, how it is put right.

The old key is not killed under a service that Stripe refuses something since it is on the replacement. A right that was lacking with the
old key, too, is none that is in use. What is lacking is told by the checks of services (`ports.Check.lacks`); of one that tells nothing it
is *not seen*. A managed key is widened by the one name after a person's yes, and nothing else gives one; in the Dashboard a person clicks.
What was added is still to be confirmed. The yes is recorded by one attempt, and carried out by the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ir.core import permission
from ir.core.errors import PortError, Unknown, Waiting
from ir.core.model import Debt, Did, Item, Json, KeyKind, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.debts import LACKING, LEARNED, lack_of, right_called
from ir.incident.facts import Facts, Right
from ir.incident.record import Incident
from ir.permissions.names import DANGEROUS, implied_by
from ir.ports import Target

ADD, STOP = "add it", "stop"
UNNAMED = "a right that is not named"
_BITES = 2.0
"""Seconds until a changed list of permissions holds (measured: 1 to 1.5)."""


@dataclass(frozen=True)
class Missing:
    """What is lacking now, and what was given so far.

    Attributes:
        told_by: permission ("" = not named) → who tells that it is lacking.
        granted: as `facts.Rights.granted`, what this very attempt added included.
        facts, debts, paid: of this attempt, for the record.
    """

    told_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    granted: Mapping[str, Right] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    debts: tuple[Debt, ...] = ()
    paid: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """As a sentence."""
        return "; ".join(f"the replacement lacks {_called(name)}, which {' and '.join(who)} uses" for name, who in self.told_by.items())

    def items(self, did: Did = Did.FAILED) -> tuple[Item, ...]:
        """One per right."""
        return tuple(Item(right_called(name), did, f"lacking, as {' and '.join(who)} tells") for name, who in sorted(self.told_by.items()))

    def owed(self, incident: str) -> tuple[Debt, ...]:
        """What is still to do where nothing waits for it."""
        return tuple(
            Debt(LACKING, lack_of(name), f"{' and '.join(who)} is refused: the replacement lacks {_called(name)}", _todo(incident, [name]))
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


def missing(world: World, record: Incident, items: Iterable[Item], added: Missing | None = None) -> Missing:
    """What the looked-at services tell to be lacking; `added`: what this attempt gave. One that is accepted by name does not count."""
    before = record.facts.get("rights", {})
    granted = {**before.get("granted", {}), **(added.granted if added else {})}
    seen = [item for item in items if item.name not in world.options.accept_unhealthy and "lacks" in item.facts]
    told: dict[str, tuple[str, ...]] = {}
    for item in seen:
        for name in of(record, item, granted):
            told[name] = (*told.get(name, ()), item.name)
    learned = _learned_by_hand(world, record, {item.name for item in seen}, told)
    facts: Json = dict(added.facts.get("rights", {})) if added else {}
    if told or before.get("lacking"):
        facts["lacking"] = [{"name": name, "told_by": list(who)} for name, who in told.items()]
    facts |= {"granted": {**facts.get("granted", {}), **learned}} if learned else {}
    debts = (*(added.debts if added else ()), *(confirm(world.incident, name, row) for name, row in learned.items()))
    paid = tuple(about for about, debt in record.debts.items() if debt.kind == LACKING and about not in map(lack_of, told))
    return Missing(told, {**granted, **learned}, {"rights": facts} if facts else {}, debts, paid)


def _learned_by_hand(world: World, record: Incident, tell: set[str], told: Mapping[str, object]) -> dict[str, Right]:
    """Rights that a person has given in the Dashboard: all who told that they were lacking tell no more of it."""
    rights = record.facts.get("rights", {})
    gone = [row for row in rights.get("lacking", []) if row["name"] not in told and row["name"] not in rights.get("granted", {})]
    if not world.issuer.guided:
        return {}
    return {
        row["name"]: Right(by="", how="in the Dashboard", at=world.now(), told_by=row["told_by"])
        for row in gone
        if row["name"] and set(row["told_by"]) <= tell
    }


def lacked(item: Item) -> Json:
    """Of a service on the old key: what it is refused already, as `facts.ServiceFacts`."""
    names = sorted(item.facts.get("lacks", {}))
    return {"lacked": names} if names else {}


def silent(world: World, items: Sequence[Item]) -> list[str]:
    """Services whose checks tell nothing of refused calls, where the replacement may lack a right."""
    if not narrow(world, world.facts()):
        return []
    return [item.name for item in items if "lacks" not in item.facts]


def narrow(world: World, facts: Facts) -> bool:
    """Whether the replacement has, or is to have, a list of permissions."""
    kind = str(facts.get("new", {}).get("kind") or (KeyKind.RESTRICTED if not world.issuer.guided else world.key.kind))
    return world.key.kind is not KeyKind.WEBHOOK and kind == KeyKind.RESTRICTED


def not_seen(names: Sequence[str]) -> str:
    """The sentence about `silent`; "" for none."""
    if not names:
        return ""
    return f"; not seen: whether the replacement lacks a right that is in use by {', '.join(names)}, whose checks tell no refused calls"


# ── putting it right ──


def added(world: World, record: Incident) -> tuple[Missing, Outcome | None]:
    """Give the replacement what a person said yes to and it does not have yet; an outcome where that cannot be done now."""
    rights = record.facts.get("rights", {})
    granted = dict(rights.get("granted", {}))
    wanted = {name: row for name, row in _agreed(record).items() if name not in granted and name in _ever_told(record)}
    if not wanted or "new" not in record.facts:
        return Missing(granted=granted), None
    told = {row["name"]: row["told_by"] for row in rights.get("lacking", [])}
    fresh: dict[str, Right] = {}
    stopped: Outcome | None = None
    for name, row in wanted.items():
        try:
            how = world.issuer.widen(_target(world, record), name)
        except Unknown as error:
            stopped = Outcome(Did.UNKNOWN, f"{_called(name)} was not seen to be added: {error.what}")
            break
        except (PortError, Waiting) as error:
            clicks = f"add it {error.next_step or 'in the Dashboard'}; then: ir resume {world.incident}"
            stopped = Outcome(Did.WAITING, f"{_called(name)} was not added: {error.what}", todo=clicks)
            break
        fresh[name] = Right(by=row["by"], how=how, at=0.0, told_by=told.get(name, []))
    if fresh:
        world.clock.sleep(_BITES)
        fresh = {name: Right(**{**row, "at": world.now()}) for name, row in fresh.items()}
    debts = tuple(confirm(world.incident, *one) for one in fresh.items())
    found = Missing(granted={**granted, **fresh}, facts={"rights": {"granted": fresh}} if fresh else {}, debts=debts)
    if stopped is not None:
        stopped = Outcome(stopped.did, stopped.said, found.facts, debts=found.debts, todo=stopped.todo)
    return found, stopped


def _ever_told(record: Incident) -> set[str]:
    """Rights that this incident was told to be lacking: no word adds another."""
    told = (run.outcome.facts.get("rights", {}).get("lacking", []) for run in record.runs)
    return {str(row["name"]) for rows in told for row in rows}


def _agreed(record: Incident) -> dict[str, Right]:
    """What people said yes to about this very replacement: at this incident's terminal, or by `ir approve --grant`."""
    mark = record.facts.get("new", {}).get("fingerprint", "")
    said = {str(s["grant"]): Right(by=str(s["by"])) for s in record.signals if _grants(s, mark)}
    return {**said, **record.facts.get("rights", {}).get("agreed", {})}


def _grants(signal: Json, mark: str) -> bool:
    name = str(signal.get("grant", ""))
    return signal.get("kind") == "approve" and bool(name) and signal.get("seen") == mark and permission.named(name) == name


def _target(world: World, record: Incident) -> Target:
    new = record.facts["new"]
    name = "" if new.get("rotated") else f"ir-{world.incident}-{new['n']}"
    return Target(new.get("id", ""), world.new_key(record.facts), replacement=True, name=name)


def stop(world: World, record: Incident, lacking: Missing) -> Outcome:
    """Nothing goes on while a right is lacking: a person is asked, or told what to do. `unknown`: said yes, to be done at once."""
    again = [name for name in lacking.told_by if name in lacking.granted]
    new = [name for name in lacking.told_by if name and name not in lacking.granted]
    if again or "" in lacking.told_by:
        return Outcome(Did.WAITING, lacking.said, lacking.facts, todo=_not_by_that_name(world, again))
    if world.issuer.guided:
        return Outcome(Did.WAITING, lacking.said, lacking.facts, todo=_clicks(world, record, new))
    agreed = {name: Right(by=world.operator.name, at=world.now()) for name in new if _yes(world, record, name, lacking.told_by[name])}
    facts: Json = {**lacking.facts, "rights": {**lacking.facts.get("rights", {}), **({"agreed": agreed} if agreed else {})}}
    if len(agreed) == len(new):
        return Outcome(Did.UNKNOWN, f"{lacking.said}; it is added now, as {world.operator.name} says", facts)
    return Outcome(Did.WAITING, lacking.said, facts, todo=_todo(world.incident, [name for name in new if name not in agreed]))


def _yes(world: World, record: Incident, name: str, who: Sequence[str]) -> bool:
    """Of a person at this terminal, never of `--yes`: it makes the new key able to do more."""
    if not world.operator.interactive:
        return False
    old = record.facts["old"].get("permissions", [])
    had = "" if not old else " The old key had it." if implied_by(name, old) else " The old key did NOT have it."
    danger = f" Look twice: it {DANGEROUS[name]}." if name in DANGEROUS else ""
    world.operator.tell(f"The replacement lacks `{name}`: that is told by {' and '.join(who)}, not by Stripe itself.{had}{danger}")
    return world.operator.choose(f"Add `{name}` to the replacement, and nothing else?", (ADD, STOP)) == ADD


def _todo(incident: str, names: Sequence[str]) -> str:
    if not all(names):
        return f"see in the service's own log what Stripe refuses, then: ir resume {incident}"
    grants = " and ".join(f"ir approve {incident} --grant {name}" for name in names)
    return f"if it is meant: {grants}, then: ir resume {incident}; or go back: ir rollback {incident}"


def _not_by_that_name(world: World, again: Sequence[str]) -> str:
    """A refusal may name another permission than the one that opens the call, and some do."""
    had = (
        f"the key has {', '.join(again)} by now: the service may tell what it was refused before, or Stripe's refusal names the wrong one. "
    )
    look = "See in the service's log which call is refused, and give the key what opens it (⋯ > `Edit key`)"
    return f"{had if again else ''}{look}; then: ir resume {world.incident}; or go back: ir rollback {world.incident}"


def _clicks(world: World, record: Incident, names: Sequence[str]) -> str:
    told = []
    for name in names:
        try:
            world.issuer.widen(_target(world, record), name)
        except Waiting as asked:
            told.append(str(asked.next_step))
    back = f"or go back: ir rollback {world.incident}"
    return f"if it is meant: {'; '.join(told)}; then: ir resume {world.incident}; {back}"


def confirm(incident: str, name: str, row: Right) -> Debt:
    """A right that was added in the middle of a rotation is one that a person has to mean."""
    who = " and ".join(row.get("told_by", [])) or "a service"
    why = f"`{name}` was added to the replacement, since {who} was refused without it"
    close = f"confirm that it is meant: ir close {incident} --debt '{right_called(name)}' --attest REASON --by NAME"
    return Debt(LEARNED, right_called(name), why, f"{close}; if not, take it away in the Dashboard (⋯ > `Edit key`)")


def summary(added: Missing) -> str:
    """What this attempt added, for its sentence; "" for nothing."""
    names = list(added.facts.get("rights", {}).get("granted", {}))
    return f"; {counted(len(names), 'right')} added: {', '.join(names)}" if names else ""


def _called(name: str) -> str:
    return f"`{name}`" if name else UNNAMED
