"""Forged: find events that the services processed and Stripe never made. A holder of the signing secret sends them to the services.

Each service is asked for the ids of the events that it processed since the exposure, or in the 30 days for which Stripe keeps events. Those
that Stripe does not know are forged.
"""

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

KEPT = 30 * 86400.0
"""Seconds for which Stripe keeps events (docs/stripe-facts.md, 3)."""
_SHOWN = 50


def run(world: World, record: Incident, step: Step) -> Outcome:
    """`done` when each processed event is Stripe's; `failed`, and a debt, when some are not; `skipped` when no service tells."""
    if world.ports.deliveries is None:
        return Outcome(Did.SKIPPED, "no service takes events")
    exposed = float(record.facts.get("exposed_at") or 0.0)
    since = max(exposed, world.now() - KEPT) if exposed else world.now() - KEPT
    try:
        processed = world.ports.deliveries.processed(since)
        if processed is None:
            said = "no service tells which events it processed (`processed:` of its check), so whether one was forged was not looked at"
            return _not_looked(said)
        unknown = world.ports.deliveries.unknown(processed)
    except PortError as error:
        return _not_looked(f"whether forged events were processed cannot be told: {error.what}")
    window = "since the exposure" if since == exposed else "in the last 30 days, for which Stripe keeps events"
    return _told(world, record, {"since": since, "window": window}, processed, unknown)


def _not_looked(why: str) -> Outcome:
    return Outcome(Did.SKIPPED, why, {"forged": {"looked": False, "why": why}})


def _told(world: World, record: Incident, asked: Json, processed: list[str], unknown: list[str]) -> Outcome:
    seen: Json = {"looked": True, **asked, "processed": len(processed), "count": len(unknown), "ids": unknown[:_SHOWN]}
    if not unknown:
        said = f"{counted(len(processed), 'event')} processed {asked['window']}, each known to Stripe"
        return Outcome(Did.DONE, said, {"forged": seen})
    which = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
    why = f"{counted(len(unknown), 'forged event')} processed: Stripe does not know {which}"
    todo = f"undo what the services did for them (orders, credits), then: ir close {world.incident} --attest REASON --by NAME"
    return Outcome(Did.FAILED, why, {"forged": seen}, debts=(Debt("misuse", f"forged events of {record.id}", why, todo),), todo=todo)
