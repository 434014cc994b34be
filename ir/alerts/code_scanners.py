"""Semgrep, Nosey Parker and Checkov, which find more than keys, or the same key in many places.

Semgrep: semgrep_output_v1.jsonschema (`cli_match`; `validation_state` and `historical_info` are those of Semgrep Secrets). Nosey Parker:
`report --format json` or `jsonl` of 0.12 to 0.24; `groups` are base64. Checkov: `--framework secrets`; its `resource` is the SHA-1 that
detect-secrets makes, and `code_block` is masked behind six characters.
"""

from collections.abc import Iterator

from ir.alerts.alert import Alert, Location
from ir.alerts.fields import NotThatFormat, boolean, earliest, hashes, moment, number, obj, packed, rows, secret, snippet, text
from ir.core.model import Json
from ir.core.secret import Secret

_SECRETS = ("secret", "credential", "token", "api-key", "apikey", "private-key", "password")
_LIVE = {"CONFIRMED_VALID": True, "CONFIRMED_INVALID": False}


def unfold(data: Json) -> list[Json] | None:
    """The findings of a report that are about secrets; None when it is of another scanner."""
    found = [row for row in rows(data, "results") if isinstance(row, dict)]
    if found and all("check_id" in row and "path" in row for row in found):
        return [row for row in found if _about_a_secret(row)]
    failed = rows(data, "results", "failed_checks")
    if "check_type" in data or failed:
        return [row for row in failed if isinstance(row, dict) and text(row, "check_id").startswith("CKV_SECRET_")]
    return None


def _about_a_secret(row: Json) -> bool:
    more = obj(row, "extra")
    kind = f"{text(row, 'check_id')} {text(obj(more, 'metadata'), 'category')} {rows(more, 'metadata', 'vulnerability_class')}".lower()
    return "validation_state" in more or any(word in kind for word in _SECRETS) or _in_code(more) is not None


def _in_code(more: Json) -> Secret | None:
    held = [snippet(one, "abstract_content") for one in obj(more, "metavars").values() if isinstance(one, dict)]
    return snippet(more, "lines") or next(filter(None, held), None) or snippet(more, "message")


def semgrep(data: Json) -> Alert:
    """One result of `semgrep scan --json` or `semgrep ci --json`; its lines are hidden from those who are not signed in."""
    more = obj(data, "extra")
    if not text(data, "check_id") or not more or not text(data, "path"):
        raise NotThatFormat("a Semgrep result has `check_id`, `path` and `extra`")
    history = obj(more, "historical_info")
    place = Location("", text(data, "path"), number(obj(data, "start"), "line"), text(history, "git_commit"))
    since, what = earliest((moment(history, "git_commit_timestamp"), "the commit"))
    kind = f"{text(data, 'check_id')} {text(more, 'message')}"[:300]
    live = _LIVE.get(text(more, "validation_state").upper())
    closed = boolean(more, "is_ignored") is True
    return Alert("semgrep", _mark(more), kind, (place,), since, what, _in_code(more), live=live, closed=closed)


def _mark(more: Json) -> str:
    mark = text(more, "fingerprint")
    return "" if " " in mark else mark  # `requires login`


def noseyparker(data: Json) -> Alert:
    """One finding, with all its matches."""
    found = [row for row in rows(data, "matches") if isinstance(row, dict)]
    if not text(data, "rule_name") or not found:
        raise NotThatFormat("a Nosey Parker finding has `rule_name` and `matches`")
    told = [one for row in found for one in _provenances(row)]
    told.sort(key=lambda one: one[1] or float("inf"))
    since, what = earliest(*((date, "the commit") for _, date in told))
    statuses = {str(one) for one in rows(data, "statuses")}
    return Alert(
        "noseyparker",
        text(data, "finding_id"),
        f"{text(data, 'rule_name')} {text(data, 'rule_text_id')}".strip(),
        tuple(dict.fromkeys(place for place, _ in told)),
        since,
        what,
        _of_matches(data, found),
        closed=statuses == {"reject"},
    )


def _of_matches(data: Json, found: list[Json]) -> Secret | None:
    whole = secret(data, "match_content") or next(filter(None, (snippet(obj(row, "snippet"), "matching") for row in found)), None)
    return whole or next(filter(None, (packed({"group": group}, "group") for group in rows(data, "groups"))), None)


def _provenances(match: Json) -> Iterator[tuple[Location, float]]:
    """Each place of a match, and the time of its commit; 0.12 has one provenance, and later ones a list."""
    line = number(obj(match, "location", "source_span", "start"), "line")
    for one in rows(match, "provenance") or [obj(match, "provenance")]:
        if isinstance(one, dict):
            commit = obj(one, "first_commit", "commit_metadata")
            source, file = text(one, "repo_path"), text(obj(one, "first_commit"), "blob_path") or text(one, "path")
            yield Location(source, file, line, text(commit, "commit_id")), _epoch(text(commit, "committer_timestamp"))


def _epoch(stamp: str) -> float:
    """Git's way: seconds, and an offset that is for show."""
    seconds = stamp.partition(" ")[0]
    return moment({"at": int(seconds)}, "at") if seconds.isascii() and seconds.isdigit() and len(seconds) < 12 else 0.0


def checkov(data: Json) -> Alert:
    """One failed check for secrets."""
    if not text(data, "check_id").startswith("CKV_SECRET_") or not text(data, "file_path"):
        raise NotThatFormat("a Checkov finding has `check_id` and `file_path`")
    lines = rows(data, "file_line_range")
    place = Location(
        "",
        text(data, "repo_file_path", "file_path").lstrip("/"),
        number({"line": lines[0]}, "line") if lines else 0,
        text(data, "added_commit_hash"),
    )
    since, what = earliest((moment(data, "added_date"), "the commit"))
    kind = f"{text(data, 'check_id')} {text(data, 'check_name')}"
    return Alert("checkov", "", kind, (place,), since, what, hashes=hashes(data, sha1="resource"))
