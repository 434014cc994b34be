"""The last use of the old key that is not our own (no action of its own). Stripe's times are compared only with Stripe's times.

Our own use is a probe, whose time Stripe gives (its `Date` header): what it counts after that is another's. What happened by our clock, as
the move of a service did, is told in Stripe's time by the difference between the two clocks, read off that same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ir.core.model import Probe
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.record import Incident

RESOLUTION = 1.0
"""Stripe's `last_used` and its `Date` count whole seconds (docs/stripe-facts.md, 1)."""
WITHIN = 15.0
"""Seconds in which Stripe has to show our own use; how late it may count one is not established."""
_CLOCKS_KEEP = 5.0
"""Seconds by which two readings of the difference between the clocks may differ."""
_ANSWERED_WITHIN = 60.0
"""Seconds in which a use that was not answered reached Stripe, if it did."""
_LOOK_EVERY = 2.0
_OWN_LOOK_EVERY = 0.5


@dataclass(frozen=True)
class Own:
    """Our own use of the key, as Stripe shows it.

    Attributes:
        at: when, by Stripe's clock.
        ahead: seconds by which our clock is ahead of Stripe's.
        last_used: what Stripe told as soon as it showed our use, 0 = it did not in time.
        lag: seconds until it did.
    """

    at: float
    ahead: float
    last_used: float
    lag: float


def ahead(asked: float, probe: Probe) -> float | None:
    """Seconds by which our clock is ahead of Stripe's, to about a second, by an answer to what was `asked` then; None: it gave no time.

    Where the answer was slow it may be ahead by more, as much as that took.
    """
    return asked - probe.date if probe.date else None


def comparable(record: Incident, skew: float) -> bool:
    """Whether the two clocks differ as before the services moved. Otherwise one was set meanwhile, and no move has a time of Stripe's.

    A grace noted Stripe's own time when it began, so that our clock has no part in it.
    """
    if record.facts.get("grace", {}).get("last_used"):
        return True
    before = record.facts.get("clock", {}).get("ahead")
    return before is None or abs(float(before) - skew) <= _CLOCKS_KEEP


def own(world: World, key: Secret, key_id: str) -> Own | None:
    """Use the key once, and wait until Stripe shows it; without that, uses by others cannot be dated. None: no use was made."""
    sent = world.now()
    world.hooks.used(sent, 0.0)
    probe = world.ports.issuer.probe(key)
    if probe.date:
        world.hooks.used(sent, probe.date)
    skew = ahead(sent, probe)
    if skew is None or not probe.liveness.answers:
        return None
    asked = world.elapsed()
    while True:
        row = world.ports.issuer.identify(key, known_id=key_id)
        waited = world.elapsed() - asked
        if row is not None and row.last_used >= probe.date:
            return Own(probe.date, skew, row.last_used, waited)
        if waited >= WITHIN or world.run.stopping():
            return Own(probe.date, skew, 0.0, waited)
        world.ports.clock.sleep(_OWN_LOOK_EVERY)


def perhaps_ours(used: float, noted: Sequence[tuple[float, float]], skew: float) -> bool:
    """Whether a use, by Stripe's clock, may be one of ours that was noted before: an earlier process was killed before its entry."""
    for asked, answered in noted:
        sure = (answered, answered + RESOLUTION)
        first, last = sure if answered else (asked - skew - _CLOCKS_KEEP, asked - skew + _ANSWERED_WITHIN)
        if first <= used <= last:
            return True
    return False


def known_until(record: Incident, skew: float, probed: float = 0.0) -> float:
    """The time of Stripe's up to which all uses of the old key are our own, a listed service's, or known already.

    A grace noted Stripe's own time of the last use when it began, so that our clock has no part in it. `probed`: our own use just now.
    Where our clock was set meanwhile, the move of a service was at the earlier of the two times that it may stand for.
    """
    moved = max((float(s.get("moved_at", 0.0)) for s in record.facts.get("services", {}).values()), default=0.0)
    moved -= max(skew, float(record.facts.get("clock", {}).get("ahead", skew))) if moved else 0.0
    noted = float(record.facts.get("grace", {}).get("last_used", 0.0))
    probed = probed or float(record.facts.get("old", {}).get("probed_at", 0.0))
    told = float(record.facts.get("quiet", {}).get("used_at", 0.0))
    return max(noted or (moved + RESOLUTION if moved else 0.0), probed + RESOLUTION if probed else 0.0, told)


def by_others(world: World, key: Secret, key_id: str, mine: Own, seconds: float) -> float:
    """Watch for a use after our own; its time by Stripe's clock, 0.0 = none came. Stripe may show it as late as it showed ours."""
    until, last = world.elapsed() + seconds + mine.lag, mine.last_used
    while last <= mine.at + RESOLUTION:
        if world.elapsed() >= until or world.run.stopping():
            return 0.0
        world.ports.clock.sleep(min(_LOOK_EVERY, max(until - world.elapsed(), 0.01)))
        row = world.ports.issuer.identify(key, known_id=key_id)
        last = row.last_used if row else last
    return last
