"""Audit entries and their hash chain; verified by anyone with plain Python.

An entry is a JSON object `{n, at, incident, kind, step, actor, body, prev, hash}`: `n` counts from 0, `at` is UTC ISO
8601, `prev` the hash of the entry before (64 zeros at first), `hash` SHA-256 over the canonical JSON (sorted keys, no
spaces, UTF-8) of the entry without `hash`. Kinds: `opened`, `step`, `signal`, `ended`.
A chain shows edits made after its head was known to somebody else; without such an anchor it is *unanchored*.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ir.model import Json

GENESIS = "0" * 64


def canonical(data: Json) -> bytes:
    """Sorted keys, no spaces, UTF-8: the bytes that are hashed."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def entry_hash(entry: Json) -> str:
    """SHA-256 of the entry without its own `hash`."""
    return hashlib.sha256(canonical({k: v for k, v in entry.items() if k != "hash"})).hexdigest()


def chained(previous: Json | None, *, at: str, incident: str, kind: str, step: str, actor: str, body: Json) -> Json:
    """The next entry after `previous`."""
    entry: Json = {
        "n": previous["n"] + 1 if previous else 0,
        "at": at,
        "incident": incident,
        "kind": kind,
        "step": step,
        "actor": actor,
        "body": body,
        "prev": previous["hash"] if previous else GENESIS,
    }
    return {**entry, "hash": entry_hash(entry)}


@dataclass(frozen=True)
class Verdict:
    """Whether a chain holds; `said` names the first break."""

    holds: bool
    said: str
    head: str = ""
    entries: int = 0


def verify(entries: Iterable[Json], *, anchor: str = "") -> Verdict:
    """Check numbering, links and hashes; `anchor` is a head hash kept outside, empty when there is none."""
    chain = list(entries)
    if not chain:
        return Verdict(False, "there are no entries")
    broken = _first_break(chain)
    if broken:
        return Verdict(False, broken, entries=len(chain))
    head = str(chain[-1]["hash"])
    if anchor and anchor not in {str(e["hash"]) for e in chain}:
        return Verdict(False, "the anchored head is not in this chain: it was cut short or rewritten", head, len(chain))
    state = "anchored" if anchor else "unanchored: whoever can write the database could have rewritten all of it"
    return Verdict(True, f"{len(chain)} entries, the chain holds, {state}", head, len(chain))


def _first_break(chain: Sequence[Json]) -> str:
    before = GENESIS
    for index, entry in enumerate(chain):
        if entry.get("n") != index:
            return f"entry {index} is numbered {entry.get('n')}: something was removed, added or reordered"
        if entry.get("prev") != before:
            return f"entry {index} does not follow the one before it: reordered or spliced"
        if entry.get("hash") != entry_hash(entry):
            return f"entry {index} was edited"
        if entry.get("incident") != chain[0].get("incident"):
            return f"entry {index} belongs to another incident"
        before = str(entry["hash"])
    return ""
