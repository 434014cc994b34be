"""Quiet: do *our* services still use the old key? Strangers' use never delays the kill; it speeds it.

Where no source shows uses of the key, an unhurried run (`required`) waits for a person's word; any other says so and goes on.
Where one shows that it is used, `key_users` tells whose use it is, as far as that can be told.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ir.actions import grace, key_users, last_use
from ir.core.errors import PortError
from ir.core.model import Did, Json, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

UNUSED, USED = "unused", "used"


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Watch the provider's `last_used` of the old key for a while; without one, ask a person, or say that it was not checked."""
    facts = record.facts
    if said := _nothing_to_hear(record):
        return Outcome(Did.SKIPPED, said)
    old, key_id = world.old_key(facts), facts["old"].get("id", "")
    first = world.ports.issuer.identify(old, known_id=key_id) if key_id or not world.ports.issuer.guided else None
    if first is not None and not first.active:
        return Outcome(Did.SKIPPED, "the old key is dead already, so nothing can use it", {"quiet": {"checked": False}})
    if first is None or not first.last_used:  # we asked with it ourselves: a missing time means that none is told
        if stopped := key_users.logged(world, record, float(step.params["for"]), _ahead(world, record)):
            return stopped
        if step.params["required"]:
            return _word(world, record)
        return Outcome(Did.SKIPPED, "not checked: no source shows who still uses the old key", {"quiet": {"checked": False}})
    world.hooks.say(f"listening for use of the old key for {step.params['for']:g} s")
    noted = world.lookups.own_uses()
    mine = last_use.own(world, old, first.id)
    if mine is None or not mine.last_used:
        said = f"cannot tell who uses the old key: Stripe did not show our own use of it within {last_use.WITHIN:g} s"
        outcome = _word(world, record, mine) if step.params["required"] else Outcome(Did.SKIPPED, said, {"quiet": {"checked": False}})
        return replace(outcome, facts={**outcome.facts, **({"old": {"probed_at": mine.at}} if mine else {})})
    told = first.last_used if key_id else 0.0  # without an id, it was found by a use of our own
    news = last_use.comparable(record, mine.ahead) and told > last_use.known_until(record, mine.ahead)
    used = told if news and not last_use.perhaps_ours(told, noted, mine.ahead) else 0.0
    if not used:
        with world.hooks.resting(float(step.params["for"])):
            used = last_use.by_others(world, old, first.id, mine, float(step.params["for"]))
    if not used and world.run.stopping():
        return Outcome(Did.SKIPPED, "listening was cut short by a signal", {"quiet": {"checked": False}, "old": {"probed_at": mine.at}})
    quiet: Json = {"quiet": {"checked": True, **({"used_at": used} if used else {})}, "old": {"probed_at": mine.at}}
    if not used:
        return Outcome(Did.DONE, "no use of the old key was seen after the services moved", quiet)
    return key_users.judged(world, record, quiet, mine.ahead, required=bool(step.params["required"]))


def _nothing_to_hear(record: Incident) -> str:
    facts = record.facts
    if "new" not in facts or facts.get("dead_on_arrival") or facts.get("containment"):
        return "there is no overlap in which to listen"
    return grace.ended_early(record)


# ── a human's word ──


def _word(world: World, record: Incident, mine: last_use.Own | None = None) -> Outcome:
    """A person's observation in the Dashboard: given at this terminal, or sent (`ir approve --unused`) about the present verification.

    The key is not probed here: that would be a use, and all that the Dashboard shows is the newest one. `mine`: a use that was made all the
    same, and that Stripe's list did not show in time.
    """
    word = _sent(record)
    if not word and world.ports.operator.interactive:
        world.ports.operator.tell(_where(world, record, mine))
        if world.ports.operator.choose("What does its `Last used` say?", (UNUSED, USED)) == UNUSED:
            word = {"by": world.ports.operator.name, "reason": "looked at `Last used` in the Dashboard when asked"}
    if word:
        said = f"{word['by']} says that the old key is not used any more: {word['reason']}; attested, no source of ours shows it"
        return Outcome(Did.DONE, said, {"quiet": {"checked": False, "attested": word}})
    said = "no source shows whether the old key is still used, and nothing is urgent: it is not killed before a person has looked"
    todo = f"{_where(world, record, mine)} Not used since: ir approve {world.incident} --unused REASON, then ir resume {world.incident}. "
    return Outcome(Did.WAITING, said, {"quiet": {"checked": False}}, todo=f"{todo}Used since: find the consumer first")


def _sent(record: Incident) -> Json:
    verified = record.run_of("verify")
    seen = verified.ended if verified else ""
    words = (s for s in reversed(record.signals) if s["kind"] == "approve" and s.get("unused") and s.get("seen") == seen)
    return next(({"by": s["by"], "reason": s["unused"]} for s in words), {})


def _where(world: World, record: Incident, mine: last_use.Own | None) -> str:
    known = last_use.known_until(record, mine.ahead if mine else _ahead(world, record), mine.at if mine else 0.0)
    at = datetime.fromtimestamp(known, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    new = f"; the new one is ir-{world.incident}-{record.facts['new']['n']}"
    return f"In Stripe's Dashboard, under API keys, look at `Last used` of the old key (made before this run{new}): is it later than {at}?"


def _ahead(world: World, record: Incident) -> float:
    """Seconds by which our clock is ahead of Stripe's, whose times the Dashboard shows; asked with the replacement. Not told: 0."""
    try:
        new = world.held_new(record.facts["new"])
    except PortError:
        return 0.0
    asked = world.now()
    return (last_use.ahead(asked, world.ports.issuer.probe(new)) if new is not None else None) or 0.0
