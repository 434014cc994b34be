"""Death (no action of its own), proven by one rule wherever it is claimed.

Every poll of an unbroken window says dead, and on each a control key answers.

Dead = 401 expired, or 401 invalid for bytes that this incident saw alive or found in a listed store. 403 is alive; an IP or
access-policy block, 429, 5xx and time-outs prove nothing and break the window.
"""

from dataclasses import dataclass

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, KeyKind, Liveness, Outcome
from ir.core.secret import Secret
from ir.incident.action_catalog import ProveParams
from ir.incident.context import World
from ir.incident.record import Incident

_LOOKS, _BETWEEN_LOOKS = 4, 2.0
NO_CONTROL = "there is no control key to show that the path to Stripe works: give one with ir resume --control-key-from"


@dataclass(frozen=True)
class PollWindow:
    """Seconds: of unbroken death, of waiting for its beginning, between polls."""

    seconds: float
    limit: float
    every: float

    @property
    def at_once(self) -> "PollWindow":
        """The same, for a key that has to be dead already."""
        return PollWindow(self.seconds, 0.0, self.every)


@dataclass
class DeathWatch:
    """The state of one proof.

    Attributes:
        began: epoch seconds of the first answer of the unbroken window.
        control_at: when the control key was asked with last, by the provider's clock; 0 = it does not tell.
        since, until: the same, and when the last poll was sent, as `World.elapsed`; an answer tells nothing of the time after its question.
    """

    began: float = 0.0
    since: float | None = None
    until: float = 0.0
    polls: int = 0
    last: Liveness = Liveness.UNKNOWN
    control: Liveness = Liveness.UNKNOWN
    control_at: float = 0.0
    proven: bool = False

    @property
    def seconds(self) -> float:
        """Seconds for which every poll has said dead."""
        return 0.0 if self.since is None else max(0.0, self.until - self.since)

    def said(self, kind: KeyKind) -> str:
        """What was seen, as a sentence."""
        if not self.proven:
            return f"after {self.polls} polls it still answers {self.last.value} (control key: {self.control.value})"
        if kind is KeyKind.WEBHOOK:
            return f"proven dead: no service accepted it on any poll for {self.seconds:.0f} s while the replacement was good"
        return f"proven dead: {self.last.value} on every poll for {self.seconds:.0f} s while a control key answered"

    def proof(self, control: Secret) -> Json:
        """The proof as it is recorded."""
        times = {"from": self.began, "to": self.began + self.seconds}
        return {"polls": self.polls, **times, "code": self.last.value, "control": control.fingerprint}


def window_of(world: World) -> PollWindow:
    """The window of the plan's own proof, else the shipped one."""
    params = next((step.params for step in world.plan.steps if step.action == "prove"), None) or ProveParams().model_dump()
    return PollWindow(float(params["window"]), float(params["limit"]), float(params["every"]))


def control_of(world: World, record: Incident) -> Secret | None:
    """The replacement, else the review key or the one that the operator gave. Raises PortError."""
    if "new" in record.facts:
        return world.new_key(record.facts)
    return world.lookups.control_key()


def other_control(world: World, record: Incident, but: Secret) -> Secret | None:
    """A control key that is not the key in question; None where there is none, or it cannot be read."""
    try:
        found = control_of(world, record)
    except PortError:
        found = None
    return found if found is not None and found != but else world.lookups.control_key()


def watch(world: World, key: Secret, control: Secret, window: PollWindow, *, known: bool = True) -> DeathWatch:
    """Poll until it is proven, or until the limit is over and the window is broken; `known`: the bytes were seen alive, or in a store."""
    seen, limit = DeathWatch(), world.elapsed() + window.limit
    while True:
        _poll(world, seen, key, control, known=known)
        if seen.since is not None and seen.seconds >= window.seconds:
            seen.proven = True
            return seen
        if seen.since is None and world.elapsed() >= limit:
            return seen
        world.ports.clock.sleep(window.every)


def is_proven(world: World, record: Incident, key: Secret) -> bool:
    """Prove, by the same rule, that a key is dead that should be dead already."""
    control = other_control(world, record, key)
    return control is not None and control != key and watch(world, key, control, window_of(world).at_once).proven


def came_back(world: World, record: Incident) -> Outcome | None:
    """Look once more at a key that was proven dead. None: it is still refused; else the parts of the proof that this look revokes."""
    mark, again = record.facts["old"]["fingerprint"], f"ir resume {world.incident}"
    try:
        seen = liveness(world, world.old_key(record.facts))
    except PortError as error:
        seen, why = Liveness.UNKNOWN, error.what
    else:
        why = "Stripe gave no answer that tells"
    if seen.dead:
        return None
    if seen.answers:
        said = "the old key, which was proven dead, answers again"
        debt = Debt("key-alive", mark, said, f"{again} kills it again; to take its power now: ir contain {world.incident}")
        return Outcome(Did.FAILED, said, {"dead_at": 0.0, "old": {"liveness": seen.value}}, debts=(debt,))
    said = f"whether the old key stayed dead cannot be told: {why}"
    return Outcome(Did.FAILED, said, {"dead_at": 0.0}, debts=(Debt("key-unproven", mark, said, f"{again} looks again"),))


def liveness(world: World, key: Secret) -> Liveness:
    """The key's answer, after some looks where the first gives none; `unknown` when none does."""
    for look in range(_LOOKS):
        if look:
            world.ports.clock.sleep(_BETWEEN_LOOKS)
        seen = world.ports.issuer.probe(key).liveness
        if seen is not Liveness.UNKNOWN:
            return seen
    return Liveness.UNKNOWN


def _poll(world: World, seen: DeathWatch, key: Secret, control: Secret, *, known: bool) -> None:
    seen.until = world.elapsed()
    looked, other = world.both(lambda: world.ports.issuer.probe(key), lambda: world.ports.issuer.probe(control))
    seen.last, seen.control, seen.control_at = looked.liveness, other.liveness, other.date
    seen.polls += 1
    dead = seen.last is Liveness.EXPIRED or (seen.last is Liveness.INVALID and known)
    if not dead or not seen.control.answers:
        seen.since = None
    elif seen.since is None:
        seen.began, seen.since = world.now(), world.elapsed()
