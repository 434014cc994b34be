"""Check sources against each other: a request log that is Stripe's, of this key, whole and on the same clock, holds our own requests."""

from dataclasses import dataclass

from ir.core.wording import counted
from ir.review.detect.source_holes import DUE
from ir.review.detect.window import HOUR, Window
from ir.review.sql.engine import Engine

_OFF = 600
"""Seconds between two records of one request that no network delay explains."""
_FEW = 3
"""Requests of ours below which nothing is said: one may have been made and never have arrived."""
_HALF = 0.5
_ENOUGH = 50
"""Requests of a key from which the share that our logs hold can be told."""

# One row per kind of our own requests: how many there are, how many of them Stripe's log holds, and how far apart the two times lie.
_HELD = """
SELECT CASE WHEN k.key_id IS NOT NULL THEN 1 ELSE 0 END AS of_the_log, r.verb AS verb, r.endpoint AS endpoint, COUNT(*) AS n,
  SUM(CASE WHEN l.request_id IS NOT NULL THEN 1 ELSE 0 END) AS held,
  COALESCE(MIN(CASE WHEN r.ts > 0 THEN l.ts - r.ts END), 0) AS least, COALESCE(MAX(CASE WHEN r.ts > 0 THEN l.ts - r.ts END), 0) AS most
FROM requests r
LEFT JOIN (SELECT request_id, MIN(ts) AS ts FROM requests WHERE own = 0 AND ts > 0 AND request_id LIKE 'req_%' GROUP BY request_id) l
  ON r.request_id = l.request_id
LEFT JOIN (SELECT DISTINCT key_id FROM requests WHERE own = 0 AND key_id <> '') k ON r.key_id = k.key_id
WHERE r.own = 1 AND r.source = 'egress' AND r.request_id LIKE 'req_%' AND r.ts >= {begin} AND r.ts <= {end}
GROUP BY CASE WHEN k.key_id IS NOT NULL THEN 1 ELSE 0 END, r.verb, r.endpoint
"""
# Of each key: requests that its rule (S-15) looks at, before the exposure (where that is known) and in all, and those in no log of ours.
_NOBODYS = """
SELECT key_id, SUM(CASE WHEN ts < {judged} THEN {baseline} ELSE 0 END) AS bt, SUM(CASE WHEN ts < {judged} THEN ghost ELSE 0 END) AS bg,
  COUNT(*) AS t, SUM(ghost) AS g, SUM(CASE WHEN ts >= {judged} THEN ghost ELSE 0 END) AS wg,
  SUM(CASE WHEN ts >= {judged} THEN 1 ELSE 0 END) AS wt
FROM (SELECT r.key_id AS key_id, r.ts AS ts, CASE WHEN o.request_id IS NULL THEN 1 ELSE 0 END AS ghost
  FROM requests r LEFT JOIN ours o ON r.request_id = o.request_id LEFT JOIN dashboard d ON r.request_id = d.request_id
  LEFT JOIN probes p ON r.request_id = p.request_id LEFT JOIN silent s ON CAST(FLOOR(r.ts / 3600) AS BIGINT) = s.hour
  WHERE r.own = 0 AND r.ts > 0 AND r.ts < {until} AND r.agent NOT IN ('ir', 'browser') AND d.request_id IS NULL AND p.request_id IS NULL
    AND s.hour IS NULL) x
GROUP BY key_id
"""
_BESIDE_EVENTS = """
SELECT COUNT(*) AS n, COALESCE(MIN(r.ts - e.ts), 0) AS least, COALESCE(MAX(r.ts - e.ts), 0) AS most
FROM requests r JOIN (SELECT request_id, MIN(ts) AS ts FROM events WHERE request_id <> '' AND ts >= {begin} - 86400 GROUP BY request_id) e
  ON r.request_id = e.request_id
WHERE r.own = 1 AND r.source = 'egress' AND r.ts > 0 AND r.ts >= {begin} - 86400 AND r.ts <= {end}
"""


@dataclass(frozen=True)
class _Kind:
    verb: str
    endpoint: str
    n: int
    held: int
    least: int
    most: int


def request_log(engine: Engine, window: Window, span: tuple[int, int]) -> str:
    """The reason why a request log cannot hold all requests, as far as our own log shows; "" = no contradiction.

    `span` is its first and last time: the judged part of it counts, or all of it where that holds too few requests of ours.
    """
    begin, end = max(span[0], window.judged), min(span[1], window.until)
    kinds = _kinds(engine, begin, end)
    if sum(kind.n for kind in kinds) < DUE:
        kinds = _kinds(engine, *span)
    total, held = sum(kind.n for kind in kinds), sum(kind.held for kind in kinds)
    if total < _FEW:
        return _nobodys(engine, window)
    if not held:
        return f"the request log holds none of our own {total:,} requests of its time: it is of another key or account, or not Stripe's"
    clock = _clock([kind for kind in kinds if kind.held])
    if clock:
        return f"the request log's times are {clock} our own log's for the same requests: give one of them its time zone"
    reads = [kind for kind in kinds if kind.verb == "read"]
    if sum(kind.n for kind in reads) >= DUE and not any(kind.held for kind in reads):
        return f"the request log holds none of our own {sum(kind.n for kind in reads):,} reads, only writes: it was filtered"
    never = max((kind for kind in reads if kind.n >= DUE and not kind.held), key=lambda kind: kind.n, default=None)
    if never is not None:
        return f"the request log holds none of our own {never.n:,} reads of {never.endpoint or 'a path that is not named'}: it was filtered"
    if held < _HALF * total:
        share = f"{held / total:.0%} of our own {counted(total, 'request')}"
        return f"the request log holds {share}: it is a sample, or of one key among several"
    return _nobodys(engine, window)


def _nobodys(engine: Engine, window: Window) -> str:
    """A key of whose requests our own logs hold too few for a stranger's to stand out."""
    rows = engine.rows(_NOBODYS.format(judged=window.judged, until=window.until, baseline=int(window.baseline)))
    for key, *counts in sorted(rows, key=lambda row: -int(row[5])):
        before, nobodys_before, total, nobodys, late, judged = map(int, counts)
        few, of = (nobodys_before, before) if before >= _ENOUGH else (nobodys, total)
        known = of >= _ENOUGH and 5 * few <= of
        if late and not known:
            which = f"of {key}" if key else "whose key is not named"
            return f"{late:,} of {counted(judged, 'request')} {which} are in no log of ours, so whose they are cannot be told"
    return ""


def egress_clock(engine: Engine, window: Window) -> str:
    """How far our own logs' clock is from Stripe's, by the events of our own requests; "" = not at all, or it cannot be told."""
    n, least, most = engine.rows(_BESIDE_EVENTS.format(begin=window.judged, end=window.until))[0]
    return _apart(int(least), int(most)) if int(n) >= DUE else ""


def _kinds(engine: Engine, begin: int, end: int) -> list[_Kind]:
    """The keys that both logs name, where there are any."""
    rows = engine.rows(_HELD.format(begin=max(begin, 1), end=end))
    named = any(int(row[0]) for row in rows)
    return [_Kind(str(v), str(e), int(n), int(held), int(lo), int(hi)) for of, v, e, n, held, lo, hi in rows if int(of) or not named]


def _clock(kinds: list[_Kind]) -> str:
    known = sum(kind.held for kind in kinds) >= DUE
    return _apart(min(kind.least for kind in kinds), max(kind.most for kind in kinds)) if known else ""


def _apart(least: int, most: int) -> str:
    if least > _OFF:
        return f"{least / HOUR:.1f} h ahead of"
    return f"{-most / HOUR:.1f} h behind" if most < -_OFF else ""
