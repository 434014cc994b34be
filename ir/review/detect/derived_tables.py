"""Tables that several rules share, in portable SQL: the sender of each write, and the traffic of each hour."""

from collections.abc import Sequence

from ir.core.caller_group import CallerGroup
from ir.review.detect import callers
from ir.review.sql.engine import Engine
from ir.review.sql.schema import Column

SEEN = """
SELECT DISTINCT r.request_id AS request_id
FROM requests r JOIN (SELECT DISTINCT request_id FROM events WHERE request_id <> '') e ON r.request_id = e.request_id
WHERE r.own = 1
"""

# Requests of Stripe's log that our own logs hold too, or that a person called ours: they are no evidence against us.
OURS = """
SELECT DISTINCT request_id FROM (SELECT r.request_id AS request_id
FROM requests r JOIN (SELECT DISTINCT request_id FROM requests WHERE own = 0 AND request_id <> '') l ON r.request_id = l.request_id
WHERE r.own = 1 UNION ALL SELECT request_id FROM declared_ids) x
"""

DASHBOARD = "SELECT DISTINCT request_id FROM activity WHERE request_id <> ''"

# Intents that our own servers made: a buyer's browser confirms them with the publishable key, and no log of ours holds that request.
OFFERED = """
SELECT DISTINCT e.intent AS intent FROM events e JOIN seen s ON e.request_id = s.request_id
WHERE e.intent <> '' AND e.type IN ('payment_intent.created', 'setup_intent.created')
"""

# Requests with several events. Most have one, and to group those again costs four times as much as to find these.
SEVERAL = "SELECT {request} AS request_id FROM events WHERE {those} AND ts > 0 GROUP BY {request} HAVING COUNT(*) > 1"

# One row per API request that changed something; `state`: own, buyer, dashboard, probe or ghost (we did not send it).
ACTS = """
SELECT e.request_id AS request_id, e.ts AS ts, CAST(FLOOR(e.ts / 3600) AS BIGINT) AS hour, e.act AS act, e.client AS client,
  e.event_id AS event_id, e.amount AS amount, e.currency AS currency, e.customer AS customer, e.card AS card,
  e.card_group AS card_group, e.object_id AS object_id, e.destination AS destination, e.account AS account, e.method AS method,
  e.automatic AS automatic, e.events AS events,
  CASE WHEN s.request_id IS NOT NULL THEN 'own' WHEN p.request_id IS NOT NULL THEN 'probe'
       WHEN d.request_id IS NOT NULL THEN 'dashboard'
       WHEN o.intent IS NOT NULL AND e.act IN ('40:intent', '45:setup', '58:decline', '60:payment') THEN 'buyer'
       ELSE '{stranger}' END AS state
FROM (SELECT {request} AS request_id, ts, act, idem_format AS client, id AS event_id, amount, currency, customer, card, card_group,
        object_id, destination, account, method, intent, automatic, CAST(1 AS BIGINT) AS events
      FROM events WHERE {those} AND ts > 0 AND {request} NOT IN (SELECT request_id FROM several)
      UNION ALL
      SELECT {request} AS request_id, MIN(ts) AS ts, MAX(act) AS act, MAX(idem_format) AS client, MIN(id) AS event_id,
        MAX(amount) AS amount,
        MAX(currency) AS currency, MAX(customer) AS customer, MAX(card) AS card, MAX(card_group) AS card_group,
        MAX(object_id) AS object_id, MAX(destination) AS destination, MAX(account) AS account, MAX(method) AS method,
        MAX(intent) AS intent, MIN(automatic) AS automatic, COUNT(*) AS events
      FROM events WHERE {those} AND ts > 0 AND {request} IN (SELECT request_id FROM several) GROUP BY {request}) e
LEFT JOIN seen s ON e.request_id = s.request_id
LEFT JOIN probes p ON e.request_id = p.request_id
LEFT JOIN dashboard d ON e.request_id = d.request_id
LEFT JOIN offered o ON e.intent = o.intent
"""

# Nothing in the evidence says which request an event came from: each event stands for itself, less what Stripe does by schedule.
_BY_ITSELF = (
    "id <> '' AND act <> '30:subscription' AND NOT (act = '90:payout' AND automatic <> 0 AND method <> 'instant') AND NOT "
    "(act IN ('58:decline', '60:payment') AND customer IN (SELECT customer FROM events WHERE type LIKE 'invoice.%' AND customer <> ''))"
)

KIND_HOURS = """
SELECT act, client, hour, SUM(CASE WHEN state = 'own' THEN 1 ELSE 0 END) AS own,
  SUM(CASE WHEN state = 'ghost' THEN 1 ELSE 0 END) AS ghosts
FROM sent WHERE state IN ('own', 'ghost') GROUP BY act, client, hour
"""

WITH_HOLES = """
SELECT a.request_id AS request_id, a.ts AS ts, a.hour AS hour, a.act AS act, a.client AS client, a.event_id AS event_id,
  a.amount AS amount, a.currency AS currency, a.customer AS customer, a.card AS card, a.card_group AS card_group,
  a.object_id AS object_id, a.destination AS destination, a.account AS account, a.method AS method, a.automatic AS automatic,
  a.events AS events, CASE WHEN a.state = 'ghost' AND (a.ts < h.covers_from OR a.ts > h.covers_to) THEN 'hole' ELSE a.state END AS state
FROM sent a LEFT JOIN holes h ON a.hour = h.hour AND a.act = h.act AND a.client = h.client
"""
_UNTOLD = "WHEN a.state = 'ghost' THEN 'unknown' ELSE a.state END AS state"


PROBES = (Column("request_id", "VARCHAR", "of our own probes"),)
MINE = (Column("id", "VARCHAR", "of what this incident made or changed itself, and of its own requests"),)
SILENT = (Column("hour", "BIGINT", "epoch hours in which our logs have a hole"),)
HOLES = (
    Column("act", "VARCHAR", ""),
    Column("client", "VARCHAR", ""),
    Column("hour", "BIGINT", "epoch hours"),
    Column("covers_from", "BIGINT", "epoch seconds; what is covered of that hour"),
    Column("covers_to", "BIGINT", "epoch seconds"),
)


def derive_sent(
    engine: Engine, *, egress: bool, probes: tuple[str, ...], mine: tuple[str, ...] = (), declared: Sequence[CallerGroup] = ()
) -> bool:
    """Make `seen`, `ours`, `probes`, `mine`, `dashboard`, `offered`, `several`, `sent`; returns whether the events tell their requests.

    Without egress logs, or without request ids, no sender can be called a stranger: `unknown`.
    """
    engine.keep("seen", SEEN)
    callers.declare(engine, declared)
    engine.keep("ours", OURS)
    engine.fill("own_probes", PROBES, [(probe,) for probe in dict.fromkeys(probes)])
    engine.keep(
        "probes", "SELECT DISTINCT request_id FROM (SELECT request_id FROM own_probes UNION ALL SELECT request_id FROM declared_ids) x"
    )
    engine.fill("mine", MINE, [(name,) for name in dict.fromkeys((*probes, *mine, *_named(engine, mine)))])
    engine.keep("dashboard", DASHBOARD)
    engine.keep("offered", OFFERED)
    told = engine.rows("SELECT COUNT(*), COALESCE(SUM(CASE WHEN request_id <> '' THEN 1 ELSE 0 END), 0) FROM events WHERE ts > 0")[0]
    named = not int(told[0]) or int(told[1]) > 0
    those, request = ("request_id <> ''", "request_id") if named else (_BY_ITSELF, "id")
    stranger = "ghost" if egress and named else "unknown"
    for name, sql in (("several", SEVERAL), ("sent", ACTS)):
        engine.keep(name, sql.replace("{stranger}", stranger).replace("{those}", those).replace("{request}", request))
    return named


def _named(engine: Engine, names: tuple[str, ...]) -> list[str]:
    """Keys made under a name that this incident asked a person for; a second one of that name may be a stranger's."""
    rows = engine.rows(
        "SELECT changed, MIN(object_id) AS id, COUNT(DISTINCT object_id) AS n FROM activity WHERE changed LIKE 'named %' GROUP BY changed"
    )
    return [str(ident) for changed, ident, count in rows if int(count) == 1 and str(changed).removeprefix("named ") in names]


def derive_acts(engine: Engine, holes: Sequence[tuple[object, ...]], *, judged: bool = True, hours: Sequence[int] = ()) -> None:
    """Make `acts`: `sent`, with strangers inside holes of our logs set apart as `hole`; and `silent`, the `hours` that have holes.

    Not `judged`: our logs are too bad for a write that they lack to be a stranger's, so it is `unknown`.
    """
    engine.fill("holes", HOLES, list(holes))
    engine.fill("silent", SILENT, [(hour,) for hour in sorted({*hours, *(int(str(hole[2])) for hole in holes)})])
    engine.keep("acts", WITH_HOLES if judged else WITH_HOLES.replace("ELSE a.state END AS state", _UNTOLD))
