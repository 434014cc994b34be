"""Uses of one key since a moment, as logs tell: the table that decides whether a use was ours.

The ends of the logs are enough, since what is asked about has just happened.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from ir.core.caller_group import CallerGroup
from ir.ports import KeyUse, ReviewRequest
from ir.review.ingest.given_files import expand
from ir.review.sql.engine import Row, quoted
from ir.review.workspace import ReviewWorkspace, Say

_TAIL = 4_000_000
"""Bytes of each file that are read, from its end."""
_MOST_FILES = 50
_OURSELVES = "ir"
_MEMORY = "512MB"
_USES = "SELECT ts, request_id, ip, agent FROM requests WHERE ts > {since} AND key_id IN ({marks}) ORDER BY ts DESC LIMIT 1000"
_KNOWN = "SELECT DISTINCT {column} FROM requests WHERE {column} <> '' LIMIT 100000"


def users(request: ReviewRequest, since: float, say: Say) -> tuple[KeyUse, ...]:
    """Uses of the key after `since` (epoch seconds), newest first. A log that names no key tells nothing here."""
    marks = ", ".join(quoted(mark) for mark in (request.key_id, f"key:{request.key_fingerprint}", request.key_fingerprint) if mark)
    folder = Path(request.scratch) / "users"
    try:
        return tuple(sorted(_read(request, folder, int(since), marks, say), key=lambda use: -use.at))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(request: ReviewRequest, folder: Path, since: int, marks: str, say: Say) -> Iterator[KeyUse]:
    own = _Log(folder / "own", request.egress, request.maps, own=True, say=say)
    every = _Log(folder / "every", request.logs, request.maps, own=False, say=say)
    try:
        for ts, _, ip, agent in own.rows(_USES.format(since=since, marks=marks)):
            yield KeyUse(float(ts), True, f"{_client(ip, agent)}, by our own log", by_us=True)
        seen = every.rows(_USES.format(since=since, marks=marks))
        ids, known = (_column(own, column) if seen else set[str]() for column in ("request_id", "ip"))
        groups = [CallerGroup.parse(text) for text in (*request.ours, *(f"*@{network}" for network in request.addresses))]
        for ts, request_id, ip, agent in seen:
            if agent == _OURSELVES or request_id in request.own_requests:
                continue
            ours = request_id in ids or ip in known or any(group.holds(agent, "", ip, "") for group in groups)
            yield KeyUse(float(ts), ours, _client(ip, agent))
    finally:
        own.close()
        every.close()


def _column(log: "_Log", column: str) -> set[str]:
    return {str(row[0]) for row in log.rows(_KNOWN.format(column=column))}


def _client(ip: str, agent: str) -> str:
    return " at ".join(part for part in (agent or "a client", ip) if part)


class _Log:
    """The ends of some files, as one table."""

    def __init__(self, folder: Path, patterns: tuple[str, ...], maps: tuple[str, ...], *, own: bool, say: Say) -> None:
        self._store: ReviewWorkspace | None = None
        files = sorted(expand(patterns)[0], key=lambda file: -file.stat().st_mtime)[:_MOST_FILES] if patterns else []
        if not files:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = ReviewWorkspace(folder / "review", memory_limit=_MEMORY)
        self._store.fresh()
        importer = self._store.importer(maps, say)
        importer.load([_end(file, folder / f"{number:02d}-{file.name}") for number, file in enumerate(files)], own=own)
        importer.finish()
        self._store.engine.attach(self._store.tables)

    def rows(self, sql: str) -> list[Row]:
        return self._store.engine.rows(sql) if self._store is not None else []

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _end(file: Path, copy: Path) -> Path:
    """A copy of its first line (perhaps a header) and of its last lines; of a packed file, the file itself."""
    if file.stat().st_size <= _TAIL or file.suffix in (".gz", ".zst", ".bz2", ".xz", ".zip"):
        return file
    with file.open("rb") as source, copy.open("wb") as target:
        target.write(source.readline(65536))
        source.seek(-_TAIL, 2)
        source.readline()
        shutil.copyfileobj(source, target)
    return copy
