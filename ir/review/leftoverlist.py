"""Swept objects and account changes → leftovers."""

from ir.model import Json
from ir.review.engine import Engine, quoted
from ir.review.leftovers import ACTIVITY_KINDS, is_rare, leftover
from ir.review.window import Window

# `maker`: who created the object, by the request of its `created` event; '' = no such event.
_OBJECTS = """
SELECT o.kind AS kind, o.id AS id, o.ts AS ts, o.url AS url, o.amount AS amount, o.currency AS currency,
  o.known AS known, o.detail AS detail,
  COALESCE(m.state, '') AS maker
FROM objects o
LEFT JOIN (SELECT e.object_id AS id, MIN(a.state) AS state FROM events e JOIN acts a ON e.request_id = a.request_id
  WHERE e.type LIKE '%.created' AND e.object_id <> '' GROUP BY e.object_id) m ON o.id = m.id
WHERE o.ts >= {judged} OR o.ts = 0 ORDER BY o.ts, o.kind, o.id LIMIT 20000
"""
_ACTIVITY = """
SELECT type, CASE WHEN object_id <> '' THEN object_id ELSE id END AS id, ts, actor FROM activity
WHERE ts >= {judged} AND ts < {until} AND type IN ({kinds}) ORDER BY ts LIMIT 1000
"""
_MOST = 500


def list_leftovers(engine: Engine, window: Window, own_ids: tuple[str, ...] = ()) -> tuple[Json, ...]:
    """What was made after the exposure by nobody of ours; without an exposure nothing is left *over*.

    Daily things (subscriptions, sessions, drafts) count only when their request is a stranger's.
    """
    if not window.exposed:
        return ()
    rows = []
    for kind, ident, created, url, amount, currency, known, detail, maker in engine.rows(_OBJECTS.format(judged=window.judged)):
        stranger = maker in ("ghost", "hole")
        if known or maker in ("own", "probe") or not int(created) or ident in own_ids:
            continue
        if is_rare(kind) or stranger:
            said = url or (f"{amount} {currency}" if amount else str(detail))
            rows.append(leftover(str(kind), str(ident), int(created), detail=said))
    kinds = ", ".join(quoted(kind) for kind in ACTIVITY_KINDS)
    for kind, ident, created, actor in engine.rows(_ACTIVITY.format(judged=window.judged, until=window.until, kinds=kinds)):
        if ident not in own_ids:
            rows.append(leftover(str(kind), str(ident), int(created), detail=f"by {actor}" if actor else ""))
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3, "informational": 4}
    return tuple(sorted(rows, key=lambda row: (order[row["severity"]], row["created"]))[:_MOST])
