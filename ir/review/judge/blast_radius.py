"""Measure what the misuse touched: people, objects, money, cards, connected accounts."""

from ir.core.model import Json
from ir.review.detect.rules import RuleParameters
from ir.review.sql.engine import Engine

# Stripe sends `isk` and `ugx`, which have no decimals either, with two.
ZERO_DECIMAL = frozenset(["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"])
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_REVERSIBLE = {
    "90:payout": "until the payout is paid: cancel it while it is pending",
    "88:transfer": "while the connected account still holds the money: create a reversal",
    "60:payment": "refund it; a dispute can still follow",
    "65:refund": "only while the refund is pending",
    "95:external_account": "remove it before the next payout",
}

_WRITTEN = """
SELECT e.customer AS customer, MIN(e.ts) AS first_ts, COUNT(DISTINCT f.evidence) AS n, MIN(e.type) AS lo, MAX(e.type) AS hi
FROM events e JOIN flagged f ON CASE WHEN e.request_id <> '' THEN e.request_id ELSE e.id END = f.evidence
WHERE e.customer <> '' AND e.ts >= {judged} AND e.ts < {until} GROUP BY e.customer ORDER BY e.customer LIMIT 1000000
"""
_OBJECTS = """
SELECT e.object_type AS object_type,
  CASE WHEN e.type LIKE '%.created' THEN 'created' WHEN e.type LIKE '%.deleted' THEN 'deleted' ELSE 'changed' END AS what,
  COUNT(DISTINCT e.object_id) AS n
FROM events e JOIN flagged f ON CASE WHEN e.request_id <> '' THEN e.request_id ELSE e.id END = f.evidence
WHERE e.ts >= {judged} AND e.ts < {until}
GROUP BY e.object_type, CASE WHEN e.type LIKE '%.created' THEN 'created' WHEN e.type LIKE '%.deleted' THEN 'deleted' ELSE 'changed' END
"""
_MONEY = """
SELECT a.act AS act, a.currency AS currency, SUM(a.amount) AS amount, COUNT(*) AS n
FROM acts a JOIN flagged f ON a.request_id = f.evidence
WHERE a.currency <> '' AND a.amount > 0 AND a.act IN ('60:payment', '65:refund', '88:transfer', '90:payout')
  AND a.ts >= {judged} AND a.ts < {until}
GROUP BY a.act, a.currency ORDER BY a.act, a.currency
"""
_CARDS = """
SELECT COUNT(DISTINCT CASE WHEN e.card <> '' THEN e.card END) AS cards,
  COUNT(DISTINCT CASE WHEN e.account <> '' THEN e.account END) AS accounts,
  COUNT(DISTINCT CASE WHEN e.destination LIKE 'acct_%' THEN e.destination END) AS destinations, COUNT(DISTINCT f.evidence) AS requests
FROM events e JOIN flagged f ON CASE WHEN e.request_id <> '' THEN e.request_id ELSE e.id END = f.evidence
WHERE e.ts >= {judged} AND e.ts < {until}
"""
# Reads of Stripe's side that no log of ours holds.
_STRANGERS = """
FROM requests r LEFT JOIN (SELECT DISTINCT request_id FROM requests WHERE own = 1 AND request_id <> '') o ON r.request_id = o.request_id
WHERE r.own = 0 AND r.verb = 'read' AND r.status < 400 AND r.ts >= {judged} AND r.ts < {until} AND r.agent <> 'ir' AND o.request_id IS NULL
"""
# Upper bound: every further page counts as full, 10 objects where the log does not say how many were asked for.
_READ = (
    """
SELECT COUNT(DISTINCT CASE WHEN r.object_id LIKE 'cus_%' THEN r.object_id END) AS single,
  SUM(CASE WHEN r.endpoint IN ('/v1/customers', '/v1/charges', '/v1/payment_intents', '/v1/payment_methods', '/v1/customers/search',
    '/v1/invoices', '/v1/checkout/sessions')
    THEN CASE WHEN r.page_size > 0 THEN r.page_size ELSE 10 END ELSE 0 END) AS listed, COUNT(*) AS requests"""
    + _STRANGERS
)
_READ_IDS = (
    "SELECT r.object_id AS customer, MIN(r.ts) AS first_ts, COUNT(*) AS n"
    + _STRANGERS
    + "AND r.object_id LIKE 'cus_%' GROUP BY r.object_id ORDER BY r.object_id LIMIT 1000000"
)


def measure(engine: Engine, parameters: RuleParameters, *, reads_found: bool) -> tuple[Json, list[Json]]:
    """The blast radius, and one row per affected customer: `{customer, what, first_seen, requests}`."""
    fill = {"judged": parameters.judged, "until": parameters.until}
    written = engine.rows(_WRITTEN.format(**fill))
    cards, accounts, destinations, requests = engine.rows(_CARDS.format(**fill))[0]
    single, listed, reads = engine.rows(_READ.format(**fill))[0] if reads_found else (0, 0, 0)
    read_rows = engine.rows(_READ_IDS.format(**fill)) if reads_found else []
    affected = [{"customer": c, "what": f"written: {_words(lo, hi)}", "first_seen": t, "requests": n} for c, t, n, lo, hi in written]
    affected += [{"customer": c, "what": "read", "first_seen": t, "requests": n} for c, t, n in read_rows]
    objects: dict[str, dict[str, int]] = {}
    for kind, what, count in engine.rows(_OBJECTS.format(**fill)):
        objects.setdefault(str(kind) or "other", {})[str(what)] = int(count)
    radius: Json = {
        "customers_written": len(written),
        "customers_read_at_most": int(single or 0) + int(listed or 0) if reads_found else None,
        "read_requests": int(reads or 0) if reads_found else None,
        "requests": int(requests or 0),
        "objects": objects,
        "money": [_sum(*row) for row in engine.rows(_MONEY.format(**fill))],
        "card_fingerprints": int(cards or 0),
        "connected_accounts": int(accounts or 0) + int(destinations or 0),
    }
    return radius, affected


def _words(lo: str, hi: str) -> str:
    return lo if lo == hi else f"{lo}, {hi}"


def _sum(act: str, currency: str, amount: int, count: int) -> Json:
    return {
        "what": act.partition(":")[2],
        "currency": currency,
        "amount": int(amount),
        "count": int(count),
        "shown": shown(int(amount), currency),
        "reversible": _REVERSIBLE.get(act, ""),
    }


def shown(amount: int, currency: str) -> str:
    """An amount in minor units as people write it: zero- and three-decimal currencies are right."""
    code = currency.lower()
    places = 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
    return f"{amount / 10**places:,.{places}f} {currency.upper()}"
