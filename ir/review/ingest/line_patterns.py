"""Find the columns of a request in a line of text: patterns of web servers, proxies and plain logs, as expressions over `l`."""

from ir.review.ingest.column_names import REQUEST_SHAPE
from ir.review.ingest.text_times import TIMES
from ir.review.sql.engine import quoted


def _first(patterns: tuple[tuple[str, int], ...]) -> str:
    return "COALESCE(" + ", ".join(f"NULLIF(regexp_extract(l, {quoted(p)}, {group}), '')" for p, group in patterns) + ")"


_METHODS = "GET|POST|DELETE|PUT|PATCH|HEAD|OPTIONS"
_CODE = r"(?:(?:\"|HTTP/[0-9.]+|/v[12]/[^ \",|]*|->|responded)[ ,:|-]+|(?i:status|code)[\"\x27]?(?: *=> *|[=: ]+))"
_NUMBER = r"([1-5]\d\d)(?:[^\w.]|[.](?:\D|$)|$)"
"""A status is no part of an address or a number with a point."""
_NAMED_PATH = r"(?i)\b(?:path|url|uri|endpoint)[\"\x27]?(?: *=> *|[:=] *)[\"\x27]?(?:https?://[^/ \"\x27]+)?(/[^ \"\x27,}|]*)"
# Web servers, proxies and plain text: the fields that any line may have.
TEXT = {
    "ts": _first(TIMES),
    "request_id": f"NULLIF(regexp_extract(l, {quoted(REQUEST_SHAPE)}), '')",
    "method": f"NULLIF(regexp_extract(l, '\\b({_METHODS})\\b[ ,:|\"]', 1), '')",
    # Behind the method; else under its name, as a line of JSON among others has it, or behind Stripe's address.
    "path": "COALESCE("
    f"NULLIF(regexp_extract(l, '\\b(?:{_METHODS})\\b[ ,:|\"]+(?:https?://[^/ ]+)?(/[^ \",|]*)', 1), ''), "
    f"NULLIF(regexp_extract(l, '{_NAMED_PATH}', 1), ''), NULLIF(regexp_extract(l, 'https?://api[.]stripe[.]com(/[^ \",|]*)', 1), ''))",
    # Behind a request line or its name; else as HAProxy (after its timers), Squid (after its result) and `stripe logs tail` (in brackets).
    "status": f"NULLIF(concat(regexp_extract(l, '{_CODE}{_NUMBER}', 1), "
    rf"CASE WHEN regexp_matches(l, '(?:/[+-]?\d+ | TCP_[A-Z_]+/|\[)[1-5]\d\d\b') AND NOT regexp_matches(l, '{_CODE}{_NUMBER}') "
    r"THEN regexp_extract(l, '(?:/[+-]?\d+ | TCP_[A-Z_]+/|\[)([1-5]\d\d)\b', 1) ELSE '' END), '')",
    "ip": r"COALESCE(NULLIF(regexp_extract(l, '(?:^|[ \"=\[,\'|(])(?:::ffff:)?"
    r"(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7})(?:$|[ \t\":,\]\'|)}])', 1), ''), "
    r"NULLIF(regexp_extract(l, '(?:\t|[A-Za-z]:)(\d{1,3}(?:\.\d{1,3}){3})(?:$|[ \t:])', 1), ''))".replace("\\'", "''"),
    "agent": r"COALESCE(NULLIF(regexp_extract(l, "
    r"'((?:Stripe/v[12]|curl/|python-|Mozilla/|PostmanRuntime|Go-http|okhttp|axios)[^\"]*)', 1), ''), "
    r"NULLIF(regexp_extract(l, '\" [1-5]\d\d (?:\d+|-) \"[^\"]*\" \"([^\"-][^\"]*)\"', 1), ''))",
}


def told_by(line: str) -> dict[str, str]:
    """The columns that a line of text inside a field tells."""
    return {name: TEXT[name].replace("(l,", f"({line},") for name in ("method", "path", "status", "ip", "agent")}
