"""Which field of a foreign log means which column: names as they occur in the wild, in order of preference."""

import re
from collections.abc import Iterator, Sequence

from ir.model import Json


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


NAMES: dict[str, tuple[str, ...]] = {
    "ts": _words(
        "ts time timestamp @timestamp datetime date created created_at event_time start_time",
        "logged_at time_local time_iso8601 received_at occurred_at when t created_utc date_utc time_utc",
    ),
    "request_id": _words("stripe_request_id request_id req_id requestid stripe_req_id upstream_request_id"),
    "method": _words("method http_method request_method verb"),
    "path": _words("path url endpoint request_path uri request_uri target http_path http_url resource route"),
    "status": _words("status status_code http_status response_status response_code status_http code"),
    "key_id": _words("key_id api_key_id api_key key access_key_id key_name"),
    "ip": _words("ip ip_address source_ip source_ip_address client_ip remote_addr remote_ip remote_address"),
    "agent": _words("user_agent ua http_user_agent source_user_agent source_ua client sdk agent"),
    "api_version": _words("api_version stripe_version"),
    "idem": _words("idempotency_key idem_key idempotency"),
    "params": _words("params_hash body_hash request_hash payload_hash body_sha256 params_sha256"),
    "error_code": _words("error.code error_code code_error error.type error_type failure_code error reason"),
    "decline_code": _words("error.decline_code decline_code"),
    "amount": _words("amount amount_minor amount_cents"),
    "currency": _words("currency"),
    "customer": _words("customer customer_id cus"),
    "card": _words("card_fingerprint fingerprint card"),
    "country": _words("country geo_country country_code"),
    "asn": _words("asn as_org as_organization isp"),
    "object_id": _words("event_id evt_id evt webhook_event_id object_id"),
}
"""Column → names, compared after lower-casing and turning runs of other characters into `_`."""

ACTIVITY_NAMES: dict[str, tuple[str, ...]] = {
    "ts": NAMES["ts"],
    "id": ("id",),
    "type": ("action", "type", "event", "activity", "action_type"),
    "actor": ("user", "actor", "email", "user_email", "performed_by", "api_key"),
    "request_id": NAMES["request_id"],
    "ip": NAMES["ip"],
    "country": (*NAMES["country"], "location"),
    "object_id": ("object", "target", "resource", "key", "related_object"),
    "changed": ("details", "description", "change"),
}
"""The same for exports of the Dashboard's security history, whose headings are not documented."""

_OTHER = re.compile(r"[^a-z0-9@]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
REQUEST_ID = re.compile(r"\breq_[A-Za-z0-9]{4,64}\b")
EVENT_ID = re.compile(r"\bevt_[A-Za-z0-9_]{2,64}\b")


def canonical(name: str) -> str:
    """`sourceIPAddress` and `Source IP address` → `source_ip_address`."""
    return _OTHER.sub("_", _CAMEL.sub("_", name.strip()).lower()).strip("_")


def flatten(record: Json, prefix: tuple[str, ...] = (), depth: int = 5) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every leaf of a record with its path; lists are leaves."""
    for name, value in record.items():
        path = (*prefix, str(name))
        if isinstance(value, dict) and depth > 1:
            yield from flatten(value, path, depth - 1)
        else:
            yield path, value


Found = dict[str, tuple[tuple[str, ...], ...]]
"""Column → paths, best first."""


def find_columns(records: Sequence[Json], names: dict[str, tuple[str, ...]] | None = None) -> Found:
    """Map columns to paths, by value where the value is telling (`req_…`, `evt_…`), else by name."""
    paths: dict[tuple[str, ...], list[object]] = {}
    for record in records:
        for path, value in flatten(record):
            paths.setdefault(path, []).append(value)
    found: Found = {}
    for column, wanted in (names or NAMES).items():
        hits = _by_name(paths, tuple(wanted))
        if column == "request_id":
            hits = _by_value(paths, REQUEST_ID) or hits
        if column == "object_id" and names is None:
            hits = _by_value(paths, EVENT_ID)
        if column == "ts":
            hits = tuple(path for path in hits if _any_time(paths[path]))
        if hits:
            found[column] = hits[:4]
    return found


def _by_name(paths: dict[tuple[str, ...], list[object]], wanted: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    scored: list[tuple[int, int, tuple[str, ...]]] = []
    for path in paths:
        last, two = canonical(path[-1]), ".".join(canonical(p) for p in path[-2:])
        for rank, name in enumerate(wanted):
            if two == name or ("." not in name and last == name):
                scored.append((rank, len(path), path))
                break
    return tuple(path for _, _, path in sorted(scored))


def _by_value(paths: dict[tuple[str, ...], list[object]], shape: re.Pattern[str]) -> tuple[tuple[str, ...], ...]:
    counted = [(sum(bool(shape.search(v)) for v in values if isinstance(v, str)), path) for path, values in paths.items()]
    return tuple(path for count, path in sorted(counted, key=lambda c: -c[0]) if count)


def _any_time(values: list[object]) -> bool:
    return any(_looks_like_time(str(value)) for value in values if value is not None)


_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d|\d\d?/[A-Z][a-z]{2}/\d{4}|\d\d?/\d\d?/\d{4}|[A-Z][a-z]{2} \d\d?,? |\d\d? [A-Z][a-z]{2} \d{4}")


def _looks_like_time(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) or _STAMP.search(text))
