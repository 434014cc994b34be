"""Reports that scanners print for people: TruffleHog, gitleaks -v, annotations of a job, JUnit, and what GitHub says of a blocked push.

TruffleHog: pkg/output/plain.go and github_actions.go. gitleaks: cmd/root.go and report/junit.go. GitHub: the text of GH013.
Linear in hostile text: each line is matched once.
"""

import html
import re
from collections.abc import Iterator

from ir.core import untrusted_json
from ir.core.model import Json

_FIELD = re.compile(r"\s{0,8}([A-Za-z][A-Za-z_ ]{1,30}):\s{0,20}(\S[^\n]{0,2000})?$")
_BEGIN = re.compile(r"(?:\S{1,4} ?)?Found (verified|unverified) result\b|Finding:\s")
_ANNOTATION = re.compile(
    r"::(?:warning|error) file=([^,:\n]{1,1000}),line=(\d{1,9}),endLine=\d{1,9}::Found (verified|unverified) (\w{1,60}) result"
)
_FAILURE = re.compile(r"<failure\b[^<>]{0,4000}>([^<>]{2,100000})</failure>")
_PUSH = re.compile(r"(?:remote:)?\s{1,12}[\u2014\u2500-]{2,80} ([A-Z][\w .'()-]{2,80}?) [\u2014\u2500-]{2,100}\s*$")
_AT = re.compile(r"(?:remote:)?\s{1,20}(?:- )?(commit|path): (\S{1,1000})\s*$")


def read(content: str) -> list[Json]:
    """Rows as the readers of TruffleHog, gitleaks and GitHub take them; empty when it is no such report."""
    if content.lstrip().startswith("<?xml") and "<testsuite" in content:
        return list(_junit(content))
    lines = content.splitlines()
    if any("GITHUB PUSH PROTECTION" in line for line in lines[:50]):
        return list(_pushed(lines))
    return [*map(_annotated, filter(None, map(_ANNOTATION.match, lines))), *_blocks(lines)]


def _junit(content: str) -> Iterator[Json]:
    for said in _FAILURE.findall(content):
        try:
            row = untrusted_json.loads(html.unescape(said))
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _blocks(lines: list[str]) -> Iterator[Json]:
    held: dict[str, str] = {}
    for line in lines:
        begin = _BEGIN.match(line)
        if begin:
            yield from _block(held)
            held = {"Verified": begin[1] or ""}
        field = _FIELD.match(line) if held else None
        if field and field[2]:
            held.setdefault(field[1], field[2].strip())
    yield from _block(held)


def _block(held: dict[str, str]) -> Iterator[Json]:
    if "Detector Type" in held:
        where = {"file": "File", "line": "Line", "commit": "Commit", "repository": "Repository", "timestamp": "Timestamp", "link": "Link"}
        found: Json = {name: held[said] for name, said in where.items() if said in held}
        yield _hog(held["Detector Type"], held["Verified"] == "verified", found) | {"Raw": held.get("Raw result", "")}
    elif "RuleID" in held and "Secret" in held:
        names = {"Line": "StartLine", "Finding": "Match"}
        yield {"StartLine": 0} | {names.get(said, said): value for said, value in held.items()}


def _hog(detector: str, verified: bool, where: Json) -> Json:
    return {"DetectorName": detector, "Verified": verified, "SourceMetadata": {"Data": {"Git": where}}}


def _annotated(found: re.Match[str]) -> Json:
    return _hog(found[4], found[3] == "verified", {"file": found[1], "line": found[2]})


def _pushed(lines: list[str]) -> Iterator[Json]:
    kind, commit, number = "", "", 0
    for line in lines:
        title, at = _PUSH.match(line), _AT.match(line)
        if title:
            kind = title[1]
        elif at and at[1] == "commit":
            commit = at[2]
        elif at and kind:
            number += 1
            path, _, begin = at[2].rpartition(":")
            yield {
                "secret_type": kind,
                "number": f"push {number}",
                "state": "open",
                "first_location_detected": {"path": path, "start_line": begin, "commit_sha": commit},
            }
