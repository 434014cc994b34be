"""Grace: both keys live for a while (scheduled policy)."""

from ir.durations import spoken
from ir.incident import Incident
from ir.model import Did, Outcome
from ir.plan import Step
from ir.world import World


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Wait until the grace that began with the last promotion is over; a resumed run waits only for the rest."""
    if "new" not in record.facts or record.facts.get("dead_on_arrival"):
        return Outcome(Did.SKIPPED, "there is no overlap")
    until = float(record.facts.get("promoted_at", world.now())) + float(step.params["for"])
    left = until - world.now()
    if left > 0 and not world.patient:
        said = f"both keys live for another {spoken(left)}"
        return Outcome(Did.WAITING, said, {"wake_at": until}, todo=f"nothing: a worker goes on by itself, or ir resume {world.incident}")
    if left > 0:
        world.say(f"both keys live for another {spoken(left)}")
    while world.now() < until:
        if world.stopping():
            return Outcome(Did.SKIPPED, "grace was cut short by a signal")
        world.clock.sleep(min(1.0, max(until - world.now(), 0.01)))
    return Outcome(Did.DONE, f"both keys lived side by side for {spoken(float(step.params['for']))}")
