"""Prove: poll the old key until it is dead on every poll of an unbroken window, while a control key answers.

Dead = 401 expired, or 401 invalid for bytes that this incident saw alive or found in a listed store. 403 is alive; an IP or
access-policy block, 429, 5xx and time-outs prove nothing and break the window.
"""

from dataclasses import dataclass

from ir.actions import own_keys
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, KeyKind, Liveness, Outcome
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


@dataclass
class _Watch:
    """The state of one proof.

    Attributes:
        began: epoch seconds of the first answer of the unbroken window.
        since, until: the same, and when the last poll was sent, as `World.elapsed`; an answer tells nothing of the time after its question.
    """

    began: float = 0.0
    since: float | None = None
    until: float = 0.0
    polls: int = 0
    last: Liveness = Liveness.UNKNOWN
    control: Liveness = Liveness.UNKNOWN

    @property
    def seconds(self) -> float:
        """How long every poll has said dead."""
        return 0.0 if self.since is None else max(0.0, self.until - self.since)


def run(world: World, record: Incident, step: Step) -> Outcome:
    """`done` with the proof, or `failed` with the debt that stays until it is proven."""
    facts = record.facts
    known = bool(facts["old"].get("seen_alive") or facts["old"].get("found_in_store"))
    try:
        old, control = world.old_key(facts), _control(world, record)
    except PortError as error:
        return _unproven(world, facts, error.what + (f" ({error.next_step})" if error.next_step else ""))
    if control is None:
        return _unproven(
            world, facts, "there is no control key to show that the path to Stripe works: give one with ir resume --control-key-from"
        )
    world.say("polling the old key until it is proven dead")
    watch, end = _Watch(), world.elapsed() + float(step.params["limit"]) + float(step.params["window"])
    while world.elapsed() <= end:
        _poll(world, watch, old, control, known=known)
        if watch.since is not None and watch.seconds >= float(step.params["window"]):
            return _proven(world, record, watch, control)
        world.clock.sleep(float(step.params["every"]))
    return _unproven(world, facts, f"after {watch.polls} polls it still answers {watch.last.value} (control key: {watch.control.value})")


def _control(world: World, record: Incident) -> Secret | None:
    """The replacement, else the review key or one that the operator gave."""
    if "new" in record.facts:
        return world.new_key(record.facts)
    return world.control_key()


def _poll(world: World, watch: _Watch, old: Secret, control: Secret, *, known: bool) -> None:
    watch.until = world.elapsed()
    looked, other = world.both(lambda: world.issuer.probe(old), lambda: world.issuer.probe(control))
    seen, watch.control = looked.liveness, other.liveness
    watch.polls, watch.last = watch.polls + 1, seen
    dead = seen is Liveness.EXPIRED or (seen is Liveness.INVALID and known)
    if not dead or not watch.control.answers:
        watch.since = None
    elif watch.since is None:
        watch.began, watch.since = world.now(), world.elapsed()


def _strays(world: World, record: Incident) -> tuple[tuple[Debt, ...], tuple[str, ...]]:
    """Keys of our name, other than the replacement: those that still live, and those owed or asked for that live no more."""
    facts = record.facts
    try:
        rows = own_keys.others(world, facts)
    except PortError as error:
        return (own_keys.unlisted(world, error),), ()
    why = "a key that an unanswered mint left behind"
    debts = tuple(Debt("key-alive", row.id, why, f"ir resume {world.incident}") for row in rows)
    known = {facts["old"]["fingerprint"], facts.get("new", {}).get("fingerprint"), *facts.get("seen", {})}
    known |= {row["about"] for rows in facts.get("took_over", {}).values() for row in rows}  # not of our name, so not in that list
    owed = {debt.about for debt in record.debts.values() if debt.kind == "key-alive"} - known
    gone = (owed | set(facts.get("strays", {}))) - {row.id for row in rows}
    return debts, (f"strays of {world.incident}", *sorted(gone))


def _pasted_and_dead(world: World, facts: Json) -> tuple[str, ...]:
    """Fingerprints of keys that were pasted, not taken, and are dead by now."""
    dead = []
    for mark in facts.get("seen", {}):
        key = world.custody.fetch(f"seen-{mark}") if world.custody.possible else None
        if key is not None and world.issuer.probe(key).liveness.dead:
            dead.append(mark)
    return tuple(dead)


def _proven(world: World, record: Incident, watch: _Watch, control: Secret) -> Outcome:
    facts = record.facts
    proof = {
        "polls": watch.polls,
        "from": watch.began,
        "to": watch.began + watch.seconds,
        "code": watch.last.value,
        "control": control.fingerprint,
    }
    about = facts["old"]["fingerprint"]
    said = f"proven dead: {watch.last.value} on every poll for {watch.seconds:.0f} s while a control key answered"
    if world.key.kind is KeyKind.WEBHOOK:
        said = f"proven dead: no service accepted it on any poll for {watch.seconds:.0f} s while the replacement was good"
    found: Json = {"proof": proof, "dead_at": watch.began, "old": {"liveness": watch.last.value}}
    if "new" in facts:
        found["new"] = {"probed_at": world.now()}  # our own use of it: checks of use count from here
    strays, gone = _strays(world, record)
    works = [name for name in (facts.get("new", {}).get("id"), facts.get("new", {}).get("fingerprint")) if name]  # it was the control key
    return Outcome(Did.DONE, said, found, debts=strays, paid=(*_pasted_and_dead(world, facts), about, *gone, *works))


def _unproven(world: World, facts: Json, why: str) -> Outcome:
    debt = Debt("key-unproven", facts["old"]["fingerprint"], why, f"ir resume {world.incident} looks again")
    return Outcome(Did.FAILED, f"not proven dead: {why}", debts=(debt,), todo=debt.todo)
