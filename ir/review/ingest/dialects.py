"""Lines of text whose fields stand where no other program puts them: AWS load balancers, Gin, and objects as Node and Python print them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html: both statuses follow three times, before
two sizes and the request. Objects: `util.inspect` of Node, `repr` of a Python dict.
"""

import re
from collections.abc import Sequence

_IS = r"['\"]?(?: ?=> ?|: ?)['\":]?"
"""Between a name and its value, as Node, Python, Ruby, PHP and Go print them."""
_VERBS = "(?i:get|post|put|patch|delete|head|options)"
_SIZES = r"-?\d+ -?\d+ \""
_MARKS = (
    ("gin", re.compile(r"\d{4}/\d\d/\d\d - \d\d:\d\d:\d\d \| *[1-5]\d\d \|")),
    ("balancer", re.compile(rf"(?: -?\d+(?:\.\d+)?){{3}} (?:\d{{3}}|-) (?:\d{{3}}|-) {_SIZES}")),
    ("object", re.compile(rf"[{{\[ ,'\":](?i:method){_IS}{_VERBS}\b")),
)


def _one(pattern: str) -> str:
    return "NULLIF(regexp_extract(l, '" + pattern.replace("'", "''") + "', 1), '')"


COLUMNS: dict[str, dict[str, str]] = {
    "gin": {
        "ts": r"NULLIF(regexp_replace(regexp_extract(l, '\d{4}/\d\d/\d\d - \d\d:\d\d:\d\d'), ' - ', ' '), '')",
        "status": _one(r"\d\d:\d\d:\d\d \| *([1-5]\d\d) \|"),
    },
    "balancer": {"status": _one(rf" ([1-5]\d\d) (?:\d\d\d|-) {_SIZES}")},
    "object": {
        "method": _one(rf"(?i:method){_IS}({_VERBS})\b"),
        "path": _one(rf"(?i:path|url|endpoint){_IS}(?:https?://[^/'\" ]+)?(/[^'\"" + r" ,}\]]*)"),
        "status": _one(rf"(?i:status(?:_?code)?){_IS}([1-5]\d\d)\b"),
    },
}
"""Dialect → column → SQL over `l`."""


def of(lines: Sequence[str]) -> str:
    """The dialect of most lines, "" for none."""
    return next((name for name, mark in _MARKS if 2 * sum(mark.search(line) is not None for line in lines) > len(lines)), "")
