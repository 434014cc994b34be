"""Leave: what lives on when an incident is given up. Looks only; every key of ours that is found is named as debt."""

from ir.actions import own_keys
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Keys at the provider that carry our name, and keys in custody that no record knows."""
    debts = [*_at_the_provider(world, record), *in_custody(world, record)]
    said = f"left behind by this run: {counted(len(debts), 'key')}" if debts else "no key of this run is left behind unrecorded"
    return Outcome(Did.DONE, said, debts=tuple(debts))


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was made."""
    return Outcome(Did.SKIPPED, "nothing was made")


def _at_the_provider(world: World, record: Incident) -> list[Debt]:
    todo = "expire it in the Dashboard"
    try:
        return [Debt("key-alive", row.id, f"{row.name} lives and is not used", todo) for row in own_keys.others(world, record.facts)]
    except PortError as error:
        return [own_keys.unlisted(world, error)]


def in_custody(world: World, record: Incident) -> list[Debt]:
    """A guided key that was taken in the very moment in which the process died."""
    mint, new = record.facts.get("mint", {}), record.facts.get("new", {})
    if new or not mint or not world.issuer.guided or not world.custody.possible:
        return []
    try:
        found = world.custody.fetch(f"new-{mint['n']}")
    except PortError as error:
        return [own_keys.unlisted(world, error)]
    if found is None:
        return []
    return [Debt("key-alive", found.fingerprint, "a key that was given by hand lives and is not used", "expire it in the Dashboard")]
