"""How the replacement gets a right that it lacks (no action of its own): asked, added by API, or clicked; what stands still until then."""

from collections.abc import Sequence

from ir.actions import rights
from ir.core import permission
from ir.core.errors import PortError, Unknown, Waiting
from ir.core.model import Did, Json, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.facts import Right
from ir.incident.record import Incident
from ir.permissions.names import DANGEROUS, implied_by
from ir.ports import Target

ADD, STOP = "add it", "stop"
_BITES = 2.0
"""Seconds until a changed list of permissions holds (measured: 1 to 1.5)."""


def added(world: World, record: Incident) -> tuple[rights.LackingRights, Outcome | None]:
    """Give the replacement what a person said yes to and it does not have yet; an outcome where that cannot be done now."""
    recorded = record.facts.get("rights", {})
    granted = dict(recorded.get("granted", {}))
    wanted = {name: row for name, row in _agreed(record).items() if name not in granted and name in _ever_told(record)}
    if not wanted or "new" not in record.facts:
        return rights.LackingRights(granted=granted), None
    told = {row["name"]: row["told_by"] for row in recorded.get("lacking", [])}
    fresh: dict[str, Right] = {}
    stopped: Outcome | None = None
    for name, row in wanted.items():
        try:
            how = world.ports.issuer.widen(_target(world, record), name)
        except Unknown as error:
            stopped = Outcome(Did.UNKNOWN, f"{rights.called(name)} was not seen to be added: {error.what}")
            break
        except (PortError, Waiting) as error:
            clicks = f"add it {error.next_step or 'in the Dashboard'}; then: ir resume {world.incident}"
            stopped = Outcome(Did.WAITING, f"{rights.called(name)} was not added: {error.what}", todo=clicks)
            break
        fresh[name] = Right(by=row["by"], how=how, at=0.0, told_by=told.get(name, []))
    if fresh:
        world.ports.clock.sleep(_BITES)
        fresh = {name: Right(**{**row, "at": world.now()}) for name, row in fresh.items()}
    debts = tuple(rights.confirm(world.incident, *one) for one in fresh.items())
    found = rights.LackingRights(granted={**granted, **fresh}, facts={"rights": {"granted": fresh}} if fresh else {}, debts=debts)
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


def stop(world: World, record: Incident, lacking: rights.LackingRights) -> Outcome:
    """Nothing goes on while a right is lacking: a person is asked, or told what to do. `unknown`: said yes, to be done at once."""
    again = [name for name in lacking.told_by if name in lacking.granted]
    new = [name for name in lacking.told_by if name and name not in lacking.granted]
    if again or "" in lacking.told_by:
        return Outcome(Did.WAITING, lacking.said, lacking.facts, todo=_not_by_that_name(world, again))
    if world.ports.issuer.guided:
        return Outcome(Did.WAITING, lacking.said, lacking.facts, todo=_clicks(world, record, new))
    agreed = {name: Right(by=world.ports.operator.name, at=world.now()) for name in new if _yes(world, record, name, lacking.told_by[name])}
    facts: Json = {**lacking.facts, "rights": {**lacking.facts.get("rights", {}), **({"agreed": agreed} if agreed else {})}}
    if len(agreed) == len(new):
        return Outcome(Did.UNKNOWN, f"{lacking.said}; it is added now, as {world.ports.operator.name} says", facts)
    return Outcome(Did.WAITING, lacking.said, facts, todo=rights.todo_for(world.incident, [name for name in new if name not in agreed]))


def _yes(world: World, record: Incident, name: str, who: Sequence[str]) -> bool:
    """Of a person at this terminal, never of `--yes`: it makes the new key able to do more."""
    if not world.ports.operator.interactive:
        return False
    old = record.facts["old"].get("permissions", [])
    had = "" if not old else " The old key had it." if implied_by(name, old) else " The old key did NOT have it."
    danger = f" Look twice: it {DANGEROUS[name]}." if name in DANGEROUS else ""
    world.ports.operator.tell(f"The replacement lacks `{name}`, {rights.as_told(who)}.{had}{danger}")
    return world.ports.operator.choose(f"Add `{name}` to the replacement, and nothing else?", (ADD, STOP)) == ADD


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
            world.ports.issuer.widen(_target(world, record), name)
        except Waiting as asked:
            told.append(str(asked.next_step))
    back = f"or go back: ir rollback {world.incident}"
    return f"if it is meant: {'; '.join(told)}; then: ir resume {world.incident}; {back}"


def summary(added: rights.LackingRights) -> str:
    """What this attempt added, for its sentence; "" for nothing."""
    names = list(added.facts.get("rights", {}).get("granted", {}))
    return f"; {counted(len(names), 'right')} added: {', '.join(names)}" if names else ""
