"""An alert file, whatever scanner wrote it: recognised by its fields, bounded in size, refused with file and line."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ir.alerts.alert import Alert
from ir.alerts.fields import NotThatFormat
from ir.alerts.platforms import gitguardian, github
from ir.alerts.scanners import gitleaks, kingfisher, single, trufflehog
from ir.core import untrusted_json
from ir.core.errors import BadFile
from ir.core.model import Json

MAX_BYTES = 10_000_000
MAX_ALERTS = 5_000
FORMATS: dict[str, Callable[[Json], Alert]] = {
    "github": github,
    "gitguardian": gitguardian,
    "trufflehog": trufflehog,
    "gitleaks": gitleaks,
    "kingfisher": kingfisher,
}
_LISTS = ("findings", "results", "incidents", "alerts", "data")
"""Fields under which a document may carry its alerts."""
_ASIDE = {"level", "msg", "summary", "access_map", "audit"}
"""Fields of what scanners write between their findings: logs, totals, maps of what a key opens."""
_KNOWN = "a GitHub or GitGuardian alert (webhook or API), or the JSON report of TruffleHog, gitleaks or kingfisher"


def read_file(name: str) -> tuple[Alert, ...]:
    """Alerts from a file, or from standard input when it is called `-`.

    Raises:
        BadFile: it cannot be read, is too large, or holds no alert that we know; with its line where it has lines.
    """
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(name, 0, "", error.strerror or "cannot be read", "name an existing file, or - for standard input") from None
    if len(raw) > MAX_BYTES:
        raise BadFile(name, 0, "", f"has more than {MAX_BYTES} bytes", "split it")
    try:
        content = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")  # as PowerShell redirects
    except UnicodeDecodeError:
        content = None
    if content is None:  # outside of the handler: the codec's error holds the bytes, and with them a key
        raise BadFile(name, 0, "", "is neither UTF-8 nor UTF-16 text")
    return loads(content, name)


def loads(content: str, name: str) -> tuple[Alert, ...]:
    """As `read_file`, from text: JSON documents, one or many, each on its lines. The same finding at the same place counts once."""
    found: dict[object, Alert] = {}
    for line, row in _rows(content, name):
        alert = replace(_alert(row, line, name), line=line)
        known = (alert.scanner, alert.id, alert.kind, alert.places, alert.secret)
        found.setdefault(known, alert)
        if len(found) > MAX_ALERTS:
            raise BadFile(name, line, "", f"holds more than {MAX_ALERTS} alerts", "split it")
    if not found:
        raise BadFile(name, 0, "", "holds no alert", f"give {_KNOWN}")
    return tuple(found.values())


def _rows(content: str, name: str) -> Iterator[tuple[int, Json]]:
    """Each row with the line that its document begins on; 0 for a row of the only document."""
    whole = _json(content)
    if whole is not _NOT_JSON:
        yield from ((0, row) for row in _listed(whole, 0, name))
        return
    for line, data in _documents(content, name):
        if isinstance(data, dict) and set(data) & _ASIDE and not set(data) & set(_LISTS) and not _known(data):
            continue
        yield from ((line, row) for row in _listed(data, line, name))


def _documents(content: str, name: str) -> Iterator[tuple[int, Any]]:
    """JSON documents one after the other: one per line, or spread over lines as `jq .` and paged APIs write them."""
    at, line = 0, 1
    while at < len(content):
        if content[at].isspace():
            line += content[at] == "\n"
            at += 1
            continue
        try:
            data, end = untrusted_json.first(content, at)
        except ValueError:
            data, end = _NOT_JSON, at
        if data is _NOT_JSON:
            raise BadFile(name, line, "", "is not JSON", f"give {_KNOWN}")
        yield line, data
        line += content.count("\n", at, end)
        at = end


def _listed(data: Any, line: int, name: str) -> list[Json]:
    if isinstance(data, dict) and not _known(data):
        data = next((data[field] for field in _LISTS if isinstance(data.get(field), list)), data)
    listed = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) for row in listed):
        raise BadFile(name, line, "", "holds something that is not an alert", f"give {_KNOWN}")
    return [one for row in listed for one in single(row)]


def _known(row: Json) -> bool:
    return any(_as(reader, row) for reader in FORMATS.values())


def _as(reader: Callable[[Json], Alert], row: Json) -> Alert | None:
    try:
        return reader(row)
    except NotThatFormat:
        return None


def _alert(row: Json, line: int, name: str) -> Alert:
    reader = next((reader for reader in FORMATS.values() if _as(reader, row) is not None), None)
    if reader is None:
        raise BadFile(name, line, "", "holds something that is not an alert of a known scanner", f"give {_KNOWN}")
    return reader(row)  # the second reading: by now every other field is scrubbed of this secret's value


_NOT_JSON = object()


def _json(content: str) -> Any:
    """The data, `_NOT_JSON` when it is none."""
    try:
        return untrusted_json.loads(content)
    except ValueError:
        return _NOT_JSON
