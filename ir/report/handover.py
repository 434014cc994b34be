"""The bundle for readers without the tool: customers by id, the time line in Timesketch's form, and the tables for SQL.

All of it is made from the record and from the evidence files beside it, so a purge of those empties it, too.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ir.core.model import Json
from ir.core.secret import scrub
from ir.evidence import bundle_verifier
from ir.report.formatting import iso, moment
from ir.report.source import as_object, as_rows, words

AFFECTED = ("customer", "what", "first_seen", "requests")
EVENTS = ("id", "type", "created", "request_id", "object_id", "object_type", "amount", "currency", "customer", "account")
TIMELINE = (
    *("datetime", "timestamp", "timestamp_desc", "message", "actor", "did", "entry", "hash", "rule_id", "severity", "evidence"),
    *("object_id", "object_type", "amount", "currency", "customer", "request_id"),
)
_MOST = 200_000
"""Events that are read of the evidence; a review that collected more says so in its coverage."""


class Handover:
    """The parts of a bundle for people who have the bundle alone.

    Args:
        told: the report as one document.
        entries: all audit entries.
        reviewed: the time line of the widest review, as recorded.
        folder: where the evidence files lie, each named by its SHA-256.
    """

    def __init__(self, told: Json, entries: Sequence[Json], reviewed: Sequence[Json], folder: Path) -> None:
        self._told, self._reviewed, self._folder = told, reviewed, folder
        self._names = {name: digest for digest, name in bundle_verifier.recorded_files(entries).items()}

    @cached_property
    def affected(self) -> list[Json]:
        """`AFFECTED` of each customer; `first_seen` ISO 8601."""
        text = self._text("affected.csv")
        return [dict(row) for row in csv.DictReader(io.StringIO(text))] if text else []

    @cached_property
    def events(self) -> list[Json]:
        """`EVENTS` of each event that was read of Stripe, oldest first; amounts in minor units."""
        found: dict[str, Json] = {}
        for name in sorted(name for name in self._names if name.startswith("events") and name.endswith(".jsonl")):
            for event in _events(self._text(name).splitlines()):
                if len(found) < _MOST:
                    found[event["id"]] = event
        return sorted(found.values(), key=lambda row: str(row["created"] or ""))

    @cached_property
    def timeline(self) -> list[Json]:
        """`TIMELINE` of each moment, in order: acts of this incident, and events that the review saw."""
        rows = [_done(row) for row in self._told["timeline"] if row["kind"] != "finding" or not self._reviewed]
        known: dict[str, Json] = {}
        for event in self.events:
            known |= {str(event[name]): event for name in ("id", "request_id") if event[name]}
        rows += [_seen(as_object(row), known) for row in self._reviewed]
        return sorted(rows, key=lambda row: int(row["timestamp"]))

    @property
    def state(self) -> str:
        """Why `affected.csv` has the rows that it has: an empty one may mean three things."""
        if self._told["chain"]["purged"]:
            return "purged: who was affected is not told here any more"
        if not self._told["review"]["ran"]:
            return "not read: no review was completed, so an empty list says nothing"
        return f"read: {len(self.affected)} rows, within the coverage of the review"

    def files(self) -> dict[str, bytes]:
        """`affected.csv` and `timeline.jsonl`."""
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, AFFECTED, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.affected)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.timeline)
        return {"affected.csv": scrub(out.getvalue()).encode(), "timeline.jsonl": scrub(lines).encode()}

    def tables(self) -> dict[str, Sequence[Json]]:
        """For `evidence.db`; a table that is empty has its columns all the same."""
        return {"events": self.events, "affected": self.affected, "timeline": self.timeline}

    def _text(self, name: str) -> str:
        """A kept evidence file as text, "" when it is gone."""
        digest = self._names.get(name, "")
        path = self._folder / "evidence" / digest
        try:
            return path.read_text(encoding="utf-8", errors="replace") if digest and path.is_file() else ""
        except OSError:
            return ""


def _events(lines: Iterable[str]) -> Iterable[Json]:
    for line in lines:
        try:
            read = json.loads(scrub(line))
        except (ValueError, RecursionError):
            continue
        for row in as_rows(read.get("data")) if isinstance(read, dict) and read.get("object") == "list" else [read]:
            event = as_object(row)
            if event.get("id") and event.get("type"):
                yield _event(event)


def _event(event: Json) -> Json:
    thing = as_object(as_object(event.get("data")).get("object"))
    request = event.get("request")
    customer = thing.get("customer") or (thing.get("id") if thing.get("object") == "customer" else "")
    amount = thing.get("amount")
    return {
        "id": words(event["id"]),
        "type": words(event["type"]),
        "created": iso(event.get("created")),
        "request_id": words(request.get("id") if isinstance(request, dict) else request),
        "object_id": words(thing.get("id")),
        "object_type": words(thing.get("object")),
        "amount": amount if isinstance(amount, int) else None,
        "currency": words(thing.get("currency")),
        "customer": words(customer.get("id") if isinstance(customer, dict) else customer),
        "account": words(event.get("account")),
    }


def _row(at: float | None, **told: object) -> Json:
    """A row of the time line with all of its columns; `timestamp` in microseconds, as Timesketch has it."""
    return {**dict.fromkeys(TIMELINE, ""), "datetime": iso(at), "timestamp": round((at or 0.0) * 1_000_000), "amount": None, **told}


def _done(row: Json) -> Json:
    said = f"{row['what']}: {row['said']}" if row["said"] else row["what"]
    about = {"timestamp_desc": f"ir {row['kind']}", "actor": row["actor"], "did": row["did"], "entry": row["entry"], "hash": row["hash"]}
    return _row(moment(row["at"]), message=said, **about)


def _seen(row: Json, known: Mapping[str, Json]) -> Json:
    at = row.get("timestamp")
    about = {name: words(row.get(name)) for name in ("message", "timestamp_desc", "rule_id", "severity", "evidence")}
    event = known.get(about["evidence"], {})
    more = {name: event[name] for name in ("object_id", "object_type", "amount", "currency", "customer", "request_id") if name in event}
    return _row(at / 1_000_000 if isinstance(at, int | float) else None, **about, entry=None, **more)
