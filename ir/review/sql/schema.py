"""The four tables of the normalised store, column by column, with units. `docs/review-schema.md` is made from this.

No column is ever NULL: an absent text is '', an absent number 0 (−1 where 0 means something), so that the same SQL
text gives the same rows on DuckDB, ClickHouse and Spark. Times are integer epoch seconds, UTC; money is in minor
units of its currency (yen and other zero-decimal currencies: whole units). Every text column was scrubbed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its name, its SQL type (`BIGINT`, `INTEGER` or `VARCHAR`) and what it means."""

    name: str
    type: str
    meaning: str


def _columns(text: str) -> tuple[Column, ...]:
    rows = (line.strip().split(None, 2) for line in text.strip().splitlines())
    return tuple(Column(name, kind, meaning) for name, kind, meaning in rows)


TABLES: dict[str, tuple[Column, ...]] = {
    "requests": _columns("""
        ts           BIGINT   epoch seconds; 0 = the line carried no readable time
        own          INTEGER  1: our own side's log (never shows a stranger); 0: Stripe's or a gateway's that sees all; −1: unreadable line
        source       VARCHAR  `egress`, `request-log`, `webhook-log`
        service      VARCHAR  which of our programs wrote the line, where it says so
        request_id   VARCHAR  Stripe's id of the request, `req_…`
        method       VARCHAR  HTTP method, upper case
        endpoint     VARCHAR  path without query, ids replaced by `:id`
        verb         VARCHAR  `read` or `write`
        status       INTEGER  HTTP status; 0 = not stated
        key_id       VARCHAR  `mk_…`, a name, or `key:` and the fingerprint of what the log showed
        ip           VARCHAR  source address
        net          VARCHAR  its /24 (IPv4) or /48 (IPv6)
        agent        VARCHAR  family of the client: `stripe-node`, `stripe-python`, `curl`, `scanner`, `ir` …
        agent_version VARCHAR its version, such as `18.1.0`; '' = not stated
        api_version  VARCHAR  `Stripe-Version` of the request
        idem         BIGINT   hash of the idempotency key; 0 = none
        idem_format  VARCHAR  `node`, `uuid`, `none`, `other`
        params       BIGINT   hash of the parameters or body, where logged; 0 = not logged
        error_code   VARCHAR  Stripe's error code; of a webhook: `bad_signature`, `stale_timestamp`
        decline_code VARCHAR  why the issuer said no
        amount       BIGINT   minor units; 0 = none
        currency     VARCHAR  ISO 4217, lower case
        customer     VARCHAR  `cus_…`
        card         VARCHAR  card fingerprint, never a number
        object_id    VARCHAR  the object in the path; of a webhook: the event id, `evt_…`
        country      VARCHAR  ISO 3166 of the address, where the log has it
        asn          VARCHAR  network owner, where the log has it
        paged        INTEGER  1: asked for a further page
        page_size    INTEGER  `limit` of a list; 0 = not stated
        expands      VARCHAR  fields of `expand[]` in the query, comma-separated
        account      VARCHAR  `acct_…` of the header `Stripe-Account`, where the log has it; '' = our own account, or not stated
    """),
    "events": _columns("""
        ts           BIGINT   epoch seconds
        id           VARCHAR  `evt_…`
        type         VARCHAR  Stripe's event type
        act          VARCHAR  rank and kind of what was done, such as `90:payout`; a request counts as its highest
        source       VARCHAR  `api` or `archive`
        livemode     INTEGER  1 live, 0 test
        account      VARCHAR  connected account that it happened on; '' = our own
        request_id   VARCHAR  `req_…`; '' = Stripe did it by itself
        idem         BIGINT   hash of the idempotency key; 0 = none
        idem_format  VARCHAR  as in `requests`
        object_id    VARCHAR  id of the object
        object_type  VARCHAR  its type
        customer     VARCHAR  `cus_…`
        amount       BIGINT   minor units
        currency     VARCHAR  ISO 4217, lower case
        status       VARCHAR  status of the object
        error_code   VARCHAR  failure code
        decline_code VARCHAR  why the issuer said no
        card         VARCHAR  card fingerprint
        card_group   VARCHAR  brand, country and funding, for concentration
        pm           VARCHAR  `pm_…` or other payment method
        intent       VARCHAR  payment or setup intent that it belongs to
        destination  VARCHAR  where money went: bank account, card or `acct_…`
        method       VARCHAR  of a payout: `standard`, `instant`
        automatic    INTEGER  of a payout: 1 by schedule, 0 by hand or API, −1 not stated
        percent_off  INTEGER  of a coupon; 0 = none
        changed      VARCHAR  names of changed fields, comma-separated
    """),
    "activity": _columns("""
        ts           BIGINT   epoch seconds
        id           VARCHAR  `accact_…`
        type         VARCHAR  such as `api_key_created`
        grp          VARCHAR  group, such as `api_key`
        actor_type   VARCHAR  `user`, `api_key`, `stripe_action`
        actor        VARCHAR  key id, or `person:` and a hash; the e-mail address only with personal data
        request_id   VARCHAR  `req_…`
        object_id    VARCHAR  key, payout destination … that it is about
        ip           VARCHAR  address of a user's session
        country      VARCHAR  its country
        changed      VARCHAR  what the details say: a new key, an emptied allow-list, roles
    """),
    "objects": _columns("""
        ts           BIGINT   epoch seconds of creation; 0 = not stated
        kind         VARCHAR  such as `webhook_endpoint`
        id           VARCHAR  provider's id
        status       VARCHAR  status; `enabled`, `pending` …
        amount       BIGINT   minor units
        currency     VARCHAR  ISO 4217, lower case
        customer     VARCHAR  `cus_…`
        url          VARCHAR  where it points to, without query and user part
        known        INTEGER  1: the inventory names it
        account      VARCHAR  connected account that holds it
        detail       VARCHAR  what matters for judging, one short text
    """),
}


def empty_select(table: str) -> str:
    """SQL for no rows of `table`, with its types."""
    columns = ", ".join(f"CAST({'NULL'} AS {c.type}) AS {c.name}" for c in TABLES[table])
    return f"SELECT {columns} WHERE 1 = 0"


def markdown() -> str:
    """The tables in the form of `docs/review-schema.md`."""
    parts = []
    for table, columns in TABLES.items():
        rows = "\n".join(f"| `{c.name}` | {c.type} | {c.meaning} |" for c in columns)
        parts.append(f"### `{table}`\n\n| column | type | meaning and unit |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)
