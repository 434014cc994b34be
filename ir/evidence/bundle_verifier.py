#!/usr/bin/env python3
"""Checks an evidence bundle with nothing but the Python standard library (3.9 or newer); each bundle holds it as `verify.py`.

    python3 verify.py [FOLDER] [--public-key KEY] [--head HASH] [--tsa-root FILE]

FOLDER is where this file lies unless it is given. Three things may come from outside the folder, and each says something else:

* HASH, the hash of an entry that a person outside noted (the run prints it at its end): nothing up to that entry was
  changed since it was noted.
* KEY, the public key of the checkpoints: a file, its line `ssh-ed25519 AAAA…`, or its fingerprint `SHA256:…`
  (`ir evidence key` prints both): only a holder of the private key can have changed anything up to the last checkpoint, or
  the report and the other files of the bundle since they were written.

* FILE, the root certificate (PEM) of a time stamping authority: its stamps are anchors, the entries that they cover existed, as
  signed, at the time that it says. That signature is checked by the program `openssl`, if there is one; all else here is Python.

What no chain can show: the owner of the machine holds its key and can write all files, so he can rewrite whatever
was never noted outside. Without HASH, KEY and FILE the bundle is *unanchored*. An attacker who has changed the bundle may
have changed this file, too: take it from a place that you trust.

Exit code 0: everything holds. 1: something does not; the first break is named. 2: usage, or the files cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import calendar
import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

GENESIS = "0" * 64
NAMESPACE = "ir-checkpoint"
FILES_NAMESPACE = "ir-bundle"
SIGNED_FILES = "signature.json"
HASH_DIGITS = 64
UNANCHORED = "unanchored: anyone who can write these files could have rewritten all of it"
OURS = ("evidence", "scratch", "escrow")
"""Folders that the tool itself keeps beside the files of a bundle."""
_TORN = (ValueError, RecursionError)
Holds = Optional[Callable[[bytes, bytes, bytes], bool]]  # noqa: UP045 - read by Python 3.9 too
"""Whether an Ed25519 signature holds: public key, signature, message. None: `ed25519_holds`."""


def canonical(data: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8 (half a surrogate pair as it stands): the bytes that are hashed and signed."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def entry_hash(entry: dict[str, Any]) -> str:
    """SHA-256 of the canonical entry without its own `hash`."""
    return hashlib.sha256(canonical({name: value for name, value in entry.items() if name != "hash"})).hexdigest()


def sealed(entry: dict[str, Any]) -> tuple[bytes, str]:
    """`canonical` and `entry_hash` of one entry, of which each part is encoded once: that is most of what checking a chain costs."""
    before = canonical({name: value for name, value in entry.items() if name < "hash"})[1:-1]
    behind = canonical({name: value for name, value in entry.items() if name > "hash"})[1:-1]
    own = canonical({"hash": entry["hash"]})[1:-1] if "hash" in entry else b""
    whole, bare = (b"{" + b",".join(filter(None, parts)) + b"}" for parts in ((before, own, behind), (before, behind)))
    return whole, hashlib.sha256(bare).hexdigest()


class Broken(Exception):
    """Something does not hold; the text names it."""


@dataclass(frozen=True)
class ChainVerdict:
    """What can be said of a chain.

    Attributes:
        said: the first break, or what holds and how far.
        state: `broken`, `unanchored`, `signed` (by the key that was given) or `anchored` (a head kept outside is in it).
        covered: how many entries the head or the signed checkpoints reach over.
        signers: fingerprints of the keys whose checkpoints hold.
        notes: what else a reader should know, one sentence each.
    """

    holds: bool
    said: str
    head: str = ""
    entries: int = 0
    state: str = "broken"
    covered: int = 0
    signers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


# ── the chain ──


def read_lines(lines: Sequence[bytes]) -> tuple[list[dict[str, Any]], list[str]]:
    """Entries, one canonical JSON object a line, and the hash that each should tell.

    Raises:
        Broken: a line is torn, or is not what it was when it was written.
    """
    entries, hashes = [], []
    for number, line in enumerate(lines):
        try:
            entry = json.loads(line)
        except _TORN:
            raise Broken(f"truncated or edited: line {number + 1} is not JSON, it is torn") from None
        if not isinstance(entry, dict):
            raise Broken(f"edited: line {number + 1} is not an audit entry")
        try:
            form, digest = sealed(entry)
        except _TORN:
            form, digest = b"", ""
        if form != line:
            raise Broken(f"edited: entry {number} was edited, it is not in the form in which entries are written")
        entries.append(entry)
        hashes.append(digest)
    return entries, hashes


def check_chain(entries: Sequence[dict[str, Any]], hashes: Sequence[str]) -> None:
    """Numbering, hashes, links. Raises Broken with the first break."""
    if not entries:
        raise Broken("truncated: there are no entries")
    before = GENESIS
    for index, entry in enumerate(entries):
        if entry.get("n") != index or isinstance(entry["n"], bool):
            raise Broken(_misnumbered(entries, index))
        if entry.get("hash") != hashes[index]:
            raise Broken(f"edited: entry {index} was edited")
        if entry.get("incident") != entries[0].get("incident"):
            raise Broken(f"spliced: entry {index} belongs to another incident")
        if entry.get("prev") != before:
            raise Broken(f"spliced: entry {index} does not follow the one before it; one of the two comes from another stream")
        before = entry["hash"]


def _misnumbered(entries: Sequence[dict[str, Any]], index: int) -> str:
    found = entries[index].get("n")
    if not isinstance(found, int) or isinstance(found, bool):
        return f"edited: entry {index} was edited, it has no number"
    if found < index:
        return f"spliced: behind entry {index - 1} another entry {found} was added"
    if any(later.get("n") == index for later in entries[index + 1 :]):
        return f"reordered: entry {index} stands behind entry {found}"
    return f"truncated: entry {index} is missing, removed before entry {found}"


def merkle_roots(lines: Sequence[bytes], sizes: set[int]) -> dict[int, str]:
    """Root of the tree of RFC 6962 (SHA-256) over the first `size` lines, for each of `sizes`."""
    tree, roots = Tree(), {}
    for count, line in enumerate(lines, 1):
        tree.add(line)
        if count in sizes:
            roots[count] = tree.root()
    return roots


class Tree:
    """A Merkle tree of RFC 6962 that grows: only the roots of its whole subtrees are kept, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """One more leaf."""
        node, count = hashlib.sha256(b"\x00" + leaf).digest(), self.size
        while count & 1:
            node = hashlib.sha256(b"\x01" + self._peaks.pop() + node).digest()
            count >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> str:
        """Hexadecimal; of an empty tree the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256().hexdigest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = hashlib.sha256(b"\x01" + peak + node).digest()
        return node.hex()


# ── checkpoints ──


def check(
    lines: Sequence[bytes], checkpoints: Sequence[dict[str, Any]] = (), *, public_key: str = "", head: str = "", holds: Holds = None
) -> ChainVerdict:
    """What lines, checkpoints and what was kept outside say together.

    Args:
        lines: canonical entries, in order.
        checkpoints: `{statement, signature}` each.
        public_key: lines of public keys, or fingerprints; empty when none was kept outside.
        head: hash of an entry that was kept outside; empty when there is none.
        holds: what checks a signature.
    """
    try:
        entries, hashes = read_lines(lines)
    except Broken as broken:
        return ChainVerdict(False, str(broken), entries=len(lines))
    return _judged(entries, lines, hashes, checkpoints, public_key, head, holds)


def check_entries(
    entries: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]], *, public_key: str, head: str, holds: Holds = None
) -> ChainVerdict:
    """The same of entries that were read already, as a database hands them out."""
    pairs = [sealed(entry) for entry in entries]
    return _judged(entries, [line for line, _ in pairs], [digest for _, digest in pairs], checkpoints, public_key, head, holds)


def _judged(
    entries: Sequence[dict[str, Any]],
    lines: Sequence[bytes],
    hashes: Sequence[str],
    checkpoints: Sequence[dict[str, Any]],
    public_key: str,
    head: str,
    holds: Holds,
) -> ChainVerdict:
    try:
        check_chain(entries, hashes)
        signed, signers, notes = _signed(entries, lines, checkpoints, wanted_keys(public_key), holds)
        anchored = _anchored(entries, head)
    except Broken as broken:
        return ChainVerdict(False, str(broken), entries=len(lines))
    last, count = str(entries[-1]["hash"]), len(entries)
    reach = anchored if head else signed if public_key else 0
    if reach < count and (head or public_key):
        notes.append(f"{count - reach} entries came later; they are chained, but nothing kept outside covers them")
    if has_ended(entries) and not _end_is_signed(entries, checkpoints):
        notes.append("no signed checkpoint reaches over the end, though each end is signed: it was taken out, or the key could not be had")
    if not has_ended(entries):
        notes.append("the last entry is not an end: the incident is still open, or the stream was cut behind its last checkpoint")
    said = f"{count} entries, the chain holds, {_reach(head, anchored, public_key, signed, signers)}"
    state = "anchored" if head else "signed" if public_key else "unanchored"
    return ChainVerdict(True, said, last, count, state, reach, tuple(signers), tuple(notes))


def _end_is_signed(entries: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]]) -> bool:
    end = max(place for place, entry in enumerate(entries) if entry.get("kind") == "ended")
    return any(one["statement"]["size"] > end for one in checkpoints)


def has_ended(entries: Sequence[dict[str, Any]]) -> bool:
    """Whether the last entry is an end; what people said afterwards (kind `word`) leaves it one."""
    kinds = [entry.get("kind") for entry in entries if entry.get("kind") != "word"]
    return bool(kinds) and kinds[-1] == "ended"


def _reach(head: str, anchored: int, public_key: str, signed: int, signers: Sequence[str]) -> str:
    parts = []
    if head:
        parts.append(f"anchored up to entry {anchored - 1}: nothing up to there was changed since its hash was noted")
    if public_key:
        parts.append(f"signed by {', '.join(signers)} up to entry {signed - 1}: only who holds that key could have rewritten it")
    return "; ".join(parts) or UNANCHORED


def _anchored(entries: Sequence[dict[str, Any]], head: str) -> int:
    if not head:
        return 0
    for index, entry in enumerate(entries):
        if entry["hash"] == head.strip().lower():
            return index + 1
    raise Broken("truncated or rewritten: the head that was kept outside is not in this chain")


def _signed(
    entries: Sequence[dict[str, Any]], lines: Sequence[bytes], checkpoints: Sequence[dict[str, Any]], wanted: set[str], holds: Holds
) -> tuple[int, list[str], list[str]]:
    """How far the checkpoints of the wanted keys (of any, when none is named) reach, whose they are, and notes."""
    found, others = [], 0
    for number, one in enumerate(checkpoints):
        statement, signer = read_checkpoint(one, number, holds)
        if wanted and signer not in wanted:
            others += 1
            continue
        found.append((number, statement, signer))
    roots = merkle_roots(lines, {statement["size"] for _, statement, _ in found})
    for number, statement, _ in found:
        _same_stream(number, statement, entries, roots)
    if wanted and not found:
        raise Broken(f"no checkpoint is signed by {', '.join(sorted(wanted))}")
    notes = [f"{others} checkpoints are signed by other keys and count for nothing"] if others else []
    return max((s["size"] for _, s, _ in found), default=0), list(dict.fromkeys(signer for _, _, signer in found)), notes


def _same_stream(number: int, statement: dict[str, Any], entries: Sequence[dict[str, Any]], roots: dict[int, str]) -> None:
    size = statement["size"]
    if statement.get("incident") != entries[0].get("incident"):
        raise Broken(f"spliced: checkpoint {number} belongs to {str(statement.get('incident'))[:40]!r}")
    if size > len(entries):
        raise Broken(f"truncated: checkpoint {number} counts {size} entries, here are {len(entries)}")
    if statement.get("merkle_root") != roots[size] or statement.get("head_hash") != entries[size - 1]["hash"]:
        raise Broken(f"rewritten: the first {size} entries are not those that checkpoint {number} was signed over")


def read_checkpoint(one: Any, number: int, holds: Holds = None) -> tuple[dict[str, Any], str]:
    """Its statement and its signer's fingerprint. Raises Broken: it was edited."""
    try:
        statement = one["statement"]
        signer = signer_of(one["signature"], canonical(statement), NAMESPACE, holds)
        fine = type(statement["size"]) is int and statement["size"] > 0
    except (*_TORN, KeyError, TypeError, AttributeError, struct.error):
        fine, statement, signer = False, {}, ""
    if not fine:
        raise Broken(f"edited: checkpoint {number} was edited, its signature does not hold")
    return statement, signer


def wanted_keys(text: str) -> set[str]:
    """Fingerprints of the public keys in `text`, one a line. Raises ValueError: a line is neither key nor fingerprint."""
    found = set()
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("SHA256:"):
            found.add(words[0])
        elif words[0] == "ssh-ed25519" and len(words) > 1:
            found.add(fingerprint(base64.b64decode(words[1], validate=True)))
        else:
            raise ValueError("a public key is a line `ssh-ed25519 AAAA…` or a fingerprint `SHA256:…`")
    if text and not found:
        raise ValueError("there is no public key in it")
    return found


def fingerprint(blob: bytes) -> str:
    """As `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


# ── time stamps of RFC 3161 ──


@dataclass(frozen=True)
class Stamped:
    """The content of a time stamp, before its signature is checked.

    Attributes:
        size: the checkpoint covers that many entries. at: UTC, ISO 8601.
        message: the bytes that it covers. answer: the authority's whole answer, DER.
    """

    size: int
    at: str
    message: bytes
    answer: bytes


def stamps_of(checkpoints: Sequence[dict[str, Any]]) -> list[Stamped]:
    """Of all checkpoints that carry one. Raises Broken: one covers something else, or cannot be read."""
    found = []
    for one in (one for one in checkpoints if "timestamp" in one):
        message, size = canonical({name: one[name] for name in ("statement", "signature")}), one["statement"]["size"]
        try:
            answer = base64.b64decode(one["timestamp"], validate=True)
            at, imprint = _told_by(answer)
        except (ValueError, IndexError, TypeError):
            raise Broken(f"edited: the time stamp over {size} entries cannot be read") from None
        if imprint not in (hashlib.new(name, message).digest() for name in ("sha256", "sha384", "sha512")):
            raise Broken(f"edited: the time stamp over {size} entries covers something else")
        found.append(Stamped(size, at, message, answer))
    return found


def _told_by(answer: bytes) -> tuple[str, bytes]:
    """The time and the imprint of an answer (RFC 3161, 2.4.2)."""
    token = parts_of(parts_of(parts_of(answer)[1])[1])[0]
    content = parts_of(parts_of(token)[2])[1]
    info = parts_of(value_of(parts_of(content)[0]))
    text = value_of(info[4]).decode("ascii")
    at = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:].rstrip('Z')}Z"
    return at, value_of(parts_of(info[2])[1])


def value_of(element: bytes) -> bytes:
    """The content of one DER element."""
    start, end = _extent(element, 0)
    return element[start:end]


def parts_of(element: bytes) -> list[bytes]:
    """The elements inside of a constructed one. Raises ValueError, IndexError: it is not DER."""
    start, end = _extent(element, 0)
    found = []
    while start < end:
        _, after = _extent(element, start)
        found.append(element[start:after])
        start = after
    return found


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size < 5:
            raise ValueError("not DER")
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise ValueError("cut")
    return start, start + length


def with_stamp(verdict: ChainVerdict, size: int, at: str, by: str) -> ChainVerdict:
    """A verdict that a valid stamp anchors up to `size` entries; `by` is whose it is."""
    said = f"anchored by a time stamp of {by} up to entry {size - 1}: it existed, as signed, at {at}"
    before = verdict.said.replace(UNANCHORED, "").rstrip(" ,;")
    whole = f"{before}, {said}" if verdict.state == "unanchored" else f"{before}; {said}"
    return ChainVerdict(**{**vars(verdict), "said": whole, "state": "anchored", "covered": max(size, verdict.covered)})


def with_stamps(verdict: ChainVerdict, checkpoints: Sequence[dict[str, Any]], root: str) -> ChainVerdict:
    """Each stamp as a note, or, where the authority's root is given, as an anchor."""
    try:
        found = stamps_of(checkpoints)
        if root and not found:
            raise Broken("there is no time stamp to check")
        for one in found if root else ():
            verdict = with_stamp(verdict, one.size, one.at, _authority_of(one, root))
    except Broken as broken:
        return ChainVerdict(False, str(broken), verdict.head, verdict.entries)
    notes = [f"a time stamp says that the first {one.size} entries existed, as signed, at {one.at} (whose: --tsa-root)" for one in found]
    return ChainVerdict(**{**vars(verdict), "notes": (*verdict.notes, *([] if root else notes))})


def _authority_of(one: Stamped, root: str) -> str:
    """Whose root it is, by its file. Raises Broken: it is not signed under it, or nothing here can tell."""
    program = shutil.which("openssl")
    if program is None:
        raise Broken("whose the time stamp is cannot be checked here: there is no `openssl`; ir verify --tsa-root checks it, too")
    with tempfile.TemporaryDirectory() as folder:
        data, answer = Path(folder) / "data", Path(folder) / "answer"
        data.write_bytes(one.message)
        answer.write_bytes(one.answer)
        when = str(int(calendar.timegm(time.strptime(one.at[:19], "%Y-%m-%dT%H:%M:%S"))))
        words = [program, "ts", "-verify", "-data", str(data), "-in", str(answer), "-CAfile", root, "-attime", when]
        ran = subprocess.run(words, capture_output=True, check=False, timeout=60)
    if ran.returncode != 0:
        raise Broken(f"the time stamp over {one.size} entries is not signed under {root}")
    return f"an authority under {Path(root).name}"


# ── signatures: OpenSSH's SSHSIG with Ed25519 of RFC 8032 ──


def signer_of(armored: str, message: bytes, namespace: str, holds: Holds = None) -> str:
    """Fingerprint of the Ed25519 key that signed `message` (`ssh-keygen -Y sign`). Raises ValueError: it holds not."""
    text = "".join(line for line in armored.split("\n") if line and not line.startswith("-----"))
    blob = base64.b64decode(text, validate=True)
    key, rest = _string(blob[10:])
    space, rest = _string(rest)
    reserved, rest = _string(rest)
    algorithm, rest = _string(rest)
    signature, rest = _string(rest)
    if blob[:10] != b"SSHSIG\0\0\0\1" or rest or space != namespace.encode() or algorithm not in (b"sha256", b"sha512"):
        raise ValueError("not a signature for this purpose")
    digest = hashlib.new(algorithm.decode(), message).digest()
    signed = b"SSHSIG" + b"".join(struct.pack(">I", len(part)) + part for part in (space, reserved, algorithm, digest))
    kind, public = _string(key)
    made, raw = _string(signature)
    public, none = _string(public)
    raw, nothing = _string(raw)
    if kind != b"ssh-ed25519" or made != kind or none or nothing or not (holds or ed25519_holds)(public, raw, signed):
        raise ValueError("the signature does not hold")
    return fingerprint(key)


def _string(data: bytes) -> tuple[bytes, bytes]:
    end = 4 + int(struct.unpack(">I", data[:4])[0])
    if len(data) < end:
        raise ValueError("cut")
    return data[4:end], data[end:]


_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)
# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032, 5.1.7. It is not constant-time and need not be: nothing in it is secret."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, claimed = decoded(public), decoded(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point is None or claimed is None or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _times(s, _BASE), _added(claimed, _times(h, point))
    return all((left[i] * right[2] - right[i] * left[2]) % _P == 0 for i in (0, 1))


def _added(p: Any, q: Any) -> Any:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Any) -> Any:
    found = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = _added(found, point)
        point = _added(point, point)
        factor >>= 1
    return found


def decoded(data: bytes) -> Any:
    """A point from its 32 bytes, None when they are none (5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = decoded((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


# ── the bundle's files ──


@dataclass
class Files:
    """What became of the files beside the chain: how many are there, which were purged, by whom."""

    kept: int = 0
    purged: int = 0
    notes: list[str] = field(default_factory=list)


def plain(path: Path) -> Any:
    """A plain file, opened. Raises Broken: a link, a pipe, a device, which could be read for ever; OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise Broken(f"edited: {path.name} is a link, not a plain file")
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Broken(f"edited: {path.name} is not a plain file")
    return os.fdopen(handle, "rb")


def _bytes_of(path: Path) -> bytes:
    with plain(path) as stream:
        return bytes(stream.read())


def sha256_of(path: Path) -> str:
    """Of a file of any size. Raises Broken, OSError: see `plain`."""
    with plain(path) as stream:
        return sha256_in(stream)


def sha256_in(stream: Any) -> str:
    """Of what is left in an open file."""
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def check_sums(folder: Path) -> None:
    """The files that `sha256sums` lists. Raises Broken."""
    for line in _bytes_of(folder / "sha256sums").decode("utf-8", "replace").splitlines():
        wanted, _, name = line.partition("  ")
        if not name or Path(name).name != name:
            raise Broken(f"sha256sums has a line that is none: {line[:80]!r}")
        path = folder / name
        if not os.path.lexists(path):
            raise Broken(f"removed: {name} is missing")
        if sha256_of(path) != wanted:
            raise Broken(f"edited: {name} was changed")


def check_signed_files(folder: Path, entries: Sequence[dict[str, Any]], public_key: str, signers: Sequence[str]) -> list[str]:
    """The report and the other files against their hashes, which were signed once all of them were written. Returns notes. Raises Broken.

    Args:
        folder: the bundle.
        entries: the stream that it has to belong to.
        public_key: as in `check`.
        signers: whose checkpoints of the stream hold.
    """
    wanted = wanted_keys(public_key)
    if not os.path.lexists(folder / SIGNED_FILES):
        return [_unsigned(entries, wanted, signers)]
    statement, signer = _signed_files(_bytes_of(folder / SIGNED_FILES))
    if wanted and signer not in wanted:
        raise Broken(f"signed again: the report and the other files were signed by {signer}, not by {', '.join(sorted(wanted))}")
    size = statement["size"]
    same = statement["incident"] == entries[0].get("incident") and 0 < size <= len(entries)
    if not same or statement["head_hash"] != entries[size - 1]["hash"]:
        raise Broken("spliced: the report and the other files were signed with another stream than this one")
    for name, digest in statement["files"].items():
        path = folder / name
        if Path(name).name != name or not os.path.lexists(path):
            raise Broken(f"removed: {name} is missing")
        if sha256_of(path) != digest:
            raise Broken(f"edited: {name} was changed after it was signed")
    notes = [f"the report and the other files ({len(statement['files'])}) are as {signer} signed them"]
    if size < len(entries):
        notes.append(f"the report was written at entry {size - 1}; {len(entries) - size} entries came later")
    if signers and signer not in signers:
        notes.append("the files are signed by another key than the stream: compare it with the one that was kept outside")
    return notes


def _unsigned(entries: Sequence[dict[str, Any]], wanted: set[str], signers: Sequence[str]) -> str:
    """What it means that only the stream is signed. Raises Broken: the signature was removed."""
    if wanted:
        raise Broken(f"removed: nothing that {', '.join(sorted(wanted))} signed covers the report ({SIGNED_FILES} is missing)")
    if signers and has_ended(entries):
        end = f"its end was signed by {', '.join(signers)}, and so were the report and the other files"
        raise Broken(f"removed: {SIGNED_FILES} is missing; {end} (ir evidence bundle writes them again)")
    return "the report and the other files are not signed: anyone who can write them could have changed them"


def _signed_files(data: bytes) -> tuple[dict[str, Any], str]:
    """The statement, which has its form, and its signer's fingerprint. Raises Broken."""
    try:
        made = json.loads(data)
        statement, signer = made["statement"], signer_of(made["signature"], canonical(made["statement"]), FILES_NAMESPACE)
        fine = type(statement["size"]) is int and all(isinstance(digest, str) for digest in statement["files"].values())
        fine = fine and isinstance(statement["head_hash"], str) and isinstance(statement["incident"], str)
    except (*_TORN, KeyError, TypeError, AttributeError, struct.error):
        fine, statement, signer = False, {}, ""
    if not fine:
        raise Broken(f"edited: {SIGNED_FILES} was edited, its signature does not hold")
    return statement, signer


def recorded_files(entries: Sequence[dict[str, Any]]) -> dict[str, str]:
    """SHA-256 → name of every evidence file that the audit entries record."""
    found = {}
    for entry in entries:
        outcome = (entry.get("body") or {}).get("outcome") or {}
        for collected in ((outcome.get("facts") or {}).get("evidence") or {}).values():
            found.update({str(row["sha256"]): str(row["name"]) for row in collected["files"]})
    return found


def check_files(folder: Path, entries: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]]) -> Files:
    """Evidence files against the hashes in the chain; a signed purge explains an absence. Raises Broken."""
    wanted, found = recorded_files(entries), Files()
    purges = [one["statement"] for one in checkpoints if one["statement"].get("purged")]
    gone = {digest for statement in purges for digest in statement["purged"]["files"]}
    for digest, name in wanted.items():
        path = folder / "evidence" / digest
        if len(digest) != HASH_DIGITS or not path.name.isalnum():
            raise Broken(f"edited: {name} is recorded with a hash that is none")
        if os.path.lexists(path):
            if sha256_of(path) != digest:
                raise Broken(f"edited: evidence file {name} ({digest[:12]}) was changed")
            found.kept += 1
        elif digest in gone:
            found.purged += 1
        else:
            raise Broken(f"removed: evidence file {name} ({digest[:12]}) is missing, and no signed purge says why")
    strangers = sorted(path.name for path in (folder / "evidence").glob("*") if path.name not in wanted)
    if strangers:
        found.notes.append(f"{len(strangers)} files in evidence/ are in no record and prove nothing: {', '.join(strangers[:3])[:200]}")
    for statement in purges:
        told = statement["purged"]
        found.notes.append(f"evidence files were purged at {statement['ts']} by {told['by']}; their hashes are in the chain")
    return found


def added(folder: Path) -> list[str]:
    """A note about what lies in the folder and is not of the bundle."""
    listed = {line.partition("  ")[2] for line in _bytes_of(folder / "sha256sums").decode("utf-8", "replace").splitlines()}
    known = {*listed, *OURS, "sha256sums", SIGNED_FILES}
    found = sorted(path.name for path in folder.iterdir() if path.name not in known)
    return [f"added: {len(found)} files are not of this bundle and prove nothing: {', '.join(found[:5])[:300]}"] if found else []


def check_folder(folder: Path, public_key: str, head: str, tsa_root: str = "") -> ChainVerdict:
    """A whole bundle. Raises OSError: a file cannot be read."""
    try:
        lines = _bytes_of(folder / "audit.jsonl").split(b"\n")
        told = _bytes_of(folder / "checkpoints.jsonl").splitlines()
    except Broken as broken:
        return ChainVerdict(False, str(broken))
    lines = lines[:-1] if lines[-1] == b"" else lines
    try:
        checkpoints = [json.loads(line) for line in told]
    except _TORN:
        return ChainVerdict(False, "edited: checkpoints.jsonl has a line that is not JSON", entries=len(lines))
    verdict = check(lines, checkpoints, public_key=public_key, head=head)
    if not verdict.holds:
        return verdict
    try:
        check_sums(folder)
    except Broken as broken:
        return ChainVerdict(False, str(broken), verdict.head, verdict.entries)
    entries, _ = read_lines(lines)
    verdict = _with_files(_with_report(verdict, folder, entries, public_key), folder, entries, checkpoints)
    if not verdict.holds:
        return verdict
    verdict = with_stamps(verdict, checkpoints, tsa_root)
    return ChainVerdict(**{**vars(verdict), "notes": (*verdict.notes, *added(folder))})


def check_evidence(
    folder: Path, entries: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]], key: str, head: str
) -> ChainVerdict:
    """A stream as the database has it, with the report and the evidence files that lie on this machine."""
    verdict = check_entries(entries, checkpoints, public_key=key, head=head)
    if verdict.holds and (folder / "sha256sums").is_file():
        verdict = _with_report(verdict, folder, entries, key)
    there = (folder / "evidence").is_dir()
    if not verdict.holds or not (there or recorded_files(entries)):
        return verdict
    if not there:
        return ChainVerdict(**{**vars(verdict), "notes": (*verdict.notes, "its evidence files are on another machine: not checked")})
    return _with_files(verdict, folder, entries, checkpoints)


def _with_report(verdict: ChainVerdict, folder: Path, entries: Sequence[dict[str, Any]], public_key: str) -> ChainVerdict:
    try:
        notes = check_signed_files(folder, entries, public_key, verdict.signers)
    except Broken as broken:
        return ChainVerdict(False, str(broken), verdict.head, verdict.entries)
    return ChainVerdict(**{**vars(verdict), "notes": (*verdict.notes, *notes)})


def _with_files(
    verdict: ChainVerdict, folder: Path, entries: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]]
) -> ChainVerdict:
    if not verdict.holds:
        return verdict
    try:
        files = check_files(folder, entries, checkpoints)
    except Broken as broken:
        return ChainVerdict(False, str(broken), verdict.head, verdict.entries)
    except (KeyError, TypeError, AttributeError):
        return ChainVerdict(False, "edited: a record of evidence files is not in its form", verdict.head, verdict.entries)
    counted = f"{files.kept} evidence files are as recorded, {files.purged} were purged"
    notes = (*verdict.notes, *([counted] if files.kept + files.purged else []), *files.notes)
    return ChainVerdict(**{**vars(verdict), "notes": notes})


def main() -> int:
    """Parse, check, say."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--head", "--anchor", default="", help="hash of an entry, as somebody outside noted it")
    parser.add_argument("--public-key", default="", help="from outside: a file, a line `ssh-ed25519 AAAA…`, or `SHA256:…`")
    parser.add_argument("--tsa-root", default="", help="root certificate (PEM) of the authority whose time stamps are there")
    given = parser.parse_args()
    folder, key = Path(given.folder), given.public_key
    try:
        if key and not key.startswith(("ssh-ed25519 ", "SHA256:")):
            key = Path(key).read_text(encoding="utf-8") or "\n"
        wanted_keys(key)
        verdict = check_folder(folder, key, given.head, given.tsa_root)
    except ValueError as error:
        sys.stdout.write(printable(f"--public-key: {error}") + "\n")
        return 2
    except OSError as error:
        sys.stdout.write(printable(f"cannot read the bundle: {error}") + "\n")
        return 2
    sys.stdout.writelines(f"{printable(line)}\n" for line in spoken(verdict))
    return 0 if verdict.holds else 1


def spoken(verdict: ChainVerdict) -> list[str]:
    """A verdict as lines for a reader, with what it cannot say."""
    if not verdict.holds:
        return [f"BROKEN: {verdict.said}"]
    rest = verdict.entries if verdict.state != "anchored" else verdict.entries - verdict.covered
    here = "all of it" if rest == verdict.entries else f"the last {rest} entries" if rest else "nothing up to the head that was kept"
    limit = f"what no chain can show: a machine's owner can rewrite all that was never anchored outside; here that is {here}"
    return [verdict.said, f"head {verdict.head}", *(f"note: {note}" for note in verdict.notes), limit]


def printable(text: str) -> str:
    """No control and no direction character of a stranger reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.exit(main())
