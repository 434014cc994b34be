"""Read an alert file of any scanner: recognised by its fields, limited in size, refused with file and line."""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from ir.alerts import chat, code_scanners, documents, mail, printed
from ir.alerts.alert import Alert
from ir.alerts.fields import NotThatFormat
from ir.alerts.platforms import gitguardian, github, hmsl
from ir.alerts.scanners import betterleaks, gitleaks, kingfisher, single, trufflehog
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
    "betterleaks": betterleaks,
    "sarif": documents.sarif,
    "gitlab": documents.gitlab,
    "detect-secrets": documents.detect_secrets,
    "ggshield": documents.ggshield,
    "trivy": documents.trivy,
    "hmsl": hmsl,
    "semgrep": code_scanners.semgrep,
    "noseyparker": code_scanners.noseyparker,
    "checkov": code_scanners.checkov,
}
_LISTS = ("findings", "results", "incidents", "alerts", "data", "leaks")
"""Fields in which a document may carry its alerts."""
_ASIDE = {"level", "msg", "summary", "access_map", "audit"}
"""Fields of the lines that scanners write between their findings: logs, totals, maps of what a key opens."""
_KNOWN = (
    "a GitHub or GitGuardian alert (webhook or API), a scanner's report (JSON, SARIF 2.1, gitleaks' CSV), "
    "or the e-mail that told of the leak"
)
_TOTALS = ("findings", "scan_date", "rules_applied")
"""Fields that kingfisher writes to standard output after its findings."""
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_=>])")
"""Control sequences of a terminal between texts: colours, questions, titles."""
_CSV = re.compile(r"(?:\"?[A-Za-z]{1,40}\"?[,;\t]){0,40}?\"?RuleID\"?([,;\t])[A-Za-z,;\t\"]{1,2000}\r?\n")
_FORM = re.compile(r"payload=(%7B[^&\s]+)", re.IGNORECASE)
"""A webhook of GitHub whose content type is `application/x-www-form-urlencoded`, GitHub's default."""
_DOCUMENT = re.compile(r"^[ \t]*(?:\{|\[\s*(?:[\[{\]]|$))", re.MULTILINE)
_PREFIX = re.compile(r"""^[^{\n]{1,120}(?=\{"[^\n]*\}[ \t\r]*$)""", re.MULTILINE)
"""The beginning that a job's or a container's log puts before each line, such as its time or the container's name."""
_BRACKET = re.compile(r"\[[^\[\]{}\"\n]{0,40}\][ \t]+[^\s,\]]")
"""The beginning of a line in a program's own log, such as `[INFO] `; JSON never begins so."""


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
    """As `read_file`, from text: JSON documents, one or many, each on its lines; gitleaks' CSV; an e-mail.

    The same finding at the same place counts once.
    """
    content = _TERMINAL.sub("", content) if "\x1b" in content else content
    form = _FORM.match(content)
    content = unquote_plus(form[1]) if form else content
    found: dict[object, Alert] = {}
    for alert in _alerts(content, name):
        known = (alert.scanner, alert.id, alert.kind, alert.places, alert.secret, alert.hashes, alert.ends)
        found.setdefault(known, alert)
        if len(found) > MAX_ALERTS:
            raise BadFile(name, alert.line, "", f"holds more than {MAX_ALERTS} alerts", "split it")
    if not found:
        raise BadFile(name, 0, "", "holds no alert", f"give {_KNOWN}")
    return tuple(found.values())


def _alerts(content: str, name: str) -> Iterator[Alert]:
    table = _CSV.match(content)
    if table:
        yield from (replace(_alert(row, line, name), line=line) for line, row in _table(content, name, table[1]))
        return
    pasted = _chat(content, name)
    if pasted:
        yield from pasted
        return
    told = () if _DOCUMENT.search(content) else _printed(content, name) or _behind_prefixes(content, name) or mail.read(content)
    if told:
        yield from told
        return
    yield from (replace(_alert(row, line, name), line=line) for line, row in _rows(content, name))


def _chat(content: str, name: str) -> tuple[Alert, ...]:
    """Alerts in messages of a chat, or between fences; most messages tell of none."""
    told = chat.messages(_json(content)) if content.lstrip()[:1] in ("{", "[") else [(0.0, part) for part in chat.fenced(content)]
    found: list[Alert] = []
    for sent, text in told or ():
        try:
            inner = list(_alerts(text, name))
        except BadFile:
            continue
        found += [one if one.since or not sent else replace(one, since=sent, since_what="the message") for one in inner]
    return tuple(found)


def _printed(content: str, name: str) -> tuple[Alert, ...]:
    return tuple(_alert(row, 0, name) for row in printed.read(content))


def _behind_prefixes(content: str, name: str) -> tuple[Alert, ...]:
    """Alerts at the ends of lines, after a prefix; none where one such end is not an alert, as in an e-mail that cites one."""
    bare = _PREFIX.sub("", content)
    try:
        return tuple(replace(_alert(row, line, name), line=line) for line, row in _rows(bare, name)) if bare != content else ()
    except BadFile:
        return ()


def _table(content: str, name: str, delimiter: str) -> Iterator[tuple[int, Json]]:
    """Rows of a CSV with the line on which each ends."""
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    try:
        yield from ((reader.line_num, {str(k): v for k, v in row.items()}) for row in reader)
    except csv.Error:
        broken = True
    else:
        broken = False
    if broken:  # outside of the handler: the error may hold a part of the cell
        raise BadFile(name, reader.line_num, "", "has a cell that cannot be read", "write the report as JSON")


def _rows(content: str, name: str) -> Iterator[tuple[int, Json]]:
    """Each row with the line that its document begins on; 0 for a row of the only document."""
    whole = _json(content)
    if whole is not _NOT_JSON:
        yield from ((0, row) for row in _listed(whole, 0, name))
        return
    for line, data in _documents(content, name):
        if not _aside(data):
            yield from ((line, row) for row in _listed(data, line, name))


def _aside(data: Any) -> bool:
    """Whether a row is one that scanners write between and after their findings."""
    if not isinstance(data, dict) or any(isinstance(data.get(field), list) for field in _LISTS) or _known(data):
        return False
    return bool(set(data) & _ASIDE) or all(field in data for field in _TOTALS)


def _documents(content: str, name: str) -> Iterator[tuple[int, Any]]:
    """JSON documents one after the other: one per line, or spread over lines as `jq .` and paged APIs write them.

    A line of a banner or of a log between them is skipped; one that may be a torn document is not.
    """
    at, line, passed, found = 0, 1, 0, False
    while at < len(content):
        if content[at].isspace():
            line += content[at] == "\n"
            at += 1
            continue
        banner = _banner(content, at)
        if banner:
            passed, at = passed or line, at + banner
            continue
        try:
            data, end = untrusted_json.first(content, at)
        except ValueError:
            data, end = _NOT_JSON, at
        if data is _NOT_JSON:
            raise BadFile(name, passed or line, "", "is not JSON", f"give {_KNOWN}")
        yield line, data
        found = True
        line += content.count("\n", at, end)
        at = end
    if passed and not found:
        raise BadFile(name, passed, "", "is not JSON", f"give {_KNOWN}")


def _banner(content: str, at: int) -> int:
    """Length of the rest of a line that does not begin like a document and tells of no key; 0 when it may be a torn document."""
    if content[at] in '{}"' or (content[at] == "[" and not _BRACKET.match(content, at)):
        return 0
    end = content.find("\n", at)
    line = content[at : end if end >= 0 else len(content)]
    return 0 if '{"' in line or "_live_" in line or "stripe" in line.lower() else len(line)


def _listed(data: Any, line: int, name: str, deep: int = 1) -> list[Json]:
    """The rows of a document; `deep`: how deep a list may consist of whole reports."""
    for unfold in (code_scanners.unfold, documents.unfold):
        rows = unfold(data) if isinstance(data, dict) else None
        if rows is not None:
            return rows
    kept = chat.body(data) if isinstance(data, dict) and not _known(data) else None
    if kept is not None and _known(kept):
        return [kept]
    if isinstance(data, dict) and not _known(data):
        data = next((data[field] for field in _LISTS if isinstance(data.get(field), list)), data)
    listed = data if isinstance(data, list) else [data]
    listed = [row for page in listed for row in (page if isinstance(page, list) else [page])]  # as `gh api --slurp` gathers pages
    if not all(isinstance(row, dict) for row in listed):
        raise BadFile(name, line, "", "holds something that is not an alert", f"give {_KNOWN}")
    reports = isinstance(data, list) and deep
    return [one for row in listed for one in (_listed(row, line, name, deep - 1) if reports and not _known(row) else single(row))]


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
    """The data, or `_NOT_JSON`."""
    try:
        return untrusted_json.loads(content)
    except ValueError:
        return _NOT_JSON
