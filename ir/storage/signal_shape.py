"""What a signal may say. A row of the shared database is data: one that says something else is heard, named, and obeyed by no process.

A login that may only approve adds rows of two kinds. Without a look at them, one of its rows could stop every process that reads
the incident.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ir.core.model import Json

UNREADABLE = "unreadable"
"""The kind under which such a row is heard; its body says `why`."""
_LONGEST = 4_000_000
"""Characters of a body; the longest that is sent lists the evidence of misuse."""
_DEEPEST, _LARGEST = 30, 2.0**63
"""Objects and lists inside each other, and numbers."""
_LATEST = 7_258_118_400.0
"""2200-01-01 in epoch seconds: times are added to, and written as dates."""


def _text(value: object) -> bool:
    return isinstance(value, str)


def _time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LATEST < value < _LATEST


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _named_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _classified(value: object) -> bool:
    return isinstance(value, dict) and not _misfits(value, _BREACH)


def _debt(value: object) -> bool:
    return _text(value) or (isinstance(value, dict) and set(value) == {"kind", "about", "why", "todo"} and all(map(_text, value.values())))


_Fits = Callable[[object], bool]
_BREACH: Mapping[str, _Fits] = {
    "classified_at": _time,
    "classified_by": _text,
    "classified_because": _text,
    "personal_data_breach": lambda value: value is None or isinstance(value, bool),
}
_NAMES = "plan step seen reason name signature break_glass environment source_closed unused grant how said"
_FIELDS: Mapping[str, _Fits] = {
    **dict.fromkeys(_NAMES.split(), _text),
    "until": _time,
    "yes": lambda value: isinstance(value, bool),
    "accept_alive": _named_texts,
    "evidence": _texts,
    "debt": _debt,
    "facts": lambda value: isinstance(value, dict),
}
_OF_KIND: Mapping[str, Mapping[str, _Fits]] = {"classify": {"facts": _classified}}
_ALONE: Mapping[str, frozenset[str]] = {
    "approve": frozenset([*_NAMES.split(), "until"]),
    "classify": frozenset(["facts"]),
}
"""All that signals of a login that may only approve can say."""
_NEEDS: Mapping[str, frozenset[str]] = {"misuse": frozenset(["debt", "evidence"]), "close": frozenset(["reason"])}


def read(row: Mapping[Any, object]) -> Json:
    """A row of the table, `body` as the database's text, in the form that an incident hears: `{id, incident, kind, actor, at, body}`."""
    kind, body = str(row["kind"]), _parsed(str(row["body"]))
    why = "its time is none" if not _time(row["at"]) else _why(kind, body)
    heard: Json = {**row, "kind": kind, "body": body}
    if why:
        at = row["at"] if _time(row["at"]) else 0.0
        heard |= {"kind": UNREADABLE, "at": at, "body": {"why": f"{kind[:40]}: {why}"}}
    return heard


def _parsed(text: str) -> object:
    try:
        return json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None


def _why(kind: str, body: object) -> str:
    """The reason why it says nothing that is obeyed, "" = it does."""
    if not isinstance(body, dict) or not _sound(body):
        return "its body is no object of plain values, or it is too long or too deep"
    if strange := sorted(set(body) - _ALONE.get(kind, frozenset(body))):
        return f"it says {strange[0][:40]}, which such a signal cannot say"
    if missing := sorted(_NEEDS.get(kind, frozenset()) - set(body)):
        return f"it does not say {missing[0]}"
    wrong = _misfits(body, {**_FIELDS, **_OF_KIND.get(kind, {})})
    return f"{wrong} has another form" if wrong else ""


def _misfits(body: Json, fields: Mapping[str, _Fits]) -> str:
    return next((name for name, value in body.items() if name in fields and not fields[name](value)), "")


def _sound(value: object, depth: int = 0) -> bool:
    """Whether an entry of the record can hold it."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(_sound(name, depth + 1) and _sound(part, depth + 1) for name, part in value.items())
    if isinstance(value, list):
        return all(_sound(part, depth + 1) for part in value)
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value) if not value.isascii() else True
    return not isinstance(value, int | float) or abs(value) < _LARGEST
