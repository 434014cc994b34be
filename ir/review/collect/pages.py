"""Pages of Stripe's lists as they are kept on disk: JSONL without keys and card numbers."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import orjson

from ir.core.model import Json
from ir.core.secret import scrub
from ir.review.ingest.card_numbers import without_cards
from ir.review.ingest.personal_data import without_people


def write(out: BinaryIO, rows: Iterable[Json], *, whole: bool) -> None:
    """Append rows as JSONL without keys, card numbers and, unless they are to be kept `whole`, personal data."""
    for row in rows:
        kept = row if whole else without_people(row)
        out.write(scrub(orjson.dumps(without_cards(kept)).decode()).encode() + b"\n")


def mended(file: Path) -> int:
    """Rows of a file of pages, without the half line that a killed process left."""
    if not file.exists():
        return 0
    whole = file.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        os.truncate(file, end)
    return whole.count(b"\n")


def records(body: Json) -> list[Json]:
    """The objects of one page."""
    data = body.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


CIRCLE = "not read to its end: Stripe's list goes round in a circle"
EMPTY = "not read to its end: Stripe says that there is more, but gives an empty page"
NOWHERE = "not read to its end: Stripe says that there is more, but not where"


def follows(body: Json, rows: list[Json], *, limit: int) -> tuple[str, str]:
    """The id after which a v1 list goes on ("" = it ends here), and why it cannot be read on ("" = it can, or need not).

    A list that does not tell whether there is more goes on after a full page.
    """
    more = body.get("has_more")
    if more is not True and (isinstance(more, bool) or len(rows) < limit):
        return "", ""
    if not rows:
        return "", EMPTY
    last = rows[-1].get("id")
    return (last, "") if isinstance(last, str) and last else ("", NOWHERE)


def newest_first(rows: list[Json]) -> bool:
    """Whether a page of a v2 list goes back in time, as far as its ends show."""
    ends = [epoch(str(row.get("created") or "")) for row in (rows[0], rows[-1])] if rows else [0, 0]
    return ends[0] >= ends[1]


def way_back(name: str, rows: int, spent: float, now: float, oldest: int, since: int) -> str:
    """Progress of a list that is read from now back to `since`."""
    done = (now - oldest) / max(now - since, 1.0) if oldest else 0.0
    left = f", about {spent / done * (1 - done):.0f} s left" if 0.01 < done < 1 else ""
    return f"{name}: {rows} read, {rows / max(spent, 0.001):.0f}/s{left}"


def epoch(text: str) -> int:
    """Epoch seconds of an ISO time, 0 when it is none."""
    from datetime import UTC, datetime

    try:
        stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp())
