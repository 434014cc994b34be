"""The words of a text in HCL, the language of Terraform's `.tf` files (HCL native syntax specification, read 2026-11-30).

Comments and heredocs are passed over; a quoted string is one word, with whatever templates stand in it.
"""

import re
from collections.abc import Iterator

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_HEREDOC = re.compile(r"<<-?([A-Za-z_][\w-]*)[ \t]*\r?\n")
_MARK = re.compile(r'\\.|[$%]{2}\{|[$%]\{|["{}\n]')
_QUOTED = -1


def words(text: str) -> Iterator[str]:
    """Names, brackets, `=`, `,` and other marks; a quoted string as `"` and its text."""
    at, size = 0, len(text)
    while at < size:
        here = text[at]
        if here == "#" or text.startswith("//", at):
            at = _after(text, "\n", at)
        elif text.startswith("/*", at):
            at = _after(text, "*/", at + 2)
        elif here == '"':
            end = _string_end(text, at + 1)
            yield '"' + text[at + 1 : end]
            at = end + 1
        elif found := _HEREDOC.match(text, at):
            last = re.compile(rf"^[ \t]*{re.escape(found[1])}[ \t]*\r?$", re.MULTILINE).search(text, found.end())
            at = last.end() if last else size
        elif found := _WORD.match(text, at):
            yield found[0]
            at = found.end()
        else:
            if not here.isspace():
                yield here
            at += 1


def closed(row: list[str], at: int) -> int:
    """Where the bracket at `at` is closed; the end when it is not."""
    depth = 0
    for here in range(at, len(row)):
        depth += (row[here] in ("{", "[", "(")) - (row[here] in ("}", "]", ")"))
        if not depth:
            return here
    return len(row)


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _string_end(text: str, at: int) -> int:
    """Where a quoted string that begins before `at` ends, or its line does: a template in it may hold strings, and they templates."""
    inside = [_QUOTED]
    """Of each string and template that is open: `_QUOTED`, or how many braces are open in the template."""
    for found in _MARK.finditer(text, at):
        mark = found[0]
        if inside[-1] != _QUOTED:
            inside[-1] += mark.endswith("{") - (mark == "}")
            if inside[-1] == _QUOTED:
                inside.pop()
            elif mark == '"':
                inside.append(_QUOTED)
        elif mark == '"' or (mark == "\n" and len(inside) == 1):
            inside.pop()
            if not inside:
                return found.start()
        elif mark in ("${", "%{"):
            inside.append(0)
    return len(text)
