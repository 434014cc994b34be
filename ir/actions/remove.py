"""Remove: delete what is left at the provider of a dead key, such as a disabled webhook endpoint, some days after it died.

Until then it can be enabled again, with everything that was set up for it; so what is done here is to say when, and `runtime.removals`
does it (`ir schedule run`, `ir worker`, `ir resume`).
"""

from datetime import UTC, datetime

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Plan the deletion, only after the death was proven: until then the endpoint is the way back to the old key."""
    facts = record.facts
    if not facts.get("proof"):
        return Outcome(Did.SKIPPED, "the old key is not proven dead, so nothing of it is deleted")
    key_id = facts["old"].get("id", "")
    at = float(facts.get("retire_asked_at") or world.now()) + float(step.params.get("after", 0.0))
    if key_id and at > world.now() and world.ports.deliveries is not None and not world.ports.issuer.guided:
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        said = f"{key_id} is disabled, and is deleted from {day} on, by ir schedule run or ir resume {world.incident}"
        return Outcome(Did.DONE, said, {"removal": {"id": key_id, "at": at}}, paid=(key_id,))
    try:
        said = world.ports.issuer.remove(key_id) if key_id else ""
    except PortError as error:
        debt = Debt("leftover", key_id, f"not deleted: {error.what}", f"ir resume {world.incident}")
        return Outcome(Did.FAILED, debt.why, debts=(debt,), todo=debt.todo)
    if not said:
        return Outcome(Did.SKIPPED, "nothing of it is left at the provider")
    return Outcome(Did.DONE, said, {"removed_at": world.now()}, paid=(key_id,))


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say what would be deleted."""
    return Outcome(Did.SKIPPED, "would delete what is left of the old key at the provider, days after it is proven dead")
