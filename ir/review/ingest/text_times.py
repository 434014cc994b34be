"""Times in lines of text, and the zone letters that can be read; for the regular expressions of Python and DuckDB alike."""

import re

ZONES = {
    "EST": "-0500", "EDT": "-0400", "MDT": "-0600", "PST": "-0800", "PDT": "-0700", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000",
    "WET": "+0000", "WEST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300", "MSK": "+0300", "JST": "+0900",
    "HKT": "+0800", "AEST": "+1000", "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300", "AWST": "+0800", "ACST": "+0930", "ACDT": "+1030",
    "MET": "+0100", "MEST": "+0200", "WAT": "+0100", "CAT": "+0200", "EAT": "+0300", "SAST": "+0200",
}  # fmt: skip
"""Letters that name one zone. Others, such as CST, IST and BST, name several, and a time with them is not read."""
UNSURE = (
    "CST", "CDT", "IST", "BST", "AST", "ADT", "MST", "GST", "AMT", "ECT", "SST", "WST", "ACT", "PKT", "SGT", "KST", "ICT", "WIB",
    "BRT", "ART", "PT", "MT", "CT", "ET", "NPT", "IDT", "IRST", "IRDT", "TRT", "MYT", "PHT", "CLT", "CLST", "COT", "VET", "UYT", "NST",
    "NDT", "HDT", "WITA", "WIT", "BDT", "MMT", "UZT", "YEKT", "OMST", "NOVT", "KRAT", "IRKT", "YAKT", "VLAT", "MAGT", "SAMT",
)  # fmt: skip

_LETTERS = "|".join((*ZONES, *UNSURE))
_REGION = r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Canada|Etc|Europe|Indian|Pacific|US)/[A-Za-z_/+-]+"
_ZONE = (
    "(?:\u2212\\d\\d:?\\d\\d"
    r"| (?:[A-Z][a-z]{2,20} ){1,3}(?:Standard|Daylight|Summer) Time\b"
    rf"| ?(?:Z\b|(?:UTC|GMT)\b(?:[+-]\d{{1,2}}(?::?\d\d)?\b)?|[+-]\d\d:?\d\d\b|\(?(?:{_LETTERS})\b|{_REGION})"
    r"|[+-]\d\d\b)?"
)
"""A zone of two digits alone follows at once, as PostgreSQL writes it: after a space they may be anything. Zones by their long names,
or with a typeset minus, belong to the time, so that it is not read as UTC."""
_SPACE = "[ \u00a0\u202f]"
"""JavaScript writes a narrow one before AM and PM. The engines have no common way to name it, so the characters stand here."""
_CLOCK = rf"\d{{1,2}}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:{_SPACE}?[AaPp](?:[Mm]\b|\.[Mm]\.))?{_ZONE}"
TIMES = (
    (r"\d{4}[-/]\d\d[-/]\d\d[T ]" + _CLOCK, 0),
    (r"\d\d?/[A-Z][a-z]{2}/\d{4}[: ]" + _CLOCK, 0),
    (r"\d\d?[/.-]\d\d?[/.-]\d{4},? " + _CLOCK, 0),
    (r"\d\d?-[A-Z][a-z]{2}-\d{2,4} " + _CLOCK, 0),
    (r"\d\d? [A-Z][a-z]{2} \d{4},? " + _CLOCK, 0),
    (rf"[A-Z][a-z]{{2}} +\d\d? \d\d:\d\d:\d\d(?:\.\d+)?(?: (?:UTC|GMT|{_LETTERS}))? 20\d\d", 0),
    (r"\b[A-Z][a-z]{2} \d\d?,? \d{4},? " + _CLOCK, 0),
    (r"\b20\d{6}T\d{6}(?:[.,]\d+)?(?:Z|[+-]\d{4})?\b", 0),
    (r"^[IWEF](\d{4} \d\d:\d\d:\d\d)\.\d{6} ", 1),
    (r"^(?:<\d{1,3}>\d* ?)?([A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d)", 1),
    (r"(?:^|[ =\[])(1\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?)(?:[\] ,]|$)", 1),
)
"""(pattern, its group): the first that is found in a line counts."""

STAMP = re.compile("|".join(f"(?:{pattern})" for pattern, _ in TIMES))


_CLOCK_ALONE = re.compile(r"\[\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\] ")
"""What pino-pretty prints before a record unless it is told otherwise."""


def begins(text: str) -> bool:
    """Whether a record begins here: with a time, be it one without a date."""
    return bool(stamp(text)) or _CLOCK_ALONE.match(text) is not None


def stamp(text: str) -> str:
    """The time in a text, "" when it has none."""
    for pattern, group in TIMES:
        found = re.search(pattern, text)
        if found:
            return found.group(group)
    return ""
