"""The fields of foreign logs and the columns that they mean: names as they occur in the wild, in order of preference."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ir.core.model import Json


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


NAMES: dict[str, tuple[str, ...]] = {
    "ts": _words(
        "ts time timestamp @timestamp datetime date date_created created created_at event_time start_time",
        "logged_at time_local time_iso8601 received_at occurred_at when t created_utc date_utc time_utc asctime",
        "time_millis timestamp_ms time_ms epoch_second started_date_time event_timestamp log_time time_unix_nano",
        "@t source_realtime_timestamp realtime_timestamp timereported timegenerated time_generated time_generated_utc",
        "observed_time_unix_nano",
        "start_utc start_local edge_start_timestamp request_time request_time_epoch approximate_arrival_timestamp published_at",
        "time_stamp started_at req_time_sec request_start_time request_end_time dt message_time message_time_ms timestamp_in_ms",
        "timestamp_start date_time horodatage zeitstempel zeitpunkt zeit datum uhrzeit date_et_heure date_heure",
        "fecha_y_hora fecha_hora fecha data_e_ora data_ora",
        "data_e_hora data_hora data tijdstip tijd",
        "time.seconds timestamp.seconds ts.seconds start messagetime start_time_unix_nano",
    ),
    "service": _words("service service_name service.name app application app_name program syslog_identifier container_name"),
    "request_id": _words("stripe_request_id request_id req_id requestid stripe_req_id upstream_request_id request.id stripe_request"),
    "method": _words(
        "method http_method client_request_http_method_name request_method client_request_method cs_method req_method request_verb verb",
        "methode metodo",
        "request request_line",
    ),
    "path": _words(
        "original_request_uri_with_args",
        "path request_path url_path url.path http_path uri request_uri url request_url http_url url.full url.original full original",
        "pfad chemin ruta percorso caminho pad adresse",
        "client_request_uri client_request_path req_path cs_uri_stem resource_path endpoint api_endpoint target http_target resource route",
        "request request_line",
    ),
    "status": _words(
        "status_code status http_status response_status response_code status_http http_status_code edge_response_status",
        "downstream_status origin_response_status origin_status elb_status_code sc_status",
        "statuscode statut code_d_etat code_etat estado stato codigo_de_estado codice_di_stato http_code",
        "http_request_status result_code response_code_sent code",
    ),
    "key_id": _words("key_id api_key_id api_key key access_key_id key_name stripe_key secret_key authorization"),
    "ip": _words(
        "source_ip source_ip_address client_ip remote_addr remote_ip remote_address client.ip source.ip client.address source.address",
        "ip ip_address clientip src_ip client_ip_address client_addr client_host cli_ip c_ip downstream_remote_address",
        "downstream_remote_address_without_port downstream_direct_remote_address x_forwarded_for forwarded_for",
        "http_x_forwarded_for xff forwarded cf_connecting_ip true_client_ip x_real_ip fly_client_ip cip fwd client remote src",
        "ip_adresse adresse_ip adresse_ip_source direccion_ip indirizzo_ip endereco_ip ip_adres orig_h ip_client adresse",
    ),
    "agent": _words(
        "client_request_user_agent request_user_agent user_agent user_agent.original useragent ua http_user_agent",
        "client_ua source_user_agent source_ua request_client_application cs_user_agent client sdk agent",
        "agent_utilisateur agente_de_usuario agente_utente agente_do_usuario browser navigateur",
    ),
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
    "account": _words("stripe_account stripe_account_id stripe_account_header connected_account connected_account_id"),
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

FORWARDED = frozenset(_words("x_forwarded_for http_x_forwarded_for forwarded_for forwarded xff fwd"))
"""Fields to which each proxy appends the address that it saw; what a caller wrote there itself stands first."""
_HEADERS = frozenset(_words("cf_connecting_ip true_client_ip x_real_ip fly_client_ip"))
BEHIND = FORWARDED | _HEADERS
"""Fields that tell of a caller behind a proxy, if a proxy wrote them."""
_OTHER = re.compile(r"(?:[^\w@]|_)+")
_CS = re.compile(r"^[cs][cs]\((.+)\)$")
"""A header as W3C's logs name it: `cs(User-Agent)`."""
_ASIDE = re.compile(r"\([^()]*\)|\[UTC\]")
_TYPED = re.compile(r"(?<=[a-z]{2})_[sdgtb]$")
"""What Azure appends to a column's name for its type: `clientIP_s`."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
REQUEST_SHAPE = r"\breq_(?:[A-Za-z0-9_]{8,64}|[A-Za-z_]{0,6}[0-9][A-Za-z0-9_]{0,6})"
"""Stripe's ids, in Python's and DuckDB's regular expressions alike; a short one has a digit, so that `req_time` is none."""
REQUEST_ID = re.compile(REQUEST_SHAPE)
EVENT_ID = re.compile(r"\bevt_[A-Za-z0-9_]{2,64}\b")
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""What a program writes to a terminal for its colours."""
_DEPTH = 10


def canonical(name: str) -> str:
    """`sourceIPAddress` and `Source IP address (v4)` → `source_ip_address`."""
    header = _CS.match(name)
    name = header[1] if header else _ASIDE.sub("", name)
    if not name.isascii():
        name = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return _TYPED.sub("", _OTHER.sub("_", _CAMEL.sub("_", name.strip()).lower()).strip("_"))


def flatten(record: Json, prefix: tuple[str, ...] = (), depth: int = _DEPTH) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every leaf of a record with its path; lists are leaves, and one that holds a single object is opened besides (BigQuery's records)."""
    for name, value in record.items():
        path = (*prefix, str(name))
        if isinstance(value, dict) and depth > 1:
            yield from flatten(value, path, depth - 1)
            continue
        yield path, value
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and depth > 2:
            yield from flatten(value[0], (*path, "0"), depth - 2)


Found = dict[str, tuple[tuple[str, ...], ...]]
"""Column → paths, best first. `ts_clock` is what follows the time in `ts`: the time of day, or the zone of PHP's `DateTime`; `ts_zone` a
zone in a field of its own. `line` is a
text that holds a request line."""
_Values = dict[tuple[str, ...], list[str]]


def find_columns(records: Sequence[Json], names: dict[str, tuple[str, ...]] | None = None) -> Found:
    """Map columns to paths: by value where a value is telling (`req_…`, `evt_…`), else by name if no value contradicts it."""
    paths = _values(records)
    found: Found = {}
    for column, wanted in (names or NAMES).items():
        hits = _named(column, paths, wanted)
        if column == "request_id":
            hits = _by_value(paths, REQUEST_ID, "req_") or hits
        if column == "object_id" and names is None:
            hits = _by_value(paths, EVENT_ID, "evt_")
        if hits:
            found[column] = hits[:4]
    lines = [path for path, values in paths.items() if 2 * sum(map(bool, map(_LINE.search, values))) > len(values)]
    if names is None and lines and "path" not in found:
        found["line"] = (lines[0],)
    clock = _clock(paths, found["ts"][0]) if "ts" in found else None
    zone = _zone(paths, clock or found["ts"][0]) if "ts" in found else None
    parts: Found = {name: (path,) for name, path in (("ts_clock", clock), ("ts_zone", zone)) if path}
    return found | {"ts": found["ts"][:1], **parts} if parts else found


def _values(records: Sequence[Json]) -> _Values:
    """Each path with its values as text. Papertrail's `source_ip` is of the program that sent the line, no caller's."""
    paths: _Values = {}
    for record in records:
        for path, value in flatten(record):
            texts = paths.setdefault(path, [])
            if value not in (None, "", "-"):
                texts.append(_said(value))
    senders = [path for path in paths if path[-1] == "source_ip" and (*path[:-1], "source_name") in paths]
    return {path: values for path, values in paths.items() if path not in senders}


def _clock(paths: _Values, time: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where the rest of a time is: its zone, or the time of day of a date."""
    zone = (*time[:-1], "timezone")
    if zone in paths and (*time[:-1], "timezone_type") in paths:
        return zone
    clock = [path for path, values in paths.items() if values and all(map(_CLOCK.fullmatch, values))]
    return clock[0] if clock and all(map(_DATE.fullmatch, paths[time])) else None


def _zone(paths: _Values, time: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where the zone of a time that has none stands beside it."""
    if time[-1] == "timezone" or any(_HAS_ZONE.search(value) for value in paths[time]):
        return None
    named = [path for path in paths if path[:-1] == time[:-1] and canonical(path[-1]) in _ZONES]
    return next((path for path in named if paths[path] and all(map(_IS_ZONE.fullmatch, paths[path]))), None)


def _said(value: object) -> str:
    """A value as text. A text that came as its bytes (journald writes coloured lines so) is decoded."""
    if isinstance(value, list) and len(value) > 3 and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value).decode("utf-8", "replace")
    return COLOURS.sub("", str(value))


def _by_name(paths: _Values, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    ranks = {name: rank for rank, name in enumerate(wanted)}
    scored: list[tuple[bool, int, int, tuple[str, ...]]] = []
    for path in paths:
        # `http.request.method` may be three objects or one name; `$date` and `$numberLong` tell a type
        steps = [canonical(step) for name in path if not name.startswith("$") and name != "0" for step in name.split(".")]
        if not steps:
            continue
        rank = min((ranks[name] for name in (steps[-1], ".".join(steps[-2:])) if name in ranks), default=None)
        if rank is not None:
            scored.append(("0" in path, rank, len(steps), path))  # what is in a list counts last
    return tuple(path for *_, path in sorted(scored))


_OTHER_END = re.compile(r"(?:^|_)(?:server|dest|destination|dst|local|upstream|backend|target|origin|host)_")
"""Whose address is not the caller's."""
_FLATTENED = ("method", "path", "status", "ip", "agent")
"""Columns that a query may name by the whole way to them: `httpRequest_requestMethod`."""


def _named(column: str, paths: _Values, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    hits = tuple(path for path in _by_name(paths, wanted) if _fits(column, paths[path]))
    if column == "path":  # the name of a function is one where there is nothing better
        hits = tuple(sorted(hits, key=lambda path: bool(paths[path]) and not any("/" in value for value in paths[path])))
    if hits or column not in _FLATTENED:
        return hits
    ends = tuple(f"_{name}" for name in wanted if "_" in name)
    named = [path for path in sorted(paths) if canonical(path[-1]).endswith(ends) and _fits(column, paths[path])]
    return tuple(path for path in named if column != "ip" or not _OTHER_END.search(canonical(path[-1])))


def _by_value(paths: _Values, shape: re.Pattern[str], mark: str) -> tuple[tuple[str, ...], ...]:
    """Fields with such values (`mark` is in each); those that hold nothing else come first, then those with the most different ones."""
    scored = []
    for path, values in paths.items():
        hits = [hit for value in values if mark in value and (hit := shape.search(value))]
        whole = {hit[0] for hit in hits if hit[0] == hit.string}
        if hits:
            scored.append((-len(whole), -len({hit[0] for hit in hits}), path))
    return tuple(path for _, _, path in sorted(scored))


_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")
_STAMP = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d|\d{8}T\d{6}|/Date\(\d|\d\d?/[A-Z][a-z]{2}/\d{4}|"
    r"\d\d?[/.-]\d\d?[/.-]\d{4}|[A-Z][a-z]{2} {1,2}\d\d?,? |\d\d?[ -][A-Z][a-z]{2}[ -]\d{4}"
)
_LINE = re.compile(r"\b(?:GET|POST|DELETE|PUT|PATCH|HEAD)\b[ \",:|]+(?:https?://[^/ ]+)?/")
_DATE = re.compile(r"[\d./-]{8,10}")
_ZONES = frozenset(_words("tz timezone time_zone tz_offset tzoffset utc_offset timezone_offset zone_offset"))
_IS_ZONE = re.compile(r"UTC|GMT|Z|[+-]\d\d:?\d\d|[A-Z][A-Za-z_]{2,20}/[A-Za-z_/+-]{2,40}")
_HAS_ZONE = re.compile(r"(?:Z|UTC|GMT|[A-Z]{3,5}|\d[+-]\d\d:?\d\d| [+-]\d\d:?\d\d)$|^[\d.]{9,}$")
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d([.,]\d+)?)?( ?[AP]M)?(Z| ?[+-]\d\d:?\d\d)?")
_SHAPES = {
    "method": re.compile(r"(?i)(get|post|put|patch|delete|head|options)\b"),
    "path": re.compile(r".*/|(?!.*\.(?:com|io|net)$)[a-z_:.]+$"),  # a host is none
    "status": re.compile(r"[1-5]\d\d(\.0)?$"),
    "service": re.compile(r"(?!\d+(\.\d+)?([mnuµ]?s)?$)"),
    "agent": re.compile(r"(?!\[?\d{1,3}(\.\d{1,3}){3}|\[?[0-9a-fA-F]*:[0-9a-fA-F]*:)"),
    "ip": re.compile(r"\[?\d{1,3}(\.\d{1,3}){3}|\[?[0-9a-fA-F]*:[0-9a-fA-F:]+|[0-9*x.]+$|(?i:for|by|proto|host)="),
}
DAY_FIRST = re.compile(r"(1[3-9]|2\d|3[01])[/.-]\d\d?[/.-]\d{4}")


def _fits(column: str, values: list[str]) -> bool:
    """Whether the values may belong to such a column; a field that is always empty may be anything."""
    if column == "ts":
        return any(_NUMBER.fullmatch(value) or _STAMP.search(value) for value in values)
    shape = _SHAPES.get(column)
    return shape is None or not values or any(shape.match(value) for value in values)
