"""Grace: both keys live for a while (scheduled policy).

When it begins, the provider's own time of the old key's last use is noted: a later one is a use after every service had moved, and no
clock of ours, which may be wrong by days, has a part in that.
"""

from ir.core.durations import spoken
from ir.core.errors import PortError
from ir.core.model import Did, Json, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Wait until the grace that began with the last promotion is over; a resumed run waits only for the rest."""
    if "new" not in record.facts or record.facts.get("dead_on_arrival"):
        return Outcome(Did.SKIPPED, "there is no overlap")
    if record.facts.get("containment"):
        return Outcome(Did.SKIPPED, "the old key was contained: no service can use it any more")
    if said := ended_early(record):
        return Outcome(Did.SKIPPED, said)
    noted: Json = {} if "grace" in record.facts else {"grace": {"last_used": _last_used(world, record)}}
    until = float(record.facts.get("promoted_at", world.now())) + float(step.params["for"])
    left = until - world.now()
    if left > 0 and not world.run.patient:
        said = f"both keys live for another {spoken(left)}"
        todo = f"ir resume {world.incident} goes on once that is over; ir schedule run, or a worker, does so by itself"
        return Outcome(Did.WAITING, said, {**noted, "wake_at": until}, todo=todo)
    if left > 0:
        world.hooks.say(f"both keys live for another {spoken(left)}")
    while (left := until - world.now()) > 0:
        if world.run.stopping():
            return Outcome(Did.SKIPPED, "grace was cut short by a signal", noted)
        world.ports.clock.sleep(min(1.0, max(left, 0.01)))
    return Outcome(Did.DONE, f"both keys lived side by side for {spoken(float(step.params['for']))}", noted)


def ended_early(record: Incident) -> str:
    """The reason for killing without a wait, "" = the grace is waited for."""
    told = record.facts.get("emergency")
    return f"{told['by']} said that the old key has leaked: nothing is waited for before it dies" if told else ""


def _last_used(world: World, record: Incident) -> float:
    """The last use by the provider's clock; 0.0 when it does not tell, or tells it only to a user of the key."""
    key_id = record.facts["old"].get("id", "")
    try:
        row = world.ports.issuer.identify(world.old_key(record.facts), known_id=key_id) if key_id else None
    except PortError:
        return 0.0
    return row.last_used if row else 0.0
