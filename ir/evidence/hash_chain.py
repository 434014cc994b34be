"""Audit entries and their hash chain; verified by anyone with plain Python (`bundle_verifier`).

An entry is a JSON object `{n, at, incident, kind, step, actor, body, prev, hash}`: `n` counts from 0, `at` is UTC ISO
8601, `prev` the hash of the entry before (64 zeros at first), `hash` SHA-256 over the canonical JSON (sorted keys, no
spaces, UTF-8) of the entry without `hash`. Kinds: `opened`, `step`, `signal`, `ended`, and `word`: what a person said.
A chain shows edits made after its head was known outside; without such an anchor it is *unanchored*.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from ir.core.model import Json
from ir.evidence import bundle_verifier
from ir.evidence.bundle_verifier import GENESIS, ChainVerdict, canonical, entry_hash

__all__ = ["GENESIS", "WORD", "ChainVerdict", "canonical", "chained", "ed25519_holds", "entry_hash", "lost_before", "verify"]

WORD = "word"
"""Kind of an entry that a person's command appends by itself, at any time, while the incident runs or after it."""


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


def verify(entries: Iterable[Json], *, checkpoints: Sequence[Json] = (), public_key: str = "", anchor: str = "") -> ChainVerdict:
    """Check numbering, links, hashes and checkpoints.

    Args:
        entries: all of them, in order.
        checkpoints: signed ones, `{statement, signature}`.
        public_key: their key as it was kept outside: lines `ssh-ed25519 …` or a fingerprint; empty when it was not.
        anchor: an entry's hash that was kept outside, empty when there is none.

    Raises:
        ValueError: `public_key` is none.
    """
    return bundle_verifier.check_entries(list(entries), checkpoints, public_key=public_key, head=anchor, holds=ed25519_holds)


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """As `bundle_verifier.ed25519_holds`, by a library, in a tenth of the time.

    A point has one form (RFC 8032, 5.1.3); the library would take some keys in a second one, too.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != 32 or not _is_point(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=32)
def _is_point(public: bytes) -> bool:
    """Whether the bytes are a point. It is slow, and asked of the same few keys for every checkpoint, so the answer is kept."""
    return bundle_verifier.decoded(public) is not None


def lost_before(entries: Sequence[Json]) -> str:
    """What the record of an adopted incident says of an earlier record that was signed and is lost, "" when there was none."""
    told = entries[0]["body"].get("facts", {}).get("adopted", {}).get("signed_before") if entries else None
    if not told:
        return ""
    signed = f"{told['size']} entries of it were signed at {told['ts']}, its head {told['head_hash']}"
    return f"an earlier record of this incident is lost: {signed}"
