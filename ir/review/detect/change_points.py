"""Propose when the key may have got out: change points in its callers, groups that came late and that no deploy of ours explains.

An attacker *adds* to what is there, a deploy *replaces* it: a group that takes over what another one did is no change point. A group
that comes back regularly since the evidence began is a consumer, not a stranger.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ir.core.caller_group import EVENTS
from ir.review.detect.callers import Actor, CallerActivity, Callers
from ir.review.detect.regular_callers import Regular
from ir.review.detect.window import DAY, HOUR

_BEFORE = 100
"""Requests of a key before a group's first one, below which nothing counts as new: the evidence has only begun."""
_HISTORY = 6 * HOUR
_OVERDUE = 5.0
_FEW = 5
_TURN = DAY
"""Seconds within which one group takes over from another."""
_RARE = 0.5
_YOUNG = 3 * DAY
_SENSITIVE = ("account", "payout", "transfer", "topup", "webhook", "event_destination", "iam", "issuing", "apps", "external")


@dataclass(frozen=True)
class Candidate:
    """A group whose first request may be a stranger's first.

    Attributes:
        kind: of call, where the actor was known and only that was new; "" = all that it did.
        news: what was not seen before: `client and network`, `network`, `client`, `kind of call`.
        use: what it did; kinds: the same by kind of call. of: requests of the key in all.
        regular: how often it comes, "" = not regularly.
    """

    actor: Actor
    kind: str
    news: str
    use: CallerActivity
    kinds: tuple[tuple[str, CallerActivity], ...]
    of: int
    regular: str = ""

    @property
    def group(self) -> str:
        """The group in the form by which a person calls it ours."""
        return self.actor.group(self.kind)

    @property
    def rare(self) -> bool:
        """Whether it makes a small part of the key's requests."""
        return self.use.n <= _RARE * self.of

    @property
    def grave(self) -> bool:
        """Whether more than a new kind of harmless call is new."""
        return not self.kind or (self.kind.startswith("write") and any(word in self.kind for word in _SENSITIVE))


def candidates(callers: Callers, regular: Sequence[Regular], until: int) -> list[Candidate]:
    """The latest rare group first; new kinds of harmless calls last."""
    taken = _taken_over(callers, until)
    found = [
        one
        for actor in callers.uses
        for one in (_kinds_of(callers, actor) if actor in taken else _of_actor(callers, actor, regular, until))
    ]
    return sorted(found, key=lambda one: (not (one.grave and one.rare), not one.grave, -one.use.first, one.group))


def _of_actor(callers: Callers, actor: Actor, regular: Sequence[Regular], until: int) -> Iterator[Candidate]:
    """The whole actor, else the kinds that it never did before."""
    whole, kinds = callers.totals[actor], callers.uses[actor]
    begin, of = callers.begin(actor.key), callers.requests(actor.key)
    news = _news(callers, actor, until)
    again = next((one for one in regular if one.is_(actor)), None)
    if news and _new(callers, actor.key, whole) and (again is None or whole.first > begin + 1.5 * again.period):
        listed = tuple(sorted(kinds.items(), key=lambda row: (-row[1].n, row[0])))
        yield Candidate(actor, "", news, whole, listed, of, again.every if again else "")
        return
    yield from _kinds_of(callers, actor)


def _kinds_of(callers: Callers, actor: Actor) -> Iterator[Candidate]:
    """Kinds of call that a known actor did for the first time; a harmless kind is new only after some days."""
    settled, of = callers.begin(actor.key) + 3 * DAY, callers.requests(actor.key)
    for kind, use in callers.uses[actor].items():
        if callers.firsts[actor.key, "kind", kind] == use.first and _new(callers, actor.key, use):
            one = Candidate(actor, kind, "kind of call", use, ((kind, use),), of)
            if one.grave or use.first >= settled:
                yield one


def _new(callers: Callers, key: str, use: CallerActivity) -> bool:
    """Whether it came late enough to be new, and most of it is in no log of ours."""
    if 2 * use.strange < use.n or not use.strange or use.first < callers.begin(key) + _HISTORY:
        return False
    return callers.requests(key, use.first) >= _BEFORE


def _news(callers: Callers, actor: Actor, until: int) -> str:
    """The properties of an actor that its key did not know before; "" = none, or a network of a key that meets new ones all the time."""
    at = callers.totals[actor].first
    client = callers.firsts[actor.key, "client", actor.client, actor.version] >= at
    network = actor.net != EVENTS and callers.firsts[actor.key, "net", actor.net] >= at and not _roams(callers, actor, at, until)
    if client and network:
        return "client and network"
    return "client" if client else "network" if network else ""


def _roams(callers: Callers, actor: Actor, at: int, until: int) -> bool:
    """Whether a client meets new networks so often that one more says nothing; many at once are one change of addresses."""
    begin = callers.begin(actor.key)
    young = at - begin < _YOUNG
    late = begin + (at - begin) // (2 if young else 4)
    met = callers.new_networks[actor.key, actor.client]
    met = met[bisect_left(met, late) : bisect_left(met, at)]
    if young:  # the evidence so far is too short to know all of them
        return bool(met)
    often = len({first // DAY for first in met}) >= 3
    return often and len(met) / (at - late) * max(until - at, DAY) >= 1


def _taken_over(callers: Callers, until: int) -> set[Actor]:
    """Actors that continue what others did and stopped doing: an upgrade, a move, a migration.

    Of those that could have taken over, the busiest did, until all that the other did is accounted for: a stranger who comes on the
    day of a deploy is not excused by it, nor is one who does little of what an idle service did.
    """
    taken: set[Actor] = set()
    for old, use in callers.totals.items():
        if use.n < _FEW or not _ended(use, until):
            continue
        heirs = sorted(_heirs(callers, old, until), key=lambda new: (-_pace(callers.totals[new], until), new.group()))
        pace = _pace(use, use.last)
        left, them = 0.8 * pace, set[Actor]()
        for heir in heirs:
            if left > 0:
                them.add(heir)
                left -= _pace(callers.totals[heir], until)
        if left <= 0.3 * pace:
            taken |= them
    return taken


def _ended(use: CallerActivity, until: int) -> bool:
    return until - use.last > _OVERDUE * (use.last - use.first) / (use.n - 1)


def _heirs(callers: Callers, old: Actor, until: int) -> list[Actor]:
    """Actors that began about when it ended, do some of what it did, and still go on."""
    ended = callers.totals[old].last
    return [
        new
        for new, made in callers.totals.items()
        if abs(made.first - ended) <= _TURN
        and new.key == old.key
        and new != old
        and (new.net == old.net or (new.client, new.version) == (old.client, old.version))
        and made.n >= _FEW
        and 2 * (made.last - made.first) >= until - made.first
        and not set(callers.uses[old]).isdisjoint(callers.uses[new])
    ]


def _pace(use: CallerActivity, until: int) -> float:
    """Requests a second."""
    return use.n / max(until - use.first, HOUR)
