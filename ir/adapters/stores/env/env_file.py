"""The text of an env file: one variable found and exchanged, every other character left alone.

Understood: comments, `export`, spaces around `=`, bare values with a comment behind, single, double and back quotes over
several lines, CRLF, a byte order mark, no line end at the end. What parsers disagree about is refused, not guessed.
"""

import re
from dataclasses import dataclass

from ir.core.errors import Rejected
from ir.core.secret import Secret

_ASSIGNMENT = re.compile(r"\ufeff?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*")
_SAFE = re.compile(r"[A-Za-z0-9_./+=:@%-]+")
"""Means itself under every quoting."""


@dataclass(frozen=True)
class _Variable:
    name: str
    start: int
    end: int
    quote: str
    line: int


def read(text: str, name: str, place: str) -> tuple[Secret | None, tuple[str, ...]]:
    """The value (None: absent or empty) and the names of the other variables.

    Raises:
        Rejected: the file is torn, the variable stands there twice, or its value is an expression.
    """
    variables = _variables(text, place)
    siblings = tuple(dict.fromkeys(v.name for v in variables if v.name != name))
    spot = _only(variables, name, place)
    value = text[spot.start : spot.end] if spot else ""
    if spot and spot.quote != "'" and ("$" in value or "\\" in value):
        raise Rejected(f"{name} in {place}, line {spot.line}, is an expression that each reader expands in its own way")
    if not value:
        return None, siblings
    if not _SAFE.fullmatch(value):
        raise Rejected(f"{name} in {place}, line {spot.line if spot else 0}, holds characters that no key has")
    return Secret(value), siblings


def write(text: str, name: str, value: Secret, place: str) -> str:
    """`text` with only this value changed, in the quotes that it stands in; an absent variable is added at the end."""
    plain = value.reveal()
    if not _SAFE.fullmatch(plain):
        raise Rejected(f"the value for {name} in {place} would need quoting that each reader does in its own way")
    spot = _only(_variables(text, place), name, place)
    if spot is not None:
        return text[: spot.start] + plain + text[spot.end :]
    line_end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else line_end
    return f"{text}{gap}{name}={plain}{line_end}"


def _only(variables: list[_Variable], name: str, place: str) -> _Variable | None:
    found = [v for v in variables if v.name == name]
    if len(found) > 1:
        lines = " and ".join(str(v.line) for v in found)
        raise Rejected(f"{name} stands {len(found)} times in {place} (lines {lines})", next_step="leave only the one that counts")
    return found[0] if found else None


def _variables(text: str, place: str) -> list[_Variable]:
    found, at = [], 0
    while at < len(text):
        assignment = _ASSIGNMENT.match(text, at)
        if assignment is not None:
            made = _value(text, assignment, text.count("\n", 0, at) + 1, place)
            found.append(made)
            at = made.end
        line_end = text.find("\n", at)
        at = len(text) if line_end < 0 else line_end + 1
    return found


def _value(text: str, assignment: re.Match[str], line: int, place: str) -> _Variable:
    name, start = assignment.group(1), assignment.end()
    quote = text[start : start + 1]
    if quote in ("'", '"', "`") and quote:
        end = _closing(text, start + 1, quote)
        if end < 0:
            raise Rejected(f"{place}, line {line}: the quote of {name} is never closed")
        return _Variable(name, start + 1, end, quote, line)
    stop = text.find("\n", start)
    bare = text[start : len(text) if stop < 0 else stop]
    return _Variable(name, start, start + len(_COMMENT.sub("", bare, count=1).rstrip()), "", line)


def _closing(text: str, at: int, quote: str) -> int:
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 2
            continue
        if text[at] == quote:
            return at
        at += 1
    return -1
