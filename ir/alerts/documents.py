"""Reports that are one document: SARIF, GitLab, detect-secrets, ggshield, Trivy. `unfold` splits them into rows; a reader reads one row.

SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0 (§3.27 result, §3.29 physicalLocation, §3.30 region). GitLab:
gl-secret-detection-report.json (`raw_source_code_extract`). detect-secrets: core/potential_secret.py; its `hashed_secret` is a SHA-1,
of a Stripe key of its first 32 characters alone. ggshield: verticals/secret/output/secret_json_output_handler.py and schemas.py.
Trivy: pkg/fanal/types/secret.go; what is behind the first 32 characters of a long key stays unmasked in its `Match`.
"""

from collections.abc import Iterator

from ir.alerts.alert import Alert, Hash, Location
from ir.alerts.fields import NotThatFormat, boolean, earliest, ends, hashes, moment, number, obj, rows, secret, snippet, text
from ir.core.model import Json

_DEEPEST = 8
"""The deepest nesting of scans that a report of ggshield may have."""


def unfold(data: Json) -> list[Json] | None:
    """The rows of a report, each with the parts of the document that its reader needs; None when the format is another."""
    if rows(data, "runs") and ("version" in data or "$schema" in data):
        return list(_sarif(data))
    if isinstance(data.get("vulnerabilities"), list) and ("scan" in data or "version" in data):
        return [{"gitlab_row": row} for row in data["vulnerabilities"] if isinstance(row, dict)]
    if isinstance(data.get("results"), dict):
        found = [{"detect_secrets_row": row, "file": name} for name in data["results"] for row in rows(data["results"], name) if _is(row)]
        return found if "plugins_used" in data or any("hashed_secret" in one["detect_secrets_row"] for one in found) else None
    if "total_occurrences" in data and ("entities_with_incidents" in data or "scans" in data):
        return list(_ggshield(data, _DEEPEST))
    if isinstance(data.get("Results"), list) and ("SchemaVersion" in data or "ArtifactName" in data):
        return list(_trivy(data))
    if isinstance(data.get("Resources"), list) and "ClusterName" in data:
        return [row for one in filter(_is, data["Resources"]) for row in _trivy({"ArtifactName": one.get("Name"), **one})]
    return None


def _is(row: object) -> bool:
    return isinstance(row, dict)


def _sarif(data: Json) -> Iterator[Json]:
    for run in filter(_is, rows(data, "runs")):
        for row in filter(_is, rows(run, "results")):
            yield {"sarif_row": row, "tool": text(obj(run, "tool", "driver"), "name")}


def _ggshield(data: Json, deep: int) -> Iterator[Json]:
    for entity in filter(_is, rows(data, "entities_with_incidents")):
        for row in filter(_is, rows(entity, "incidents")):
            yield {"ggshield_row": row, "file": entity.get("filename"), "scan": data.get("id")}
    for inner in filter(_is, rows(data, "scans")) if deep else ():
        yield from _ggshield(inner, deep - 1)


def _trivy(data: Json) -> Iterator[Json]:
    for result in filter(_is, rows(data, "Results")):
        for row in filter(_is, rows(result, "Secrets")):
            yield {"trivy_row": row, "file": result.get("Target"), "artifact": data.get("ArtifactName")}


def sarif(data: Json) -> Alert:
    """One result of a run."""
    row = _row(data, "sarif_row")
    where = list(filter(_is, rows(row, "locations"))) or [{}]
    region, marks = obj(where[0], "physicalLocation", "region"), obj(row, "partialFingerprints")
    held, git = obj(region, "snippet"), obj(where[0], "properties", "git_metadata")
    around, said = (
        obj(where[0], "physicalLocation", "contextRegion", "snippet"),
        obj(row, "message"),
    )  # Trivy puts the masked line into its text
    old, tool = obj(row, "properties"), text(data, "tool")  # the properties are those of gitleaks 7
    dates = (moment(marks, "date"), moment(old, "date"), moment(obj(git, "commit"), "date"))
    since, what = earliest(*((date, "the commit") for date in dates))
    kind = " ".join(part for part in (text(row, "ruleId"), text(obj(row, "message"), "text")) if part)
    return Alert(
        "sarif",
        "",
        kind[:300] or f"a finding of {tool or 'an unnamed tool'}",
        tuple(_sarif_place(row, one) for one in where),
        since,
        what,
        snippet(held, "text") or snippet(old, "offender") or secret(old, "offender") or snippet(around, "text") or snippet(said, "text"),
        hashes(marks, ggshield="secret/v1"),
        ends(held, "text") or ends(around, "text") or ends(said, "text"),
        closed=bool(rows(row, "suppressions")),
        one_place=tool.lower() == "kingfisher",
    )


def _sarif_place(row: Json, where: Json) -> Location:
    """One of the locations of a result; what the result itself names holds for all of them."""
    marks, old, git = obj(row, "partialFingerprints"), obj(row, "properties"), obj(where, "properties", "git_metadata")
    return Location(
        text(old, "repo") or text(git, "repository_url"),
        text(obj(where, "physicalLocation", "artifactLocation"), "uri"),
        number(obj(where, "physicalLocation", "region"), "startLine"),
        text(marks, "commitSha") or text(old, "commit") or text(obj(git, "commit"), "id"),
        text(row, "hostedViewerUri"),
    )


def gitlab(data: Json) -> Alert:
    """One row of `vulnerabilities`."""
    row = _row(data, "gitlab_row")
    where = obj(row, "location")
    place = Location("", text(where, "file"), number(where, "start_line"), text(obj(where, "commit"), "sha"))
    since, what = earliest((moment(obj(where, "commit"), "date"), "the commit"))
    names = " ".join(text(one, "value") for one in rows(row, "identifiers") if isinstance(one, dict))
    kind = f"{text(row, 'name', 'description')} {names}".strip()[:300]
    found = snippet(row, "raw_source_code_extract") or secret(row, "raw_source_code_extract")
    return Alert("gitlab", text(row, "id"), kind, (place,), since, what, found, ends=ends(row, "raw_source_code_extract"))


def detect_secrets(data: Json) -> Alert:
    """One row of a baseline: a hash, never the secret."""
    row = _row(data, "detect_secrets_row")
    place = Location("", text(row, "filename") or text(data, "file"), number(row, "line_number"))
    live = boolean(row, "is_verified") or None  # `false` also means that it did not try
    found = hashes(row, sha1="hashed_secret")
    return Alert("detect-secrets", "", text(row, "type"), (place,), hashes=found, live=live, closed=boolean(row, "is_secret") is False)


def ggshield(data: Json) -> Alert:
    """One incident of a file. Without `--show-secrets`, its matches are masked."""
    row = _row(data, "ggshield_row")
    seen: Json = next(filter(_is, rows(row, "occurrences")), {})
    mark = text(row, "ignore_sha").lower()
    place = Location(
        "", text(data, "file"), number(seen, "line_start", "post_line_start"), _commit(text(data, "scan")), text(row, "incident_url")
    )
    detail = obj(row, "incident_details")
    since, what = earliest((moment(detail, "date"), "the alert"))
    hashed = (*((Hash("ggshield", mark),) if len(mark) == 64 else ()), *hashes(detail, hmsl="hmsl_hash"))
    live = {"valid": True, "invalid": False}.get(text(row, "validity"))
    found = secret(seen, "match")
    return Alert("ggshield", "", text(row, "type", "detector", "policy"), (place,), since, what, found, hashed, ends(seen, "match"), live)


def _commit(name: str) -> str:
    return name if len(name) == 40 and all(c in "0123456789abcdef" for c in name) else ""


def trivy(data: Json) -> Alert:
    """One secret of a target; its `Match` is masked with asterisks."""
    row = _row(data, "trivy_row")
    place = Location(text(data, "artifact"), text(data, "file"), number(row, "StartLine"))
    kind = f"{text(row, 'RuleID')} {text(row, 'Title')}".strip()
    return Alert("trivy", "", kind, (place,), secret=snippet(row, "Match"), ends=ends(row, "Match"))


def _row(data: Json, name: str) -> Json:
    row = data.get(name)
    if not isinstance(row, dict):
        raise NotThatFormat(f"no `{name}`")
    return row
