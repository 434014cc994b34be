"""Uses of one key since a moment, as logs tell: the table that decides whether a use was ours.

The ends of the logs are enough, since what is asked about has just happened.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from ir.core.caller_group import CallerGroup
from ir.ports import KeyUse, ReviewRequest
from ir.review.log_ends import LogEnds
from ir.review.sql.engine import quoted
from ir.review.workspace import Say

_OURSELVES = "ir"
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
    own = LogEnds(folder / "own", request.egress, request.maps, own=True, say=say)
    every = LogEnds(folder / "every", request.logs, request.maps, own=False, say=say)
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


def _column(log: LogEnds, column: str) -> set[str]:
    return {str(row[0]) for row in log.rows(_KNOWN.format(column=column))}


def _client(ip: str, agent: str) -> str:
    return " at ".join(part for part in (agent or "a client", ip) if part)
