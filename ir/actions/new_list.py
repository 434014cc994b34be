"""The list of permissions that a replacement is made with (no action of its own): which one, and how it differs from the old key's."""

from collections.abc import Iterable
from datetime import UTC, datetime

from ir.core.model import Did, KeyKind, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.incident.plan import Plan
from ir.incident.record import Incident
from ir.inventory import Key
from ir.permissions.names import DANGEROUS, implied_by, label


def names(plan: Plan, key: Key, facts: Facts) -> tuple[str, ...]:
    """As derived from use and given with the plan, else as the inventory lists them, else as the old key has them; () = not known.

    What was added to an earlier replacement of this incident is in it, too.
    """
    listed = (plan.wanted.names if plan.wanted else ()) or tuple(key.permissions or facts["old"].get("permissions", []))
    return tuple(dict.fromkeys((*listed, *facts.get("rights", {}).get("granted", {})))) if listed else ()


def kind(plan: Plan, facts: Facts) -> KeyKind:
    """What the replacement is to be: a key with a derived list is a restricted one."""
    old = KeyKind(facts["old"]["kind"])
    return KeyKind.RESTRICTED if plan.wanted and old is KeyKind.SECRET else old


def difference(world: World, record: Incident) -> str:
    """What the replacement may do more, and less, than the old key; "" where no list was derived."""
    if world.plan.wanted is None:
        return ""
    new, old = world.plan.wanted.names, record.facts["old"].get("permissions", [])
    listed = f"{counted(len(new), 'permission')} derived from use ({', '.join(map(_looked, new))})"
    if not old and record.facts["old"]["kind"] == KeyKind.SECRET:
        return f"the old key is a secret key, which may do everything; the replacement is a restricted key, with {listed}"
    if not old:
        return f"what the old key may do is not known; the replacement gets {listed}"
    less = [name for name in old if not implied_by(name, new)]
    more = [name for name in new if not implied_by(name, old)]
    return f"the replacement gets {listed}; the old key could also: {_all(less)}; the old key could not: {_all(more)}"


def expiry(world: World) -> str:
    """When the replacement dies by itself; "" = never."""
    at = world.options.new_key_expires
    return (
        f"it dies by itself at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M UTC}: rotate it before, or its services fail" if at else ""
    )


def _looked(name: str) -> str:
    return f"{name}, which {DANGEROUS[name]}" if name in DANGEROUS else name


def _all(some: Iterable[str]) -> str:
    return ", ".join(some) or "nothing"


def refused(world: World, record: Incident) -> Outcome | None:
    """Who sits at the terminal sees the difference before anything is made; None: it may be made."""
    said = difference(world, record)
    if not said or not world.ports.operator.interactive:
        return None
    world.ports.operator.tell(
        f"{said[:1].upper()}{said[1:]}. What it lacks is refused with 403; left out, as first used late: {_left(world)}."
    )
    if world.ports.issuer.guided or world.ports.operator.confirm("Make it with this list?"):  # who ticks it off sees each line
        return None
    todo = f"to be asked again: ir resume {world.incident}; to leave it: ir abort {world.incident}"
    return Outcome(Did.WAITING, f"no replacement was made: {world.ports.operator.name} does not want that list", todo=todo)


def _left(world: World) -> str:
    return _all(map(label, world.plan.wanted.apart if world.plan.wanted else ()))
