"""Whether 05/11/2026 is in May or in November: told by the other dates of a file, never guessed."""

import re
from collections.abc import Iterable

_DATE = re.compile(r"\s*(\d\d?)[/-](\d\d?)[/-](?:\d{4}|\d\d)\b")
_SQL = "^ *([0-9]{1,2})[/-]([0-9]{1,2})[/-][0-9]{2,4}"

UNSURE = "its dates, such as 05/11/2026, do not tell day from month: those times are not read; name the order in a map (--map, `dates:`)"


def of(stamps: Iterable[str]) -> str:
    """`day` or `month`: what such dates begin with; `unsure`: each may be either; "": there are none, or each can be read alone."""
    first = second = 0
    for found in filter(None, map(_DATE.match, stamps)):
        first, second = max(first, int(found[1])), max(second, int(found[2]))
    return told(first, second)


def told(first: int, second: int) -> str:
    """The same, from the greatest first and second numbers of all dates."""
    if not first:
        return ""
    if (first > 12) == (second > 12):
        return "unsure"
    return "day" if first > 12 else "month"


def greatest_sql(stamp: str, relation: str) -> str:
    """The greatest first and second numbers of all such dates of a relation."""
    parts = ", ".join(f"MAX(TRY_CAST(regexp_extract(x, '{_SQL}', {n}) AS INTEGER))" for n in (1, 2))
    return f"SELECT {parts} FROM (SELECT {stamp} AS x FROM {relation})"


def read_sql(order: str, stamp: str) -> str:
    """A stamp in a form that can be read in one way only; NULL where the order is not known."""
    if order == "day":
        return f"regexp_replace({stamp}, '^ *([0-9]{{1,2}})[/.-]([0-9]{{1,2}})[/.-]([0-9]{{4}}),?', '\\3-\\2-\\1')"
    if order == "unsure":
        alike = f"TRY_CAST(regexp_extract(x, '{_SQL}', 1) AS INTEGER) = TRY_CAST(regexp_extract(x, '{_SQL}', 2) AS INTEGER)"
        kept = f"CASE WHEN regexp_matches(x, '{_SQL}') AND NOT {alike} THEN NULL ELSE x END"
        return f"list_transform([{stamp}], lambda x: {kept})[1]"
    return stamp
