"""Wrap lines for a terminal: between words, under their first word, and never inside text that is copied: a command, a path, an address.

What is too long for the rest of its line goes on a line of its own, whole; the terminal may break it, and copies it as one.
"""

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ir.core.command_text import COMMAND

_HEAD = re.compile(r"\s*(?:\d+\. )?")
_WORD = re.compile(r"\S+\s*")
_GLUE = "\ue000"
"""Stands for a space inside a command while lines are broken; of a private area, so that no text has it."""
_LEAST = 4
"""Indent of what is too long to stand under its first word; no line but our own begins further left."""


def put(target: Console, markup: str, *, head: str = "", style: str = "") -> None:
    """Print `markup` after `head`; what does not fit goes on under the first word. Without a terminal, nothing is broken."""
    indent = _text(head).cell_len
    for number, line in enumerate(markup.split("\n")):
        before = head if number == 0 else " " * indent
        if not target.is_terminal:
            target.print((before if number == 0 else " " * min(indent, _LEAST)) + line, style=style or None, soft_wrap=True)
            continue
        for part in _broken(target, _text(before), _text(line)):
            target.print(part, style=style or None, soft_wrap=True)


def _text(markup: str) -> Text:
    return Text.from_markup(markup, emoji=False)


def _broken(target: Console, before: Text, line: Text) -> list[Text]:
    """The lines that one line becomes."""
    deep = before.cell_len + len((_HEAD.match(line.plain) or [""])[0])
    first, rest = line.divide([deep - before.cell_len])
    width = max(target.width - deep, 1)
    shown = []
    for number, part in enumerate(rest.divide(_breaks(rest.plain, width))):
        part.rstrip()
        if number == 0 and part.cell_len <= width:
            shown.append(Text.assemble(before, first, part))
            continue
        if number == 0 and (before.plain + first.plain).strip():
            shown.append(Text.assemble(before, first))
        shown.append(Text.assemble(" " * (deep if part.cell_len <= width else min(deep, _LEAST)), part))
    return shown or [Text.assemble(before, line)]


def _breaks(line: str, width: int) -> list[int]:
    """Where a line is broken: before words that do not fit; a command is one word."""
    found, used = [], 0
    for word in _WORD.finditer(COMMAND.sub(lambda command: command[0].replace(" ", _GLUE), line)):
        if used and used + cell_len(word[0].rstrip()) > width:
            found.append(word.start())
            used = 0
        used += cell_len(word[0])
    return found
