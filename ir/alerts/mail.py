"""Read the plain e-mail in which Stripe, a platform or a stranger reports a leak, as a person pastes or saves it.

It may tell the key or its ends, an address where it was found, and a time. No form of it is promised, so nothing
but these three is looked for.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from ir.alerts import mail_text
from ir.alerts.alert import Alert, Ends, Hash, Location
from ir.alerts.fields import earliest, masked
from ir.core.secret import Secret, excerpt

MAIL = "e-mail"
LONGEST = 1_000_000
"""Characters of a mail that are read."""
_WHOLE = re.compile(r"(?<![A-Za-z0-9_])(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9+/=_-]{24,200})")
_SHOWN = re.compile(r"(?<![A-Za-z0-9_])(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{0,60}[*\u2022\u2026.xX]{2,120}[ ]?[A-Za-z0-9]{4,60}")
_ENDS = re.compile(
    r"(?:end(?:s|ing) (?:in|with|on)|last (?:four|4)(?:\s(?:characters|digits|letters|of|the|your|this|its|leaked|exposed|compromised"
    r"|secret|live|api|stripe|key|key's|it|are|is|being|were|was)){0,8})"
    r"[\s:=('\"`\u201c\u2018*\u2022\u2026.]{1,12}([A-Za-z0-9]{4})(?![A-Za-z0-9/:-])",
    re.IGNORECASE,
)
_HASH = re.compile(r"hash[^0-9a-f\n]{1,20}([0-9a-f]{64})(?![0-9a-f])", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"')\]}|]{4,300}")
_OURS = re.compile(r"https?://(?:[a-z0-9-]{1,60}\.){0,4}(?:stripe\.com|stripe\.network)(?![a-z0-9.-])", re.IGNORECASE)
_GITHUB = re.compile(
    r"https://github\.com/([^/\s]{1,100}/[^/\s]{1,100})/(?:blob|commit)/([0-9a-f]{40}|[^/\s]{1,100})(?:/([^#\s?]{1,300}))?(?:#L(\d{1,7}))?"
)
_PLATFORM = re.compile(r"GitGuardian (?:has )?detected|secret[- ]scanning alert|View secret alert", re.IGNORECASE)
_REPOSITORY = re.compile(r"^[ \t*\u2022-]{0,10}Repository(?: name)?\*?:[ \t*]{0,5}([\w.-]{1,100}/[\w.-]{1,100})\b", re.MULTILINE)
_MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_ZONE = r"(?:\s?\(?(Z|UTC|GMT|[ECMP][SD]T|[+-]\d\d:?\d\d)(?![A-Za-z0-9]))?"
_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?:\s?([AaPp])\.?[Mm]\.?(?![A-Za-z]))?" + _ZONE
_TIMES = (
    re.compile(rf"(?<!\d)(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)(?:T|,? {{1,3}}(?:at )?){_CLOCK}"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}}) {_MONTH.replace('(', '(?P<m>', 1)},? (?P<y>\d{{4}}),?(?: at)? {{1,3}}{_CLOCK}"),
    re.compile(
        rf"(?<![A-Za-z]){_MONTH.replace('(', '(?P<m>', 1)} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}}),?(?: at)? {{1,3}}{_CLOCK}"
    ),
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
"""RFC 2822 §4.3."""


def read(content: str) -> list[Alert]:
    """One alert for each key that the mail tells of; empty when it tells of none."""
    dates, said = mail_text.text_of(content[:LONGEST])
    sent = min((found for date in dates for found, _ in _times(date)), default=0.0)
    if "stripe" not in said.lower() and not _WHOLE.search(said) and not _SHOWN.search(said):
        return []
    place = _place(said)
    # a time in the future, such as a deadline, is not a time of the leak
    times = [(found, f"the e-mail{'' if zone else ', read as UTC'}") for found, zone in _times(said) if not sent or found <= sent]
    since, what = earliest(*times, (sent, "the e-mail"))
    kind = "Stripe API key"
    whole = [Alert(MAIL, "", kind, (place,), since, what, Secret(value)) for value in _each(_WHOLE, said) if not _SHOWN.match(value)]
    if whole:
        return whole
    marks = [Alert(MAIL, "", kind, (place,), since, what, ends=ends) for ends in _shown(said)]
    hashed = [Alert(MAIL, "", kind, (place,), since, what, hashes=(Hash("sha256", h), Hash("hmsl", h))) for h in _each(_HASH, said.lower())]
    # a platform's mail may name the kind of key alone
    named = [Alert(MAIL, "", kind, (place,), since, what)] if _PLATFORM.search(said) else []
    return marks + hashed or named


def _each(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


def _shown(text: str) -> list[Ends]:
    found = [ends for value in _each(_SHOWN, text) if (ends := masked(value.replace("xx", "**").replace("XX", "**")))]
    tails = [Ends("", tail) for tail in _each(_ENDS, text)]
    sure = [ends for ends in tails if not ends.tail.isalpha() or not ends.tail.islower()]  # `ending with your` does not end a key
    return list(dict.fromkeys(found or sure))


def _place(text: str) -> Location:
    """The first address that is not Stripe's own."""
    address = next((url for url in _each(_URL, text) if not _OURS.match(url)), "").rstrip(".,;:!?*_")
    on_github = _GITHUB.match(address)
    url = excerpt(address, 300)
    if on_github is None:
        named = _REPOSITORY.search(text)
        return Location(named[1] if named else "", url=url)
    commit = on_github.group(2)
    line = int(on_github.group(4) or 0)
    return Location(excerpt(on_github.group(1)), excerpt(on_github.group(3) or ""), line, commit if len(commit) == 40 else "", url)


def _times(text: str) -> Iterator[tuple[float, bool]]:
    """Each time of day in the text, and whether it names its zone."""
    for pattern in _TIMES:
        for found in pattern.finditer(text):
            hour, minute, second, half, zone = found.groups()[-5:]
            try:
                month = found["m"]
                named = _MONTHS.index(month) + 1 if month in _MONTHS else int(month)
                full = _hour(int(hour), half)
                moment = datetime(int(found["y"]), named, int(found["d"]), full, int(minute), int(second or 0), tzinfo=UTC)
            except ValueError:
                continue
            if 2000 < moment.year < 2100:
                yield moment.timestamp() - _offset(zone or ""), bool(zone)


def _hour(hour: int, half: str | None) -> int:
    if half and not 1 <= hour <= 12:
        raise ValueError
    return hour if not half else hour % 12 + (12 if half in "Pp" else 0)


def _offset(zone: str) -> int:
    if zone[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "")
        return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
    return _HOURS.get(zone, 0) * 3600
