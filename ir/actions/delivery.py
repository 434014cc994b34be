"""Delivery: an event that Stripe signed and the services took. Only this shows that they have this endpoint's new secret.

Our own test events are signed with the text that was stored, so they show only that two texts are equal: the secret of another
endpoint passes them all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ir.core.durations import spoken
from ir.core.errors import PortError, Waiting
from ir.core.model import Did, Json, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Deliveries, Sent

_EVERY = 2.0
_QUIET = 30.0
"""Seconds without an event after which a person is led to make one."""
_EVENT = re.compile(r"evt_(?!ir)[A-Za-z0-9_]{8,60}")


@dataclass
class _Look:
    """The observations so far.

    Attributes:
        mark: when the newest event was made that was there when we began, by Stripe's clock; None = not begun.
        first: event → when it was seen first (`World.elapsed`). floor: see `Deliveries.floor`.
    """

    floor: int
    mark: int | None = None
    first: dict[str, float] = field(default_factory=dict)
    both: bool = False
    sent: Sequence[Sent] = ()
    trouble: str = ""

    def taken(self) -> Sent | None:
        """The first event that proves it. While the old secret is accepted, too, each endpoint of ours must have taken it."""
        return next((event for event in reversed(self.sent) if event.taken(by_all=self.both)), None)

    def refused(self, now: float, patience: float) -> list[Sent]:
        """Events that have waited for so long, and that none of the endpoints took."""
        late = [event for event in self.sent if now - self.first[event.id] >= patience]
        none = all(event.untaken >= max(event.wanted, self.floor + 1) for event in late)
        return late if none else []


def before(world: World) -> tuple[Json, list[str]]:
    """Before anything is made: note what has to be known of deliveries later, and find reasons against the rotation."""
    if world.ports.deliveries is None:
        return {}, []
    try:
        blind = world.ports.deliveries.blind()
        if blind:
            said = f"that Stripe's deliveries are accepted could not be seen: {blind}"
            if world.options.dry_run:
                world.hooks.say(f"WARNING: {said}; without a person at the terminal the rotation is refused")
            return {}, [said] if not world.ports.operator.interactive and not world.options.dry_run else []
        return {"delivery": {"floor": world.ports.deliveries.floor()}}, world.ports.deliveries.problems()
    except PortError as error:
        return {}, [f"Stripe's deliveries cannot be looked at: {error.what}"]


def run(world: World, record: Incident, step: Step) -> Outcome:
    """`done` with the event; `failed` when Stripe's deliveries are refused, so that the old secret is put back; else `waiting`."""
    facts, deliveries = record.facts, world.ports.deliveries
    if deliveries is None or "new" not in facts:
        return Outcome(Did.SKIPPED, "there is no new secret that Stripe signs with")
    known = facts.get("delivery", {})
    if known.get("event"):
        return Outcome(Did.SKIPPED, f"seen already: {known['event']}")
    if why := deliveries.blind():
        return _by_word(world, record, deliveries, why)
    with world.hooks.resting(float(step.params["for"])):
        return _by_look(world, record, step, deliveries)


def _by_look(world: World, record: Incident, step: Step, deliveries: Deliveries) -> Outcome:
    seen, begun = _Look(int(record.facts.get("delivery", {}).get("floor", 0))), world.elapsed()
    until, led = begun + float(step.params["for"]), False
    world.hooks.say(f"waiting for a delivery that Stripe signed, {spoken(float(step.params['for']))} at most")
    while True:
        later = _look(world, record, step, deliveries, seen)
        if later is not None:
            return later
        event = seen.taken()
        if event is not None:
            return _done(world, event.id, "seen at Stripe", f"Stripe signed {event.id} and the services took it")
        refused = seen.refused(world.elapsed(), float(step.params["patience"]))
        if refused:
            count = counted(len(refused), "delivery", "deliveries")
            said = f"the services refuse what Stripe signs: {count} since the change, not one of them taken"
            told = {"delivery": {"refused": len(refused)}}
            return Outcome(Did.FAILED, f"{said}; the new secret is not this endpoint's", told, todo=_again(world))
        if world.elapsed() >= until or world.run.stopping():
            return _none_yet(world, deliveries, seen)
        if world.ports.operator.interactive and not led and not seen.sent and world.elapsed() > begun + _QUIET:
            led = True
            world.ports.operator.tell(deliveries.to_resend())
        world.ports.clock.sleep(_EVERY if until - begun > _EVERY else 0.2)


def _look(world: World, record: Incident, step: Step, deliveries: Deliveries, seen: _Look) -> Outcome | None:
    """Look once; returns an outcome when it cannot be told here at all."""
    try:
        accepted, guided = deliveries.still_accepted(world.old_key(record.facts)), world.ports.issuer.guided
        seen.both = accepted is not False
        if guided and accepted:
            return _too_early(world, step)
        if guided and accepted is None:
            seen.trouble = "whether the services refuse the old secret cannot be told, and Stripe signs with it, too"
            return None
        if seen.mark is None:
            seen.mark = deliveries.newest()
        seen.sent = deliveries.since(seen.mark)
        seen.trouble = ""
    except PortError as error:
        seen.trouble = error.what
    for event in seen.sent:
        seen.first.setdefault(event.id, world.elapsed())
    return None


def _too_early(world: World, step: Step) -> Outcome:
    """Whether it is too early.

    After a roll each delivery has both signatures, so it proves nothing while a service accepts the old secret.
    """
    said = "a service accepts the old secret, too, and Stripe signs with both: a delivery does not tell yet which one it has"
    rest = world.plan.steps[[row.id for row in world.plan.steps].index(step.id) + 1 :]
    if any(row.action == "delivery" for row in rest):
        return Outcome(Did.SKIPPED, said)
    return Outcome(Did.WAITING, said, todo=f"make the services refuse the old secret, then: ir resume {world.incident}")


def _none_yet(world: World, deliveries: Deliveries, seen: _Look) -> Outcome:
    if seen.trouble and not seen.sent:
        return Outcome(Did.UNKNOWN, f"no delivery was seen: {seen.trouble}", todo=_again(world))
    count = f"{counted(len(seen.sent), 'event')} of it since the change" if seen.sent else "there was no event of it since the change"
    said = f"no delivery was seen that Stripe signed and the services took: {count}"
    return Outcome(Did.WAITING, said, todo=f"{deliveries.to_resend()}\nThen: ir resume {world.incident}")


def _by_word(world: World, record: Incident, deliveries: Deliveries, why: str) -> Outcome:
    """Ask a person to look at Stripe's own page; without one, go back to the old secret, while Stripe signs with it."""
    if not world.ports.operator.interactive:
        return Outcome(Did.FAILED, f"that Stripe's deliveries are accepted cannot be seen: {why}", todo=_again(world))
    try:
        if deliveries.still_accepted(world.old_key(record.facts)) is not False:
            said = "whether the services refuse the old secret is not seen, so a delivery does not tell which one they have"
            return Outcome(Did.WAITING, said, todo=f"make the services refuse it, then: ir resume {world.incident}")
        world.ports.operator.tell(deliveries.to_resend())
        said = world.ports.operator.ask("Id of the event (evt_…) whose newest attempt has 2xx; n: there is none:")
    except (PortError, Waiting) as error:
        return Outcome(Did.WAITING, f"nobody has said that a delivery was taken: {error.what}", todo=_again(world))
    if _EVENT.fullmatch(said):
        return _done(
            world,
            said,
            f"by the word of {world.ports.operator.name}",
            f"{world.ports.operator.name} says that Stripe shows {said} as taken",
        )
    return Outcome(Did.FAILED, "no delivery is taken, says the person who looked", todo=_again(world))


def _done(world: World, event: str, how: str, said: str) -> Outcome:
    return Outcome(Did.DONE, f"{said}: they have this endpoint's secret", {"delivery": {"event": event, "how": how, "at": world.now()}})


def _again(world: World) -> str:
    return f"ir resume {world.incident}"
