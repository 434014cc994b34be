"""Consumers that come rarely but regularly: daily, weekly, monthly. The kill breaks them before anyone has noticed them."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ir.review.detect.callers import Actor, Callers
from ir.review.detect.window import DAY, HOUR, Window
from ir.review.sql.engine import Engine
from ir.review.sql.schema import Column

_VISIT = 6 * HOUR
"""Seconds without a request that end a visit."""
_SHARE = 0.05
"""The largest share of a key's requests that a rare consumer has."""
_ON_TIME = 0.7
_WHO = (Column("key_id", "VARCHAR", ""), Column("agent", "VARCHAR", ""), Column("net", "VARCHAR", ""))
_HOURS = """
SELECT r.key_id AS key_id, r.agent AS agent, r.net AS net, CAST(FLOOR(r.ts / 3600) AS BIGINT) AS hour, COUNT(*) AS n, MAX(r.ts) AS last_ts
FROM requests r JOIN rare_callers c ON r.key_id = c.key_id AND r.agent = c.agent AND r.net = c.net
WHERE r.own = 0 AND r.ts >= {since} AND r.ts < {until}
GROUP BY r.key_id, r.agent, r.net, CAST(FLOOR(r.ts / 3600) AS BIGINT)
"""
# (every, seconds, how far from it, visits that show it)
_PERIODS = (("day", DAY, 4 * HOUR, 4), ("week", 7 * DAY, DAY, 3), ("month", 30 * DAY + 10 * HOUR, 3 * DAY, 2))


@dataclass(frozen=True)
class Regular:
    """A consumer: client and network of a key, whatever the client's version.

    Attributes:
        every: `day`, `week` or `month`; period: the same in seconds.
        visits, requests: how often it came, and what it asked. last, due: its last request, and when the next is due; epoch seconds.
    """

    key: str
    client: str
    net: str
    every: str
    period: int
    visits: int
    requests: int
    last: int
    due: int

    def is_(self, actor: Actor) -> bool:
        """Whether an actor is it."""
        return (actor.key, actor.client, actor.net) == (self.key, self.client, self.net)


def find(engine: Engine, callers: Callers, window: Window) -> list[Regular]:
    """The rare and regular consumers of Stripe's request log, the one that is due next first."""
    rare = sorted({(a.key, a.client, a.net) for a in callers.uses if callers.totals[a].n <= _SHARE * callers.requests(a.key)})
    if not rare:
        return []
    engine.fill("rare_callers", _WHO, list(rare))
    visits: dict[tuple[str, str, str], list[tuple[int, int, int]]] = {}
    for key, agent, net, hour, n, last in engine.rows(_HOURS.format(since=max(window.since, 1), until=window.until)):
        visits.setdefault((str(key), str(agent), str(net)), []).append((int(hour), int(n), int(last)))
    found = [one for who, hours in visits.items() if (one := _of(who, sorted(hours), callers)) is not None]
    return sorted(found, key=lambda one: (one.due, one.client, one.net))


def _of(who: tuple[str, str, str], hours: list[tuple[int, int, int]], callers: Callers) -> Regular | None:
    requests = sum(n for _, n, _ in hours)
    if requests > _SHARE * callers.requests(who[0]):
        return None
    begins = [hour * HOUR for i, (hour, _, _) in enumerate(hours) if not i or (hour - hours[i - 1][0]) * HOUR > _VISIT]
    gaps = [b - a for a, b in pairwise(begins)]
    for every, period, slack, least in _PERIODS:
        if len(begins) >= least and abs(median(gaps) - period) <= slack and _punctual(gaps, period, slack):
            return Regular(*who, every, period, len(begins), requests, hours[-1][2], begins[-1] + period)
    return None


def _punctual(gaps: list[int], period: int, slack: int) -> bool:
    """Whether most visits come after one period, or after some that were left out, as at weekends."""
    on_time = sum(abs(gap - max(1, round(gap / period)) * period) <= slack and gap <= 4 * period for gap in gaps)
    return on_time >= _ON_TIME * len(gaps)
