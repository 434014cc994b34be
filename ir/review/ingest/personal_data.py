"""Keep personal data out of the tables: ids stay; names, e-mail addresses and postal addresses do not.

Of a record of Stripe only the fields that the review reads are kept, so that nothing has to be recognised: a name can be
in any other field. What is kept of those is a number or one word. A person who acted (`actor` of the activity log, mostly an
e-mail address) becomes `person:` and the first 12 hex digits of SHA-256 of the lower-case text: the same person stays the
same, and a holder of the team's list can tell the person. Network addresses stay: without them nothing is detected.
"""

import hashlib
import re
from functools import cache
from typing import Any

from ir.core.model import Json
from ir.review.ingest import activity_table, events_table

_ID = re.compile(r"(?:req|evt|cus|ch|pi|py|re|po|tr|acct|mk|pm|seti|si|card|ba|in|sub|we|accact)_[A-Za-z0-9_]{2,64}")
_LONGEST = 200
_NAMES_ONLY = ("previous_attributes", "changes")
"""Objects of which only the names of the fields are kept."""

PERSON_SQL = (
    "ir_person(x) AS CASE WHEN x IS NULL OR x = '' THEN '' WHEN regexp_full_match(x, '[A-Za-z0-9:.-]*[_0-9][A-Za-z0-9_:.-]*') THEN x "
    "ELSE 'person:' || substr(sha256(lower(trim(x))), 1, 12) END"
)
"""The DuckDB macro that does the same as `person`."""
MACROS = (
    PERSON_SQL,
    "ir_note(x) AS CASE WHEN x = '' THEN '' ELSE 'see the export' END",
    """ir_code(x) AS CASE WHEN NOT contains(x, ' ') THEN x WHEN lower(x) LIKE '%denied%' THEN 'denied'
      WHEN lower(x) LIKE '%unauthorized%' THEN 'unauthorized' WHEN lower(x) LIKE 'idempotency%' THEN 'idempotency' ELSE 'in words' END""",
)
"""The form in which people, free text and codes are kept; `MACROS_NAMED` keeps them unchanged."""
MACROS_NAMED = ("ir_person(x) AS x", "ir_note(x) AS x", "ir_code(x) AS x")


def person(text: str) -> str:
    """The stand-in for a person: an id unchanged, everything else by its hash."""
    if re.fullmatch(r"[A-Za-z0-9:.-]*[_0-9][A-Za-z0-9_:.-]*", text) or not text:
        return text
    return "person:" + hashlib.sha256(text.strip().lower().encode(errors="replace")).hexdigest()[:12]


def without_people(record: Json) -> Json:
    """An event or an activity-log entry with only the fields that the review reads, and of these no free text."""
    kept: Json = _kept(record, _fields())
    return kept


def ids_of(text: str) -> str:
    """The provider's ids in a line that could not be read."""
    return " ".join(dict.fromkeys(_ID.findall(text)))[:_LONGEST]


@cache
def _fields() -> Json:
    """The names that are read, nested; {} where a value is."""
    tree: Json = {}
    for path in (*events_table.PATHS.values(), *activity_table.PATHS.values(), "$.object", "$.api_version"):
        node = tree
        for name in path.removeprefix("$.").split("."):
            node = node.setdefault(name, {})
    return tree


def _kept(value: Any, fields: Json) -> Any:
    if not isinstance(value, dict):
        return _word(value) if not isinstance(value, list) else [_word(part) for part in value]
    if not fields:  # an expanded object where an id was expected
        return _word(value.get("id"))
    return {name: _field(name, value[name], inner) for name, inner in fields.items() if name in value}


def _field(name: str, value: Any, fields: Json) -> Any:
    if name in _NAMES_ONLY and isinstance(value, dict):
        return dict.fromkeys(map(_word, value))
    if name == "idempotency_key" and isinstance(value, str):
        return _word(value) or person(value)  # its presence, and whether it is the same, have to stay visible
    return _kept(value, fields)


def _word(value: Any) -> Any:
    """A number or one word; an e-mail address becomes a person, and everything longer becomes nothing."""
    if not isinstance(value, str):
        return value if value is None or isinstance(value, bool | int | float) else ""
    if "@" in value:
        return person(value)
    return value if len(value) <= _LONGEST and not any(map(str.isspace, value)) else ""
