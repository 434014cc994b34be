"""Our own log and the events, line by line in straightforward Python over orjson: read, scrubbed, normalised, kept.

What the loader of `ir review` does with such files, by the same rules: every column of `docs/review-schema.md` that the log has,
envelopes looked into, times of any unit, secrets, cards and people scrubbed, unreadable lines counted and kept aside with the ids
that stand in them, what is repeated left out, and the normalised rows kept in a file (JSONL here).
"""

import gzip
import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ir.review.ingest.column_names import REQUEST_ID
from ir.review.ingest.duckdb_macros import CARD_SHAPE, SECRET_SHAPE
from ir.review.ingest.events_table import ACTS
from ir.review.ingest.personal_data import ids_of, person
from ir.review.ingest.record_kinds import unwrapped

Row = dict[str, Any]
_SECRET, _CARD = re.compile(SECRET_SHAPE), re.compile(CARD_SHAPE)
_WORD, _ODD = re.compile(r"[A-Za-z0-9_.@+:,/ -]{0,80}"), re.compile(r"[^A-Za-z0-9_.+:,/ -]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STEP = re.compile(r"/[a-z_]*[^a-z_/][^/]*")
_IP = re.compile(r"[0-9]{1,3}(?:[.][0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]{1,44}")
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}([.][a-z]{1,20})?")
_UUID = re.compile(r".{8}-.{4}-.{4}-.{4}-.{12}", re.DOTALL)
_FAMILY = re.compile(r"[a-z][a-z_.-]{0,23}")
_BINDINGS = ("Node", "Python", "Ruby", "Php", "Java", "Go", ".Net")
_READS = ("GET", "HEAD")
_BATCH = 10_000


@dataclass
class Evidence:
    """What was read.

    Attributes:
        ours: request ids of our own log. minutes: its lines by epoch minute. first, last: its span, epoch seconds.
        events: by id. rows, bad, repeated: lines counted. keeping: seconds that went into writing normalised rows.
    """

    folder: Path
    ours: set[str] = field(default_factory=set)
    minutes: Counter[int] = field(default_factory=Counter)
    events: dict[str, Row] = field(default_factory=dict)
    rows: int = 0
    bad: int = 0
    repeated: int = 0
    first: int = 1 << 62
    last: int = 0
    keeping: float = 0.0


def read(folder: Path) -> Evidence:
    """Load everything."""
    seen = Evidence(folder)
    with (folder / "aside.jsonl").open("wb") as aside:
        for row in kept("requests", lines(sorted(folder.glob("egress-*.jsonl.gz")), request, seen, aside, own=True), seen):
            ident, ts = row["request_id"], row["ts"]
            if ident in seen.ours:
                seen.repeated += 1
                continue
            seen.ours.add(ident)
            if ts:
                seen.minutes[ts // 60] += 1
                seen.first, seen.last = min(seen.first, ts), max(seen.last, ts)
        for row in kept("events", lines(sorted(folder.glob("events-*.jsonl.gz")), event, seen, aside, own=False), seen):
            seen.repeated += row["id"] in seen.events
            seen.events[row["id"]] = row
    return seen


def lines(files: list[Path], make: Callable[[Row], Row | None], seen: Evidence, aside: BinaryIO, *, own: bool) -> Iterator[Row]:
    """Normalised rows; what cannot be read is counted and kept aside, and ids in lines of our own are ours all the same."""
    for file in files:
        with gzip.open(file) as stream:
            for number, line in enumerate(stream, 1):
                try:
                    row, why = make(orjson.loads(line)), "no field that is known here"
                except orjson.JSONDecodeError:
                    row, why = None, "not a JSON object"
                if row is not None:
                    seen.rows += 1
                    yield row
                elif line.strip():
                    seen.bad += 1
                    text = line.decode("utf-8", "replace")
                    aside.write(orjson.dumps({"file": str(file), "line": number, "why": why, "text": ids_of(text)}) + b"\n")
                    seen.ours.update(REQUEST_ID.findall(text) if own else ())


def kept(table: str, rows: Iterator[Row], seen: Evidence) -> Iterator[Row]:
    """The same rows, written down."""
    with (seen.folder / f"{table}.jsonl").open("wb") as out:
        batch: list[Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                seen.keeping += _write(out, batch)
            yield row
        seen.keeping += _write(out, batch)


def _write(out: BinaryIO, batch: list[Row]) -> float:
    begun = time.perf_counter()
    out.write(b"".join(orjson.dumps(row) + b"\n" for row in batch))
    batch.clear()
    return time.perf_counter() - begun


def text(value: Any) -> str:
    """Scrubbed and cut down to its alphabet."""
    if value is None or value == "":
        return ""
    shown = str(value)
    if len(shown) < 12 and not _ODD.search(shown):
        return shown
    if "@" in shown:
        return word(person(clean(shown, 200)))
    if "_live_" in shown or "_test_" in shown or "_prod_" in shown or "whsec_" in shown or _CARD.search(shown):
        return word(clean(shown, 80))
    return word(shown)


def clean(shown: str, most: int) -> str:
    """Without secrets, card numbers and control characters."""
    return _CONTROL.sub(" ", _CARD.sub("[card]", _SECRET.sub("[secret]", shown)))[:most]


def word(shown: str) -> str:
    """Its beginning, as far as it is of the alphabet."""
    hit = _WORD.match(shown)
    return hit[0] if hit else ""


def code(shown: str) -> str:
    """A code as it is, a sentence as the word that matters in it."""
    if " " not in shown:
        return shown
    low = shown.lower()
    told = next((mark for mark in ("denied", "unauthorized") if mark in low), "")
    return told or ("idempotency" if low.startswith("idempotency") else "in words")


def number(value: Any) -> int:
    """A whole number, 0 when it is none."""
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return 0


def moment(value: Any) -> int:
    """Epoch seconds of a time in seconds, ms, µs, ns or ISO 8601; 0 when it is none."""
    count = number(value)
    if not count and isinstance(value, str):
        try:
            stamp = datetime.fromisoformat(value)
        except ValueError:
            return 0
        return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp())
    while count >= 10**11:
        count //= 1000
    return count if count >= 10**8 else 0


def idem(value: Any) -> tuple[int, str]:
    """Hash and format of an idempotency key."""
    if not value:
        return 0, "none"
    kind = "node" if value.startswith("stripe-node-retry-") else "uuid" if _UUID.fullmatch(value) else "other"
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big") >> 1, kind


def agent(value: str) -> str:
    """Family of the client."""
    for name in _BINDINGS:
        if f"{name}Bindings/" in value:
            return f"stripe-{name.lower()}"
    hit = _FAMILY.match(value.lower())
    return hit[0] if hit else ""


def key_id(key: str) -> str:
    """The key's id or name; of the key itself its fingerprint."""
    if "_live_" in key or "_test_" in key or "_prod_" in key:
        return "key:" + hashlib.sha256(key.replace("Bearer ", "").strip().encode()).hexdigest()[:16]
    return word(key)


def request(row: Row) -> Row | None:
    """One line of our own log as the store keeps it; None when nothing in it is known."""
    known = ("ts", "request_id", "method", "path", "status", "key", "ip", "user_agent", "idempotency_key", "stripe_version")
    if all(row.get(name) is None for name in known):
        return None
    path = str(row.get("path") or "").split("?")[0]
    found = _IP.match(str(row.get("ip") or ""))
    address = found[0] if found else ""
    ident = REQUEST_ID.search(str(row.get("request_id") or ""))
    method = str(row.get("method") or "").upper()
    hashed, shape = idem(row.get("idempotency_key"))
    version = _VERSION.match(str(row.get("stripe_version") or ""))
    return {
        "ts": moment(row.get("ts")),
        "own": 1,
        "source": "egress",
        "request_id": ident[0] if ident else "",
        "method": method,
        "endpoint": path[:3] + _STEP.sub("/:id", path[3:].rstrip("/"))[:80],
        "verb": "read" if method in _READS else "write",
        "status": number(row.get("status")),
        "key_id": key_id(str(row.get("key") or "")),
        "ip": address,
        "net": address.rpartition(".")[0] + ".0/24" if "." in address else address,
        "agent": agent(str(row.get("user_agent") or "")),
        "api_version": version[0] if version else "",
        "idem": hashed,
        "idem_format": shape,
    }


def act_of(kind: str) -> str:
    """Rank and kind of what an event type means."""
    for rank, name, prefixes in ACTS:
        if kind.startswith(prefixes):
            return f"{rank:02d}:{name}"
    return "10:other"


def dig(value: Any, *steps: str) -> Any:
    """What stands there, None when nothing does."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def event(row: Row) -> Row | None:
    """One event as the store keeps it; None when it is none."""
    row = unwrapped(row)
    kind = row.get("type")
    if not row.get("id") or not kind:
        return None
    thing = dig(row, "data", "object") or {}
    asked = row.get("request")
    asked = asked if isinstance(asked, dict) else {"id": asked} if str(asked).startswith("req_") else dig(row, "reason", "request") or {}
    hashed, shape = idem(asked.get("idempotency_key"))
    automatic, changed = thing.get("automatic"), dig(row, "data", "previous_attributes") or row.get("changes")
    ident, sort = thing.get("id") or dig(row, "related_object", "id"), text(thing.get("object") or dig(row, "related_object", "type"))
    return {
        "ts": moment(row.get("created")),
        "id": text(row["id"]),
        "type": text(kind),
        "act": act_of(kind),
        "livemode": int(row.get("livemode") is not False),
        "account": text(row.get("account")),
        "request_id": text(asked.get("id")),
        "idem": hashed,
        "client": shape,
        "object_id": text(ident),
        "object_type": sort,
        "customer": text(ident) if sort == "customer" else person(text(thing.get("customer"))),
        "amount": number(thing.get("amount") or thing.get("amount_total") or thing.get("amount_due")),
        "currency": text(thing.get("currency")).lower(),
        "status": text(thing.get("status")),
        **_failure(thing),
        **_card(thing),
        "pm": text(ident if sort == "payment_method" else thing.get("payment_method")),
        "intent": text(ident if sort in ("payment_intent", "setup_intent") else thing.get("payment_intent")),
        "destination": text(thing.get("account" if kind.startswith("account.external_account.") else "destination")),
        "method": text(thing.get("method")),
        "automatic": -1 if automatic is None else int(automatic),
        "percent_off": number(thing.get("percent_off")),
        "changed": ",".join(changed)[:200] if isinstance(changed, dict) else "",
    }


def _failure(thing: Row) -> Row:
    paid, setup = thing.get("last_payment_error") or {}, thing.get("last_setup_error") or {}
    declined = paid.get("decline_code") or setup.get("decline_code") or dig(thing, "outcome", "reason")
    return {
        "error_code": code(text(thing.get("failure_code") or paid.get("code") or setup.get("code"))),
        "decline_code": code(text(declined)),
    }


def _card(thing: Row) -> Row:
    card = dig(thing, "payment_method_details", "card") or thing.get("card") or {}
    failed = thing.get("last_payment_error") or thing.get("last_setup_error")
    fingerprint = card.get("fingerprint") or dig(failed, "payment_method", "card", "fingerprint")
    group = [card.get(name) for name in ("brand", "country", "funding")]
    return {"card": text(fingerprint), "card_group": text(" ".join(map(str, group))) if all(group) else ""}
