"""The text of an env file: find and exchange one variable, and leave every other character unchanged.

Understood: comments, `export`, spaces around `=`, bare values with a comment behind, single, double and back quotes over
several lines, CRLF, a byte order mark, no line end at the end. What parsers disagree about is refused, not guessed.
"""

import re
from dataclasses import dataclass

from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.secret import Secret

_ASSIGNMENT = re.compile(r"\ufeff?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_SAFE = re.compile(r"[A-Za-z0-9_./+=:@%-]+")
"""Characters that mean themselves under every quoting."""


@dataclass(frozen=True)
class _Variable:
    """`start` and `end`: of the value; `behind`: what follows it on its line, without its quote and a comment."""

    name: str
    start: int
    end: int
    quote: str
    line: int
    behind: str = ""


@dataclass(frozen=True)
class _Parsed:
    """`loose` is a line that some reader might take for an assignment: line numbers and text, comments left out."""

    variables: list[_Variable]
    loose: list[tuple[int, str]]


def read(text: str, name: str, place: str) -> tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The value as it stands there ("": absent or empty), the names of the other variables, and the keys that those hold (`Held.others`).

    Raises:
        Rejected: the file is torn, the variable stands there twice or in another spelling, or its value is an expression.
    """
    parsed = _parsed(text, place)
    siblings = tuple(dict.fromkeys(v.name for v in parsed.variables if v.name != name))
    spot = _only(text, parsed, name, place)
    value = text[spot.start : spot.end] if spot else ""
    if spot and spot.quote != "'" and ("$" in value or "\\" in value):
        raise Rejected(f"{name} in {place}, line {spot.line}, is an expression that each reader expands in its own way")
    if value.strip() and not _SAFE.fullmatch(value.strip()):
        raise Rejected(f"{name} in {place}, line {spot.line if spot else 0}, holds characters that no key has")
    return value, siblings, _others(text, parsed, name)


def names(text: str, place: str) -> tuple[str, ...]:
    """Names of all variables. Raises Rejected: the file is torn."""
    return tuple(dict.fromkeys(variable.name for variable in _parsed(text, place).variables))


def _others(text: str, parsed: _Parsed, name: str) -> tuple[tuple[str, str], ...]:
    rest = [variable for variable in parsed.variables if variable.name != name]
    found = (key_search.prints({one.name: text[one.start : one.end]}) for one in rest)
    return tuple(row for rows in found for row in rows)


def write(text: str, name: str, value: Secret, place: str) -> str:
    """`text` with only this value changed, in its own quotes; an absent variable is added at the end."""
    plain = value.reveal()
    if not _SAFE.fullmatch(plain):
        raise Rejected(f"the value for {name} in {place} would need quoting that each reader does in its own way")
    spot = _only(text, _parsed(text, place), name, place)
    if spot is not None:
        comes_close = not spot.quote and text[spot.end : spot.end + 1] == "#"  # a comment only behind a blank
        return text[: spot.start] + plain + " " * comes_close + text[spot.end :]
    line_end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else line_end
    return f"{text}{gap}{name}={plain}{line_end}"


def _only(text: str, parsed: _Parsed, name: str, place: str) -> _Variable | None:
    found = [v for v in parsed.variables if v.name == name]
    if len(found) > 1:
        lines = " and ".join(str(v.line) for v in found)
        raise Rejected(f"{name} stands {len(found)} times in {place} (lines {lines})", next_step="leave only the one that counts")
    other = _other_spelling(name)
    for line, loose in parsed.loose:
        if other.search(loose):
            said = f"{place}, line {line}, sets {name} in a spelling that some readers take for an assignment, and others do not"
            raise Rejected(said, next_step=f"write it as {name}=VALUE, once, on a line of its own")
    if found and found[0].behind:
        raise Rejected(f"{name} in {place}, line {found[0].line}: something stands behind the value", next_step="end the line there")
    if not found:
        _refuse_swallowed(text, parsed, other, name, place)
    return found[0] if found else None


def _refuse_swallowed(text: str, parsed: _Parsed, other: re.Pattern[str], name: str, place: str) -> None:
    """Refuse a variable that appears only inside of a neighbour's quotes: they may not have been meant to reach so far."""
    for variable in parsed.variables:
        for number, line in enumerate(text[variable.start : variable.end].split("\n")[1:], variable.line + 1):
            if other.search(line):
                said = f"{place}, line {number}: {name} is inside the quotes of {variable.name} that open in line {variable.line}"
                raise Rejected(said, next_step=f"close the quote of {variable.name} on its own line")


def _other_spelling(name: str) -> re.Pattern[str]:
    """Other spellings of an assignment: `NAME: value`, `set NAME=…`, `A=1; NAME=…`, `NAME+=…`, `"NAME": …`, `setenv NAME value`."""
    exact = re.escape(name)
    return re.compile(rf"(?<![^\s;&|])[\"']?{exact}[\"']?[ \t]{{0,99}}\+?[:=]|\bsetenv[ \t]{{1,99}}{exact}(?![\w.-])")


def _parsed(text: str, place: str) -> _Parsed:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Rejected(f"{place}, line {line}, holds zero bytes: it is not UTF-8 (UTF-16?), or no text", next_step="save it as UTF-8")
    found = _Parsed([], [])
    at, line = 0, 1
    while at < len(text):
        begun = at
        assignment = _ASSIGNMENT.match(text, at)
        if assignment is not None:
            made = _value(text, assignment, line, place)
            found.variables.append(made)
            at = made.end
            found.loose.append((line + text.count("\n", begun, at), made.behind or (text[made.start : made.end] if not made.quote else "")))
        line_end = text.find("\n", at)
        following = len(text) if line_end < 0 else line_end + 1
        if assignment is None:
            found.loose.append((line, _uncommented(text[at:following])))
        line, at = line + text.count("\n", begun, following), following
    return found


def _value(text: str, assignment: re.Match[str], line: int, place: str) -> _Variable:
    name, start = assignment.group(1), assignment.end()
    quote = text[start : start + 1]
    if quote in ("'", '"', "`") and quote:
        end = _closing(text, start + 1, quote)
        if end < 0:
            raise Rejected(f"{place}, line {line}: the quote of {name} is never closed")
        behind = _uncommented(text[end + 1 : _line_end(text, end)]).strip()
        if behind and "\n" in text[start:end]:
            said = f"{place}, line {line}: the quote of {name} is closed only by another one, {text.count(chr(10), start, end)} lines below"
            raise Rejected(said, next_step=f"close the quote of {name}")
        return _Variable(name, start + 1, end, quote, line, behind)
    bare = _uncommented(text[start : _line_end(text, start)]).rstrip()
    if not bare:  # right behind the sign: what follows may be a comment, which needs the blank before it
        start = text.index("=", assignment.end(1)) + 1
    return _Variable(name, start, start + len(bare), "", line)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _uncommented(line: str) -> str:
    """A line, or the end of one, without its comment. A `#` at the beginning or after a blank begins a comment."""
    at = line.find("#")
    while at > 0 and line[at - 1] not in " \t":
        at = line.find("#", at + 1)
    return line if at < 0 else line[:at]


def _closing(text: str, at: int, quote: str) -> int:
    while True:
        at = text.find(quote, at)
        if at < 0 or quote != '"':
            return at
        before = at
        while text[before - 1] == "\\":
            before -= 1
        if (at - before) % 2 == 0:
            return at
        at += 1
