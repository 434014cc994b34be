"""Transcripts of HTTP, as `curl -v`, `wget -d` and clients in debug mode print them: each request with its answer is a record.

Of the headers, only those are kept that tell a column. The answer's `Date` is the time where the lines have none.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ir.core.model import Json
from ir.review.ingest.text_times import stamp
from ir.review.ingest.tolerant_reader import Bad, texts

_MARK = re.compile(r"(?:[\d:.TZ-]{5,40} (?:[\d:.]{5,20} )?)?([<>*]|-->|<--)(?: |$)")
_SENT = re.compile(r"(GET|POST|DELETE|PUT|PATCH|HEAD|OPTIONS) (\S+) HTTP/[\d.]{1,3}$")
_OTHER = re.compile(r"CONNECT \S+ HTTP/[\d.]{1,3}$")
_ANSWER = re.compile(r"HTTP/[\d.]{1,3} ([1-5]\d\d)\b")
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}): ?(.*)")
_KEPT = {
    "user-agent": "user_agent", "request-id": "request_id", "stripe-version": "stripe_version", "idempotency-key": "idempotency_key",
    "authorization": "authorization", "stripe-account": "stripe_account", "date": "date", "x-forwarded-for": "x_forwarded_for",
}  # fmt: skip


def is_transcript(head: Sequence[str]) -> bool:
    """Whether a request and an answer stand on lines of their own, most of which have no time."""
    bare = [_parted(line)[1] for line in head]
    timed = sum(bool(stamp(line[:40])) for line in head)
    return any(map(_SENT.match, bare)) and any(map(_ANSWER.match, bare)) and 2 * timed < len(head)


def read(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """A record for each request."""
    row: Json | None = None
    heads = False
    before = ""
    for _, _, text in texts(file, bad, notes, blank=True):
        mark, rest = _parted(text)
        sent, answer = _SENT.match(rest), _ANSWER.match(rest)
        if sent or _OTHER.match(rest):
            yield from [_timed(row)] if row else ()
            row = {"method": sent[1], "path": sent[2], "timestamp": stamp(text[:40]) or before} if sent else None
            heads, before = True, ""
        elif answer and row is not None:
            row["status"], heads = answer[1], True
        elif heads and row is not None and mark != "*":
            header = _HEADER.match(rest)
            heads = bool(rest) and (header is not None or bool(mark))
            name = _KEPT.get(header[1].lower()) if header else None
            if header and name and (name != "date" or "status" in row):
                row[name] = header[2].strip()
        elif stamp(text[:40]):
            before = stamp(text[:40])
    yield from [_timed(row)] if row else ()


def _parted(text: str) -> tuple[str, str]:
    """What says who speaks, and the rest of the line."""
    found = _MARK.match(text)
    return (found[1], text[found.end() :].strip()) if found else ("", text.strip())


def _timed(row: Json) -> Json:
    told = row.pop("date", "")
    row["timestamp"] = row["timestamp"] or told
    return row
