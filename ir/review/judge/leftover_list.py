"""Turn swept objects, account changes and events into leftovers."""

from collections import Counter
from collections.abc import Iterable

from ir.core.model import Json
from ir.review.collect.leftover_kinds import CHANGES, EVENTS, STANDING, SWEEPS, UNDONE, change, is_rare, leftover
from ir.review.detect.rules import LEVELS
from ir.review.detect.window import Window
from ir.review.judge.blast_radius import shown
from ir.review.sql.engine import Engine, quoted

# `ts` and `maker`: when, and by whose request, as the object's `created` event tells where the object itself does not.
_OBJECTS = """
SELECT o.kind AS kind, o.id AS id, CASE WHEN o.ts > 0 THEN o.ts ELSE COALESCE(m.ts, 0) END AS ts, o.url AS url, o.amount AS amount,
  o.currency AS currency, o.known AS known, o.account AS account, o.detail AS detail, COALESCE(m.state, '') AS maker
FROM objects o
LEFT JOIN (SELECT e.object_id AS id, MIN(e.ts) AS ts, MIN(a.state) AS state FROM events e LEFT JOIN acts a ON e.request_id = a.request_id
  WHERE e.type LIKE '%.created' AND e.object_id <> '' GROUP BY e.object_id) m ON o.id = m.id
WHERE o.kind <> 'payout_history'
ORDER BY o.ts DESC, o.kind, o.id LIMIT 20000
"""
_ACTIVITY = """
SELECT a.type AS type, CASE WHEN a.object_id <> '' THEN a.object_id ELSE a.id END AS id, a.ts AS ts, a.grp AS grp,
  a.actor_type AS actor_type, a.actor AS actor
FROM activity a LEFT JOIN mine ON a.request_id = mine.id
LEFT JOIN (SELECT object_id, MIN(ts) AS ts FROM activity WHERE changed = 'ip_allowlist set' AND object_id <> '' GROUP BY object_id) w
  ON a.object_id = w.object_id
LEFT JOIN (SELECT object_id, MAX(ts) AS ts FROM activity WHERE ({undone}) AND object_id <> '' GROUP BY object_id) u
  ON a.object_id = u.object_id
WHERE a.ts >= {judged} AND a.ts < {until} AND a.actor_type <> 'stripe_action' AND mine.id IS NULL
  AND (a.type <> 'api_key_updated' OR (a.changed = 'ip_allowlist empty' AND COALESCE(w.ts, a.ts) < a.ts))
  AND COALESCE(u.ts, 0) <= a.ts AND (a.grp IN ('app', 'radar') OR {kinds}) ORDER BY a.ts LIMIT 1000
"""
# connected accounts handle these themselves
_EVENTS = """
SELECT e.type AS type, CASE WHEN e.object_id <> '' THEN e.object_id ELSE e.id END AS id, e.ts AS ts FROM events e
LEFT JOIN acts a ON e.request_id = a.request_id
WHERE e.ts >= {judged} AND e.ts < {until} AND e.type IN ({kinds}) AND (e.account = '' OR e.account = {account})
  AND COALESCE(a.state, '') NOT IN ('own', 'probe') ORDER BY e.ts LIMIT 1000
"""
_MOST = 500
_LOGIN = "no API key of yours can do this: a login was used, so the account itself may be misused"
_UNDATED = "the exposure time is unknown, so it may be older than the leak, and yours"
_TIMELESS = "Stripe does not tell since when it is there"


def list_leftovers(engine: Engine, window: Window, account: str = "") -> tuple[Json, ...]:
    """Things made after the exposure and not by us, the worst first, and of frequent kinds only a few.

    Daily things (subscriptions, sessions, drafts) count only when their request is a stranger's. Where the exposure is unknown,
    everything of a critical or high kind in the window is shown, at medium severity, and standing things whatever their age.
    """
    own_ids = {str(row[0]) for row in engine.rows("SELECT id FROM mine")}
    found = [*_objects(engine, window, own_ids), *_changes(engine, window), *_events(engine, window, account)]
    found = [row for row in found if row["id"] not in own_ids]
    if not window.exposed:
        found = [_doubtful(row, _UNDATED) for row in found if row["severity"] in ("critical", "high")]
    found.sort(key=lambda row: (-LEVELS.index(row["severity"]), row["created"], row["id"]))
    unique = list({str(row["id"]): row for row in reversed(found)}.values())
    crowd = Counter(row["kind"] for row in unique)
    unique.sort(key=lambda row: (-LEVELS.index(row["severity"]), crowd[row["kind"]], row["created"], row["id"]))
    return tuple(unique[:_MOST])


def looked_at(unread: Iterable[str], *, history: bool) -> frozenset[str]:
    """Kinds of which everything was read: the lists less `unread`, and account changes where there is a `history` of them."""
    kinds = {sweep.kind for sweep in SWEEPS} | {"external_account"} | ({c.kind for c in CHANGES} if history else set())
    return frozenset(kinds - set(unread))


def _objects(engine: Engine, window: Window, own_ids: set[str]) -> list[Json]:
    rows = engine.rows(_OBJECTS)
    ours = {ident for _, ident, *_, known, _account, _detail, maker in rows if known or maker in ("own", "probe")} | own_ids
    events = bool(engine.rows("SELECT COUNT(*) FROM events")[0][0])
    found = []
    for kind, ident, created, url, amount, currency, _known, holder, detail, maker in rows:
        stranger = maker in ("ghost", "hole")
        if ident in ours or (holder and holder in ours) or not (is_rare(kind) or stranger):
            continue
        row = leftover(str(kind), str(ident), int(created), detail=url or (shown(int(amount), str(currency)) if amount else str(detail)))
        if int(created) >= window.judged or (kind in STANDING and not window.exposed):
            found.append(row)
        elif not created and kind in STANDING and not events:  # with events, one in the window would have told the time
            found.append(_doubtful(row, _TIMELESS))
    return found


def _changes(engine: Engine, window: Window) -> list[Json]:
    patterns = " OR ".join(f"a.type LIKE {quoted(c.kind.replace('*', '%'))}" for c in CHANGES)
    undone = " OR ".join(f"type LIKE {quoted('%' + end)}" for end in UNDONE)
    sql = _ACTIVITY.format(judged=window.judged, until=window.until, kinds=patterns, undone=undone)
    return [
        leftover(str(kind), str(ident), int(created), detail=_who(str(kind), str(group), str(by), str(actor)), group=str(group))
        for kind, ident, created, group, by, actor in engine.rows(sql)
        if change(str(kind), str(group)) is not None
    ]


def _who(kind: str, group: str = "", by: str = "", actor: str = "") -> str:
    named = change(kind, group)
    alone = named is not None and named.login and by != "api_key"
    return "; ".join(part for part in (f"by {actor}" if actor else "", _LOGIN if alone else "") if part)


def _events(engine: Engine, window: Window, account: str) -> list[Json]:
    kinds = ", ".join(quoted(c.kind) for c in EVENTS)
    sql = _EVENTS.format(judged=window.judged, until=window.until, kinds=kinds, account=quoted(account))
    return [leftover(str(kind), str(ident), int(created), detail=_who(str(kind))) for kind, ident, created in engine.rows(sql)]


def _doubtful(row: Json, why: str) -> Json:
    """Something to look at, which alone shows nothing."""
    return {**row, "severity": "medium", "why": f"{row['why']}; {why}", "undo": f"if no one owns it: {row['undo']}"}
