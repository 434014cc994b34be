"""Make foreign text harmless: customers, metadata, user agents and child programs choose much of what a report shows.

Three layers. `Tamer` runs over every string before it is laid out: no key, no control, direction or invisible
character, no endless line. HTML is escaped by Jinja2. Markdown is escaped here, by `escape` and `code`, since no
template engine does it.
"""

import math
import re
from functools import lru_cache
from typing import Any

from ir.core.secret import longest_form, scrub

LONGEST = 2000
"""The most characters of one string that are shown; the audit stream has the whole."""
_READ = 20_000
"""The most characters of one string that are looked at, so that an endless one costs little."""

_MARKS = re.compile(
    r"""
    [`|]                        # code and cells, anywhere
    | \\ (?=[!-/:-@\[-`{-~]|$)  # a backslash that would swallow what follows
    | (?<!\s)\* | \*(?!\s)      # emphasis, unless it stands alone
    | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9])
    | <(?=[A-Za-z/!?]|$)        # HTML and autolinks; `a < 5` is neither
    | &(?=[#\w]*(?:;|$))        # an entity
    | (?<!^)(?<!\s)[~$] | [~$](?![A-Za-z0-9])  # what could end struck or mathematical text; what only opens it changes nothing
    | ^\[ | \](?=[(\[:]|$)      # links, and their definitions
    """,
    re.VERBOSE,
)
"""Characters that would change the meaning where they stand, at the edge of a text whatever its neighbour is."""
_BLOCK_START = re.compile(r"^(#{1,6}(?=\s|$)|[-+:](?=\s|$)|>|[-=:](?=[-=:\s]*$)|\d{1,9}(?=[.)](?:\s|$)))")
_LINK = re.compile(r"((?:https?|ftp)(?=://)|mailto(?=:)|xmpp(?=:)|www(?=\.))", re.IGNORECASE)
_TICKS = re.compile("`+")


class Tamer:
    """Takes keys and unprintable characters out of a JSON value.

    Attributes:
        removed: how many strings held something shaped like a key; in a sound run it stays 0.
    """

    def __init__(self) -> None:
        self.removed = 0
        self._known: dict[str, tuple[str, bool]] = {}

    def __call__(self, value: Any) -> Any:
        """The same shape with every string, names of fields included, made harmless; floats stay finite."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._text(str(name)): self(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self(part) for part in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value if value is None or isinstance(value, bool | int | float) else self._text(str(value))

    def _text(self, text: str) -> str:
        """A string made harmless. The same few strings are in hundreds of rows, so each is looked at once."""
        if text not in self._known:
            self._known[text] = self._harmless(text)
        shown, held_key = self._known[text]
        self.removed += held_key
        return shown

    def _harmless(self, text: str) -> tuple[str, bool]:
        """The shown form of a string, and whether it held something shaped like a key."""
        read = text[: _READ + longest_form()]
        clean = scrub(read)
        held_key = clean != read
        if len(read) < len(text):
            # the cut may have halved a secret, which then looks like none: it is in this tail
            clean = clean[: -longest_form() or None]
        shown = clean if clean.isprintable() else "".join(map(_visible, clean))
        if len(shown) <= LONGEST and len(read) == len(text):
            return shown, held_key
        return f"{shown[:LONGEST]}… ({max(len(text) - LONGEST, 1)} more characters)", held_key


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


class Markdown(str):
    """Text that is Markdown already and must not be escaped again."""

    __slots__ = ()


def escape(value: object) -> Markdown:
    """`value` as Markdown that shows exactly its characters: no table cell, link, code, HTML, heading or formula of its own.

    Only what would change the meaning is escaped, so that the source reads as it will look.
    """
    if isinstance(value, Markdown):
        return value
    return _escaped(str(value))


@lru_cache(maxsize=4096)
def _escaped(text: str) -> Markdown:
    """A word made harmless; the same few words are in every report, so the result is kept."""
    text = _MARKS.sub(r"\\\g<0>", text.replace("\n", " ").strip(" "))
    text = _LINK.sub(r"\1\\", text)
    return Markdown(_BLOCK_START.sub(_escaped_start, text))


def code(value: object) -> Markdown:
    """`value` as a code span that it cannot leave, fit for a table cell; a dash when it is empty."""
    text = " ".join(str(value).split())
    if not text:
        return Markdown("–")
    if "|" in text:
        # Readers disagree about a backslash before a pipe inside code; in plain text there is one way to escape it.
        return escape(text)
    fence = "`" * (max((len(run) for run in _TICKS.findall(text)), default=0) + 1)
    pad = " " if "`" in (text[0], text[-1]) else ""
    return Markdown(f"{fence}{pad}{text}{pad}{fence}")


def _escaped_start(hit: re.Match[str]) -> str:
    return hit[1] + "\\" if hit[1].isdigit() else "\\" + hit[1]
