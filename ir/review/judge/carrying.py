"""Tell which questions the rows of a source can answer: a question is covered by rows with the columns that its rules need."""

from collections.abc import Mapping
from dataclasses import dataclass

from ir.core.wording import counted
from ir.review.detect import source_holes
from ir.review.detect.source_holes import Span
from ir.review.detect.window import HOUR, Window
from ir.review.sql.engine import Engine

_DAYS = 4
SLACK = HOUR
"""Seconds by which a clock may be ahead of the end of the review."""

RESOURCES = (
    "account", "account_links", "account_sessions", "accounts", "apple_pay", "application_fees", "apps", "balance", "balance_settings",
    "balance_transactions", "billing", "billing_portal", "bitcoin", "charges", "checkout", "climate", "confirmation_tokens",
    "country_specs", "coupons", "credit_notes", "customer_sessions", "customers", "disputes", "entitlements", "ephemeral_keys", "events",
    "exchange_rates", "external_accounts", "file_links", "files", "financial_connections", "forwarding", "identity", "invoice_payments",
    "invoice_rendering_templates", "invoiceitems", "invoices", "issuing", "link_account_sessions", "linked_accounts", "mandates",
    "payment_attempt_records", "payment_intents", "payment_links", "payment_method_configurations", "payment_method_domains",
    "payment_methods", "payment_records", "payouts", "plans", "prices", "products", "promotion_codes", "quotes", "radar", "refunds",
    "reporting", "reviews", "setup_attempts", "setup_intents", "shipping_rates", "sigma", "sources", "subscription_items",
    "subscription_schedules", "subscriptions", "tax", "tax_codes", "tax_ids", "tax_rates", "terminal", "test_helpers", "tokens",
    "topups", "transfers", "treasury", "webhook_endpoints",
)  # fmt: skip
"""First segments of the paths of Stripe's API v1 (docs.stripe.com/api and the SDKs' services)."""

_STRIPE = (
    "(endpoint LIKE '/v2/%' OR (endpoint LIKE '/v1/%' AND ("
    + " OR ".join(f"endpoint = '/v1/{name}' OR endpoint LIKE '/v1/{name}/%'" for name in RESOURCES)
    + ")))"
)
_SDKS = "agent LIKE 'stripe-%' AND agent <> 'stripe-cli'"
_PRIVATE = (
    "(ip LIKE '10.%' OR ip LIKE '192.168.%' OR ip LIKE '127.%' OR ip LIKE 'fc%' OR ip LIKE 'fd%' OR "
    + " OR ".join(f"ip LIKE '172.{n}.%'" for n in range(16, 32))
    + ")"
)
_PATHS = f"SELECT endpoint FROM (SELECT DISTINCT endpoint FROM requests WHERE own = 0) e WHERE {_STRIPE}"
_GROUPED = """
SELECT stripe, path, method, CASE WHEN ip = '' THEN 0 WHEN {private} THEN 1 ELSE 2 END AS address,
  CASE WHEN agent = '' THEN 0 WHEN {sdks} THEN 1 ELSE 2 END AS client, key_there, money, SUM(named) AS named, SUM(n) AS n
FROM (SELECT CASE WHEN p.endpoint IS NOT NULL THEN 1 ELSE 0 END AS stripe, CASE WHEN r.endpoint = '' THEN 0 ELSE 1 END AS path,
    CASE WHEN r.verb = '' THEN 0 ELSE 1 END AS method, r.ip AS ip, r.agent AS agent, CASE WHEN r.key_id = '' THEN 0 ELSE 1 END AS key_there,
    CASE WHEN r.amount <> 0 OR r.currency <> '' THEN 1 ELSE 0 END AS money,
    SUM(CASE WHEN r.request_id LIKE 'req_%' THEN 1 ELSE 0 END) AS named, COUNT(*) AS n
  FROM requests r LEFT JOIN stripe_paths p ON r.endpoint = p.endpoint WHERE r.own = 0 AND r.ts <= {until}
  GROUP BY CASE WHEN p.endpoint IS NOT NULL THEN 1 ELSE 0 END, CASE WHEN r.endpoint = '' THEN 0 ELSE 1 END,
    CASE WHEN r.verb = '' THEN 0 ELSE 1 END, r.ip, r.agent, CASE WHEN r.key_id = '' THEN 0 ELSE 1 END,
    CASE WHEN r.amount <> 0 OR r.currency <> '' THEN 1 ELSE 0 END) x
GROUP BY stripe, path, method, CASE WHEN ip = '' THEN 0 WHEN {private} THEN 1 ELSE 2 END,
  CASE WHEN agent = '' THEN 0 WHEN {sdks} THEN 1 ELSE 2 END, key_there, money
"""
_HELD = "SELECT COUNT(*) FROM requests r JOIN ours o ON r.request_id = o.request_id WHERE r.own = 0 AND r.ts <= {until}"
USABLE = "own = 0 AND ts > 0 AND verb <> '' AND ip <> '' AND endpoint IN (SELECT endpoint FROM stripe_paths)"
"""Rows of a request log in which a stranger's reads would show."""

_MINUTES = (
    "SELECT CAST(FLOOR(ts / 60) AS BIGINT) AS minute, COUNT(*) AS n FROM {table} WHERE {rows} GROUP BY CAST(FLOOR(ts / 60) AS BIGINT)"
)
_WHERE_REQUESTS = "Dashboard > API keys > the key > View request logs, export"


@dataclass(frozen=True)
class LogContent:
    """The composition of a request log.

    Attributes:
        rows, usable: all, and those in which reads show. looks: what the others look like; "" = there are none to speak of.
    """

    rows: int
    usable: int
    looks: str

    @property
    def told(self) -> str:
        """One line on rows that cannot show reads, and the place of the right export; "" when all rows can."""
        if not self.looks:
            return ""
        which = f"{self.rows - self.usable:,} of {self.rows:,} rows" if self.usable else counted(self.rows, "row")
        verb = "s" if self.rows == 1 else ""
        return f"{which} look{verb} like {self.looks}: reads do not show there; give {_WHERE_REQUESTS}"


@dataclass
class _Kinds:
    """Rows of a request log by the columns that they fill."""

    stripe: int = 0
    path: int = 0
    address: int = 0
    public: int = 0
    key: int = 0
    sdk: int = 0
    money: int = 0
    named: int = 0
    rows: int = 0
    usable: int = 0

    def looks(self) -> str:
        """The likely kind of the log, as far as its rows tell."""
        if not self.path and self.money:
            return "an export of payments (no request ids, paths, addresses)"
        if not self.path:
            return "a log of request ids (no paths, addresses)" if self.named else "some other log (no request ids, paths, addresses)"
        if 2 * self.stripe < self.path:
            return "a web server's own log (not Stripe's paths)"
        if not self.address:
            return "a log of ours, or `stripe logs tail` (no addresses)"
        return "a log of our own proxy (our addresses, our SDK, no keys)"


def request_log(engine: Engine, until: int) -> LogContent:
    """The composition of a given request log: how many of its rows can show a stranger's reads."""
    engine.keep("stripe_paths", _PATHS)
    fill = {"private": _PRIVATE, "sdks": _SDKS, "until": until + SLACK}
    kinds = _Kinds()
    for stripe, path, method, address, client, key, money, named, n in engine.rows(_GROUPED.format(**fill)):
        count = int(n)
        kinds.rows += count
        kinds.named += int(named)
        kinds.path += count * int(path)
        kinds.stripe += count * int(stripe)
        kinds.address += count * (int(address) > 0)
        kinds.public += count * (int(address) == 2)
        kinds.key += count * int(key)
        kinds.money += count * int(money)
        kinds.sdk += count * (int(client) == 1)
        kinds.usable += count * (int(stripe) and int(method) and int(address) > 0)
    sdks_alone = kinds.usable and not kinds.key and kinds.sdk == kinds.rows
    ours = sdks_alone and (not kinds.public or int(engine.rows(_HELD.format(until=until + SLACK))[0][0]) == kinds.rows)
    usable = 0 if ours else kinds.usable
    return LogContent(kinds.rows, usable, kinds.looks() if kinds.rows and 20 * usable < 19 * kinds.rows else "")


def minutes(engine: Engine, table: str, rows: str) -> dict[int, int]:
    """Epoch minutes that have rows, each counted once: a request makes several events, and a job a hundred requests at once."""
    return {int(minute): 1 for minute, _ in engine.rows(_MINUTES.format(table=table, rows=rows))}


def young(busy: Mapping[int, int]) -> bool:
    """Whether a source has rows of too few days for its own clock to tell what is due; it may hold one key of several."""
    return len({minute // 1440 for minute in busy}) < _DAYS


def hours_of(busy: Mapping[int, int]) -> dict[int, float]:
    """Epoch hour → minutes that have rows."""
    found: dict[int, float] = {}
    for minute, count in busy.items():
        found[minute // 60] = found.get(minute // 60, 0.0) + count
    return found


def holes(busy: Mapping[int, int], expected: Mapping[int, float], window: Window) -> list[Span]:
    """Holes of a source in the judged window: by its own rows, and by the rows that another source expects of it."""
    begin = min(busy, default=window.until // 60) * 60
    hours = range(max(begin, window.since) // HOUR, -(-window.until // HOUR))
    found = source_holes.of_its_own(busy, window.until) + source_holes.beside(expected, hours_of(busy), hours)
    return source_holes.within(source_holes.merged(found), max(window.judged, begin), window.until)


_OWN_HOURS = """
SELECT CAST(FLOOR(ts / 3600) AS BIGINT) AS hour, COUNT(*) AS n FROM requests
WHERE own = 1 AND source = 'egress' AND ts > 0 AND ts <= {until} AND request_id <> '' GROUP BY CAST(FLOOR(ts / 3600) AS BIGINT)
"""
_EVENT_HOURS = """
SELECT CAST(FLOOR(ts / 3600) AS BIGINT) AS hour, COUNT(DISTINCT request_id) AS n FROM events
WHERE ts > 0 AND ts <= {until} AND request_id <> '' GROUP BY CAST(FLOOR(ts / 3600) AS BIGINT)
"""
_ACKNOWLEDGED = """
SELECT r.endpoint AS endpoint, CAST(FLOOR(r.ts / 3600) AS BIGINT) AS hour, COUNT(*) AS n,
  SUM(CASE WHEN s.request_id IS NOT NULL THEN 1 ELSE 0 END) AS told
FROM requests r LEFT JOIN seen s ON r.request_id = s.request_id
WHERE r.own = 1 AND r.source = 'egress' AND r.verb <> 'read' AND r.ts > 0 AND r.ts <= {until}
  AND r.request_id LIKE 'req_%' AND (r.status = 0 OR (r.status >= 200 AND r.status < 300))
GROUP BY r.endpoint, CAST(FLOOR(r.ts / 3600) AS BIGINT)
"""
_ALWAYS_TOLD = frozenset(
    f"/v1/{name}"
    for name in ("charges", "coupons", "customers", "invoices", "payment_intents", "payouts", "prices", "products", "refunds", "transfers")
)
"""Endpoints whose successful POST makes an event in any case."""


def other_requests(engine: Engine, until: int) -> dict[int, float]:
    """Epoch hour → requests that our own logs, or else Stripe's events, tell of. A log of all requests has rows in these hours, too."""
    own = engine.rows(_OWN_HOURS.format(until=until))
    return {int(hour): float(n) for hour, n in own or engine.rows(_EVENT_HOURS.format(until=until))}


def unacknowledged(engine: Engine, window: Window) -> tuple[list[Span], list[str]]:
    """Events of our own successful writes that an archive lacks: stretches, and endpoints without any."""
    rows = [(str(e), int(h), int(n), int(told or 0)) for e, h, n, told in engine.rows(_ACKNOWLEDGED.format(until=window.until))]
    told_of: dict[str, list[int]] = {}
    for endpoint, _, n, told in rows:
        if told:
            both = told_of.setdefault(endpoint, [0, 0])
            both[0], both[1] = both[0] + n, both[1] + told
    expected: dict[int, float] = {}
    seen: dict[int, float] = {}
    never: dict[str, int] = {}
    for endpoint, hour, n, told in rows:
        if endpoint in told_of:
            expected[hour] = expected.get(hour, 0.0) + n * told_of[endpoint][1] / told_of[endpoint][0]
            seen[hour] = seen.get(hour, 0.0) + told
        elif endpoint in _ALWAYS_TOLD and hour * HOUR + HOUR > window.judged:
            never[endpoint] = never.get(endpoint, 0) + n
    hours = range(window.judged // HOUR, -(-window.until // HOUR))
    silent = source_holes.within(source_holes.beside(expected, seen, hours), window.judged, window.until)
    lacking = [f"{n:,} of our own successful POST {path} have no event" for path, n in sorted(never.items()) if n >= source_holes.DUE]
    return silent, lacking
