"""Prove: poll the old key until it is dead on every poll of an unbroken window, while a control key answers.

Dead = 401 expired, or 401 invalid for bytes that this incident saw alive or found in a listed store. 403 is alive; an IP or
access-policy block, 429, 5xx and time-outs prove nothing and break the window.
"""

from dataclasses import dataclass

from ir.actions import ours
from ir.errors import PortError
from ir.incident import Incident
from ir.model import Debt, Did, Json, Liveness, Outcome
from ir.plan import Step
from ir.secret import Secret
from ir.world import World


@dataclass
class _Watch:
    """The state of one proof: when the unbroken window began (by the clock, and as `World.elapsed`), what was seen last, how often."""

    began: float = 0.0
    since: float | None = None
    polls: int = 0
    last: Liveness = Liveness.UNKNOWN
    control: Liveness = Liveness.UNKNOWN


def run(world: World, record: Incident, step: Step) -> Outcome:
    """`done` with the proof, or `failed` with the debt that stays until it is proven."""
    facts = record.facts
    old, known = world.old_key(facts), bool(facts["old"].get("seen_alive") or facts["old"].get("found_in_store"))
    control = _control(world, record)
    if control is None:
        return _unproven(
            world, facts, "there is no control key to show that the path to Stripe works: give one with ir resume --control-key-from"
        )
    world.say("polling the old key until it is proven dead")
    watch, end = _Watch(), world.elapsed() + float(step.params["limit"]) + float(step.params["window"])
    while world.elapsed() <= end:
        _poll(world, watch, old, control, known=known)
        if watch.since is not None and world.elapsed() - watch.since >= float(step.params["window"]):
            return _proven(world, facts, watch, control)
        world.clock.sleep(float(step.params["every"]))
    return _unproven(world, facts, f"after {watch.polls} polls it still answers {watch.last.value} (control key: {watch.control.value})")


def _control(world: World, record: Incident) -> Secret | None:
    """The replacement, else the review key or one that the operator gave."""
    if "new" in record.facts:
        return world.new_key(record.facts)
    return world.control_key()


def _poll(world: World, watch: _Watch, old: Secret, control: Secret, *, known: bool) -> None:
    looked, other = world.both(lambda: world.issuer.probe(old), lambda: world.issuer.probe(control))
    seen, watch.control = looked.liveness, other.liveness
    watch.polls, watch.last = watch.polls + 1, seen
    dead = seen is Liveness.EXPIRED or (seen is Liveness.INVALID and known)
    if not dead or not watch.control.answers:
        watch.since = None
    elif watch.since is None:
        watch.began, watch.since = world.now(), world.elapsed()


def _strays(world: World, facts: Json) -> tuple[Debt, ...]:
    """Keys of our name, other than the replacement, that still live: a mint whose answer was lost."""
    try:
        rows = ours.others(world, facts)
    except PortError as error:
        return (ours.unlisted(world, error),)
    return tuple(Debt("key-alive", row.id, "a key that an unanswered mint left behind", f"ir resume {world.incident}") for row in rows)


def _pasted_and_dead(world: World, facts: Json) -> tuple[str, ...]:
    """Fingerprints of keys that were pasted, not taken, and are dead by now."""
    dead = []
    for mark in facts.get("seen", {}):
        key = world.custody.fetch(f"seen-{mark}") if world.custody.possible else None
        if key is not None and world.issuer.probe(key).liveness.dead:
            dead.append(mark)
    return tuple(dead)


def _proven(world: World, facts: Json, watch: _Watch, control: Secret) -> Outcome:
    seconds = world.elapsed() - (watch.since or 0.0)
    proof = {
        "polls": watch.polls,
        "from": watch.began,
        "to": watch.began + seconds,
        "code": watch.last.value,
        "control": control.fingerprint,
    }
    about = facts["old"]["fingerprint"]
    said = f"proven dead: {watch.last.value} on every poll for {seconds:.0f} s while a control key answered"
    found: Json = {"proof": proof, "dead_at": watch.began, "old": {"liveness": watch.last.value}}
    if "new" in facts:
        found["new"] = {"probed_at": world.now()}  # our own use of it: checks of use count from here
    strays = _strays(world, facts)
    paid = (
        *_pasted_and_dead(world, facts),
        about,
        f"strays of {world.incident}",
        *(key for key in facts.get("strays", {}) if key not in {s.about for s in strays}),
    )
    return Outcome(Did.DONE, said, found, debts=strays, paid=paid)


def _unproven(world: World, facts: Json, why: str) -> Outcome:
    debt = Debt("key-unproven", facts["old"]["fingerprint"], why, f"ir resume {world.incident} looks again")
    return Outcome(Did.FAILED, f"not proven dead: {why}", debts=(debt,), todo=debt.todo)
