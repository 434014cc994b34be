"""Logs as YAML, which is what `gcloud logging read` prints unless told otherwise: documents between `---`, or the items of a list.

All values stay texts. A record is short, or it is none: YAML that is made for it costs more than its length, and aliases multiply it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from ir.core.model import Json
from ir.review.ingest.tolerant_reader import Bad, texts
from ir.review.ingest.unreadable import REASONS

_LONGEST = 64 << 10
_MOST_VALUES = 20_000
_MOST_BRACKETS = 400
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_FIELD = re.compile(r"(?: |- )*+(?:[\w.@/()-]++|'[^']*+'|\"[^\"]*+\"):(?: |$)")
_ALONE = re.compile(r"[\w.-]{1,64}:$")


def is_yaml(head: Sequence[str]) -> bool:
    """Whether it begins like a document or an item, and most lines are fields."""
    content = [line for line in head if line.strip() != "---"]
    if not content or (content == list(head) and not _is_item(content)):
        return False
    return 10 * sum(_FIELD.match(line) is not None for line in content) >= 6 * len(content)


def _is_item(content: Sequence[str]) -> bool:
    """Whether a list begins here, maybe under one name."""
    first = content[1] if len(content) > 1 and _ALONE.match(content[0]) else content[0]
    return first.lstrip().startswith("- ") and _FIELD.match(first) is not None


def read(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """Each document, or each item, that is an object."""
    for number, text, too_long in _parts(file, bad, notes):
        record = None if too_long else _record(text)
        if record is None:
            bad(number, REASONS["long" if too_long else "yaml"], text.encode())
        else:
            yield record


def _parts(file: Path, bad: Bad, notes: list[str]) -> Iterator[tuple[int, str, bool]]:
    """The texts of documents or items, each with its first line, and whether it was cut."""
    indent = _indent(file)
    held: list[str] = []
    first = size = 0
    for number, _, text in texts(file, bad, notes, blank=True):
        item = indent is not None and text.startswith(f"{indent}- ")
        beside = indent is not None and not item and bool(text.strip()) and not text.startswith(f"{indent} ")
        if item or beside or text == "---":
            yield from [(first, "\n".join(held), size > _LONGEST)] if held else ()
            held, first, size = [], number, 0
        if text == "---" or beside or (indent is not None and not item and not held):
            continue
        size += len(text) + 1
        if size <= _LONGEST:
            first = first if held else number
            held.append(text.removeprefix(indent or ""))
    yield from [(first, "\n".join(held), size > _LONGEST)] if any(held) else ()


def _indent(file: Path) -> str | None:
    """What stands before the items of a list; None where the file is documents."""
    lines = (text for _, _, text in texts(file, lambda *_: None, []))
    head = list(islice((text for text in lines if text != "---"), 2))
    if not head or not _is_item(head):
        return None
    first = head[0] if head[0].lstrip().startswith("- ") else head[1]
    return first[: len(first) - len(first.lstrip())]


def _record(text: str) -> Json | None:
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        return None
    try:
        found = yaml.load(text, _LOADER)  # noqa: S506 # its values are texts, lists and objects, nothing else
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    found = found[0] if isinstance(found, list) and len(found) == 1 else found
    return found if isinstance(found, dict) and _fewer(found) else None


def _fewer(record: Any) -> bool:
    """Whether it has few values, counting each as often as an alias names it."""
    waiting, seen = [record], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES:
            return False
        waiting.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
    return True
