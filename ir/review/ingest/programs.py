"""Tell which program wrote a log of ours, and the one line that puts Stripe's request id into it (docs/egress-logs.md)."""

import re
from collections.abc import Sequence

_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "envoy",
        re.compile(
            r'"downstream_remote_address"|"upstream_host"|"start_time".*"response_code"|^\[\d{4}-\d\d-\d\dT[^]]*\] "[A-Z]+ \S+ HTTP/'
        ),
    ),
    ("traefik", re.compile(r'"RequestMethod"|"DownstreamStatus"')),
    ("caddy", re.compile(r'"http\.log\.access|"resp_headers"')),
    ("haproxy", re.compile(r"haproxy\[\d+\]:")),
    ("squid", re.compile(r" TCP_[A-Z_]+/\d{3} ")),
    ("stripe-python", re.compile(r"message='(?:Request to Stripe api|Stripe API response)'")),
    ("nginx", re.compile(r'\[\d\d/[A-Z][a-z]{2}/\d{4}:[^]]*\] "[A-Z]+ \S+ HTTP/')),
)
FIXES = {
    "nginx": "add `$upstream_http_request_id` to its `log_format`",
    "envoy": "add `%RESP(REQUEST-ID)%` to its access log format",
    "traefik": "set `accessLog.fields.headers.names.Request-Id: keep`",
    "caddy": "let its access log keep response headers (`resp_headers`)",
    "haproxy": "add `capture response header Request-Id len 40`",
    "squid": "add `%{Request-Id}<h` to its `logformat`; it sees it only where it opens TLS",
    "stripe-python": "log `last_response.request_id` of each answer",
}
OTHER = "log the answer's `Request-Id` header"


def program(lines: Sequence[str]) -> str:
    """Its name, "" when the lines do not tell."""
    return next((name for name, mark in _MARKS if 2 * sum(mark.search(line) is not None for line in lines) >= len(lines)), "")


def fix(name: str) -> str:
    """The fix, as half a sentence."""
    return f"{name}: {FIXES[name]}" if name in FIXES else OTHER
