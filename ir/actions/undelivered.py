"""Undelivered: events for the old endpoint that wait for Stripe's next try, handled before it is disabled.

A second endpoint gets what happens after it was made, never what happened before. What was not taken until then comes again at the old
endpoint, signed with the old secret, which the services refuse by now; and once that endpoint is disabled it does not come at all.
"""

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Deliveries

KIND = "undelivered"
"""Kind of the debt."""
_EVERY = 2.0


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Wait while the services take them; then, if a person agrees, give them to the services, signed with the new secret."""
    facts, deliveries = record.facts, world.ports.deliveries
    if deliveries is None or world.ports.issuer.guided or "new" not in facts:
        return Outcome(Did.SKIPPED, "the endpoint stays, and Stripe tries again by itself")
    known = facts.get("undelivered", {})
    try:
        left = list(known["left"]) if "left" in known else _waited(world, record, step, deliveries)
    except PortError as error:
        why = f"whether events wait at the old endpoint cannot be told: {error.what}"
        return Outcome(Did.FAILED, why, debts=(_debt(world, record, why),))
    if not left:
        return Outcome(Did.DONE, "no event waits at the old endpoint", {KIND: {"left": []}}, paid=(_about(record),))
    return _replayed(world, record, deliveries, left)


def _waited(world: World, record: Incident, step: Step, deliveries: Deliveries) -> list[str]:
    """The events that are left once the services had their time; where they refuse the old secret, waiting does not help."""
    with world.hooks.resting(float(step.params["for"])):
        return _waited_for(world, record, deliveries, float(step.params["for"]))


def _waited_for(world: World, record: Incident, deliveries: Deliveries, seconds: float) -> list[str]:
    until = world.elapsed() + seconds
    while True:
        left = deliveries.left()
        hopeless = deliveries.still_accepted(world.old_key(record.facts)) is False
        if not left or hopeless or world.elapsed() >= until or world.run.stopping():
            return left
        world.hooks.say(f"{counted(len(left), 'event')} not delivered yet: waiting for Stripe's next try")
        world.ports.clock.sleep(_EVERY)


def _replayed(world: World, record: Incident, deliveries: Deliveries, left: list[str]) -> Outcome:
    what = f"{counted(len(left), 'event')} that Stripe may not have delivered"
    question = f"The old endpoint, which is disabled next, has {what}. Send them to the services now, signed with the new secret?"
    if not world.ports.operator.confirm(question):
        return _with_debt(world, record, left, f"the old endpoint has {what}: none of it comes again once it is disabled")
    new, rest = world.new_key(record.facts), list[str]()
    world.hooks.say(f"sending {counted(len(left), 'event')} to the services")
    for event in left:
        try:
            taken = deliveries.replay(event, new)
        except PortError:
            taken = None
        rest += [] if taken else [event]
    if rest:
        why = f"of {counted(len(left), 'undelivered event')} sent to the services {len(rest)} {_were(rest)} not taken"
        return _with_debt(world, record, rest, why)
    said = f"{what} went to the services, signed with the new secret, and {_were(left)} taken"
    return Outcome(Did.DONE, said, _facts(left, []), paid=(_about(record),))


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say what would be looked for."""
    return Outcome(Did.SKIPPED, "would look for events that wait at the old endpoint, and ask whether to send them to the services")


def _with_debt(world: World, record: Incident, rest: list[str], why: str) -> Outcome:
    return Outcome(Did.FAILED, why, _facts(rest, rest), debts=(_debt(world, record, why),), todo=_debt(world, record, why).todo)


def _facts(seen: list[str], left: list[str]) -> Json:
    return {KIND: {"seen": len(seen), "left": left}}


def _were(rest: list[str]) -> str:
    return "was" if len(rest) == 1 else "were"


def _about(record: Incident) -> str:
    return f"events at {record.facts['old'].get('id') or 'the old endpoint'}"


def _debt(world: World, record: Incident, why: str) -> Debt:
    return Debt(KIND, _about(record), why, f"ir resume {world.incident} --yes sends them, signed with the new secret")
