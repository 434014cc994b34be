"""Whether each record of a file is one line: records may be inside others, after a prefix, or spread over several lines."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress

from ir.core.model import Json
from ir.review.ingest import column_names, envelopes, name_pairs
from ir.review.ingest.text_times import begins, stamp

_VERBS = "GET|POST|DELETE|PUT|PATCH|HEAD|OPTIONS"
_ACCESS = re.compile(rf'(?:^|[\s|])"(?:{_VERBS}) [^"]* HTTP/\d')
_NAMED_PATH = re.compile(r'"(?:path|url|uri)": ?"(?:https?://|/)')
_REQUEST_LINE = re.compile(rf"\b(?:{_VERBS})\b[\s\"]+(?:https?:/)?/")


def of_records(lines: Sequence[str], records: Sequence[Json], *, own: bool) -> str:
    """`batch`: records are envelopes of others. `doubled`: a name occurs twice, and its last value counts.

    `pairs`: lists of names and values hold columns. "" = none of it.
    """
    held = [inner for inner in (envelopes.unfold(record, own=own) for record in records) if inner is not None]
    if 3 * len(held) >= len(records) or _tell_more([one for inner in held for one in inner], records):
        return "batch"
    if any(map(_doubled, lines)):
        return "doubled"
    return "pairs" if name_pairs.tell_more(records) else ""


def _tell_more(held: Sequence[Json], records: Sequence[Json]) -> bool:
    """Whether the few that are inside others name requests, which the others do not: a program prints other lines, too."""
    return bool(held) and "path" in column_names.find_columns(held) and "path" not in column_names.find_columns(records)


def _doubled(line: str) -> bool:
    found: list[bool] = []

    def pairs_of(pairs: list[tuple[str, object]]) -> None:
        found.append(len({name for name, _ in pairs}) < len(pairs))

    with suppress(ValueError, RecursionError):
        json.loads(line, object_pairs_hook=pairs_of)
    return any(found)


def access_lines(lines: Sequence[str]) -> bool:
    """Whether they are a web server's lines, with a request line in quotes."""
    return 2 * sum(_ACCESS.search(line) is not None for line in lines) >= len(lines)


def behind_prefixes(lines: Sequence[str], *, own: bool) -> bool:
    """Whether each line ends in a JSON object; the text alone tells enough where it has the path that no object names."""
    behind = [found for found in map(envelopes.behind_prefix, lines) if found is not None]
    told = (own and all(map(stamp, lines[:20]))) or 2 * sum(_NAMED_PATH.search(line) is not None for line in lines) > len(lines)
    needed = not told or "path" in column_names.find_columns(behind)
    return 2 * len(behind) >= len(lines) and needed


def spread(lines: Sequence[str], *, own: bool) -> bool:
    """Whether records have several lines, of which only the first has a time."""
    timed = list(map(begins, lines))
    later = [line for line, first in zip(lines, timed, strict=True) if not first]
    return timed[0] and 20 * len(later) >= len(lines) and (own or not any(_REQUEST_LINE.search(line) for line in later))
