"""The endpoints that services called, from which their permissions are derived: one pass over the requests, without those of others.

Left out: what findings hold against a request (of Stripe's log; our own never shows a stranger), scanners, this tool, browsers, people in
the Dashboard, and requests of Stripe's log that were refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ir.core.model import Json
from ir.review.detect.window import Window
from ir.review.judge.coverage import BEGINS_LATE, LACKS_SPAN, SourceCoverage
from ir.review.sql.engine import Engine, quoted

_MOST = 20_000
RECENT = 30 * 86400
"""Seconds before the end in which a first use is not held to be ours where nothing tells when the key got out."""
LOGS = ("egress", "request-log")
_ASIDE = """
SELECT request_id, MAX(misuse) AS misuse FROM (SELECT evidence AS request_id, 1 AS misuse FROM held_against
  UNION ALL SELECT request_id, 0 AS misuse FROM dashboard UNION ALL SELECT request_id, 0 AS misuse FROM own_probes
  UNION ALL SELECT id AS request_id, 0 AS misuse FROM mine) x WHERE request_id <> '' GROUP BY request_id
"""
_CONNECT = "CASE WHEN r.account IN ('', {account}) THEN 0 ELSE 1 END"
_TOLD = f"""r.service AS service, r.method AS method, r.verb AS verb, r.endpoint AS endpoint, r.expands AS expands, {_CONNECT} AS connect,
  COUNT(*) AS n, MIN(r.ts) AS first_ts, MAX(r.ts) AS last_ts, SUM(CASE WHEN r.status IN (401, 403) THEN 1 ELSE 0 END) AS refused,
  SUM(CASE WHEN r.ts < {{safe}} THEN 1 ELSE 0 END) AS early, MAX(CASE WHEN r.ts < {{safe}} THEN r.ts ELSE 0 END) AS early_ts"""
_THOSE = "r.source <> 'webhook-log' AND r.ts >= {since} AND r.ts < {until} AND r.agent <> 'ir' AND {keys}"
_ALIKE = f"r.service, r.method, r.verb, r.endpoint, r.expands, {_CONNECT}"
# Two halves, since only rows of Stripe's log have to be looked up one by one. The earliest come first: a flooded log does not
# push out what came before.
_CALLS = f"""
SELECT * FROM (SELECT 1 AS own, -1 AS misuse, {_TOLD} FROM requests r WHERE r.own = 1 AND {_THOSE} GROUP BY {_ALIKE}
UNION ALL SELECT 0 AS own, COALESCE(a.misuse, -1) AS misuse, {_TOLD}
  FROM requests r LEFT JOIN aside a ON r.request_id = a.request_id
  WHERE r.own = 0 AND {_THOSE} AND r.agent NOT IN ('scanner', 'browser') AND r.status NOT IN (401, 403)
  GROUP BY COALESCE(a.misuse, -1), {_ALIKE}) x
WHERE endpoint LIKE '/v1/%' OR endpoint LIKE '/v2/%' ORDER BY own DESC, first_ts LIMIT {{most}}
"""
# Writes that no log of ours has: with the idempotency key of an SDK a program made them, without one it may have been a person.
_WRITES = """
SELECT e.type AS type, COUNT(*) AS n, MIN(e.ts) AS first_ts, MAX(e.ts) AS last_ts
FROM events e JOIN sent s ON e.request_id = s.request_id LEFT JOIN aside a ON e.request_id = a.request_id
WHERE s.state IN ('ghost', 'unknown') AND e.idem_format IN ('node', 'uuid') AND e.ts >= {since} AND e.ts < {until} AND a.request_id IS NULL
GROUP BY e.type ORDER BY n DESC LIMIT 500
"""
_MADE_BY = {
    "charge.refunded": "/v1/refunds",
    "checkout.session.created": "/v1/checkout/sessions",
    "coupon.created": "/v1/coupons",
    "credit_note.created": "/v1/credit_notes",
    "customer.created": "/v1/customers",
    "customer.deleted": "/v1/customers/:id",
    "customer.subscription.created": "/v1/subscriptions",
    "customer.subscription.updated": "/v1/subscriptions/:id",
    "customer.updated": "/v1/customers/:id",
    "invoice.created": "/v1/invoices",
    "invoiceitem.created": "/v1/invoiceitems",
    "payment_intent.created": "/v1/payment_intents",
    "payment_link.created": "/v1/payment_links",
    "payment_method.attached": "/v1/payment_methods/:id/attach",
    "payout.created": "/v1/payouts",
    "price.created": "/v1/prices",
    "product.created": "/v1/products",
    "promotion_code.created": "/v1/promotion_codes",
    "refund.created": "/v1/refunds",
    "setup_intent.created": "/v1/setup_intents",
    "topup.created": "/v1/topups",
    "transfer.created": "/v1/transfers",
}
"""Events that one kind of call alone makes; an event says nothing of the endpoint itself."""


@dataclass(frozen=True)
class Safe:
    """Until when a first use is held to be ours: epoch seconds; `how`: `given`, `found` (misuse before it), `proposed` or `unknown`."""

    until: int
    how: str

    @classmethod
    def of(cls, window: Window, *, began: bool, proposed: Sequence[Json]) -> "Safe":
        """The exposure, else the first group that is proposed, else nothing of the last 30 days."""
        if window.exposed:
            return cls(window.exposed, "found" if began else "given")
        if proposed:
            return cls(min(int(row["at"]) for row in proposed), "proposed")
        return cls(window.until - RECENT, "unknown")


def read(engine: Engine, window: Window, seen: dict[str, SourceCoverage], safe: Safe, account: str, key: tuple[str, ...]) -> Json:
    """What services called: `{calls, logs, left_out, since, until, safe, how}`.

    `calls`: `{service, method, endpoint, calls, first, last, ours, refused, expands, connect}`; of calls that only Stripe's log has,
    those before `safe` are counted, if there are any. `logs`: name → `{rows, full, lacks}`, of those that were given. `left_out`:
    requests of Stripe's log that findings name.

    Args:
        engine: with the tables of a review, `held_against` among them.
        window: of the review.
        seen: its sources.
        safe: until when a first use is ours.
        account: our own `acct_…`, "" = not known.
        key: marks of the key that is meant; rows that name another key are left out where any row names this one.
    """
    engine.keep("aside", _ASIDE)
    fill = {"since": max(window.since, 1), "until": window.until, "safe": safe.until, "most": _MOST}
    rows = engine.rows(_CALLS.format(**fill, account=quoted(account), keys=_of_key(engine, key)))
    calls = [_call(row) for row in rows if row[0] or row[1] < 0]
    written = engine.rows(_WRITES.format(**fill))
    calls += [_written(str(kind), int(n), int(first), int(last)) for kind, n, first, last in written if kind in _MADE_BY]
    logs = {name: {"rows": seen[name].rows, "full": _whole(seen[name]), "lacks": seen[name].lacks} for name in LOGS if seen[name].rows}
    first = max(window.since, min((seen[name].first for name in logs if seen[name].first), default=window.until))
    left_out = sum(int(row[8]) for row in rows if not row[0] and row[1] == 1)
    return {"calls": calls, "logs": logs, "left_out": left_out, "since": first, "until": window.until, "safe": safe.until, "how": safe.how}


def _whole(one: SourceCoverage) -> bool:
    """Whether a log holds what it should within its own span; that it begins late is told by the span."""
    late = (
        one.carries and one.lacks in ("", LACKS_SPAN) and one.gaps and all(row["why"] in BEGINS_LATE or not row["to"] for row in one.gaps)
    )
    return one.full or bool(late)


def _of_key(engine: Engine, key: tuple[str, ...]) -> str:
    marks = ", ".join(quoted(mark) for mark in key if mark)
    if not marks or not engine.rows(f"SELECT 1 FROM requests WHERE key_id IN ({marks}) LIMIT 1"):
        return "1 = 1"
    return f"r.key_id IN ('', {marks})"


def _call(row: tuple[object, ...]) -> Json:
    own, _, service, method, verb, endpoint, expands, connect, *numbers = row
    n, first, last, refused, early, early_ts = (int(str(number)) for number in numbers)
    if not own and early:
        n, last = early, early_ts
    return {
        "service": service,
        "method": method or ("GET" if verb == "read" else "POST"),
        "endpoint": endpoint,
        "calls": n,
        "first": first,
        "last": last,
        "ours": bool(own),
        "refused": refused,
        "expands": [name for name in str(expands).split(",") if name],
        "connect": bool(connect),
    }


def _written(kind: str, n: int, first: int, last: int) -> Json:
    method = "DELETE" if kind.endswith(".deleted") else "POST"
    counted = {"calls": n, "first": first, "last": last}
    return {
        "service": "",
        "method": method,
        "endpoint": _MADE_BY[kind],
        "ours": False,
        "refused": 0,
        "expands": [],
        "connect": False,
        **counted,
    }
