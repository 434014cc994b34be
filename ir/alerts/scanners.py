"""TruffleHog, gitleaks and kingfisher: one finding each, as their JSON reports give it.

TruffleHog: pkg/output/json.go; gitleaks: report/finding.go; kingfisher: its reporter's `FindingReporterRecord`.
"""

from ir.alerts.alert import Alert, Place
from ir.alerts.fields import NotThatFormat, earliest, moment, number, obj, secret, text, truth
from ir.model import Json


def trufflehog(data: Json) -> Alert:
    """One line of `trufflehog … --json`."""
    if not text(data, "DetectorName") or not obj(data, "SourceMetadata"):
        raise NotThatFormat("a TruffleHog finding has `DetectorName` and `SourceMetadata`")
    kinds = obj(data, "SourceMetadata", "Data")
    where = next((value for value in kinds.values() if isinstance(value, dict)), {})
    place = Place(
        text(where, "repository", "bucket", "image", "channel_name", "project", "location"),
        text(where, "file", "path", "filename"),
        number(where, "line"),
        text(where, "commit"),
        text(where, "link"),
    )
    since, what = earliest((moment(where, "timestamp", "date"), "the commit" if place.commit else "the find"))
    verified = truth(data, "Verified")
    return Alert(
        "trufflehog",
        "",
        text(data, "DetectorName"),
        (place,),
        since,
        what,
        secret(data, "Raw", "RawV2"),
        True if verified else None if text(data, "VerificationError") or verified is None else False,
        text(where, "visibility") == "public",
    )


def gitleaks(data: Json) -> Alert:
    """One finding of a gitleaks or betterleaks report."""
    if not text(data, "RuleID") or "StartLine" not in data:
        raise NotThatFormat("a gitleaks finding has `RuleID` and `StartLine`")
    place = Place("", text(data, "File", "SymlinkFile"), number(data, "StartLine"), text(data, "Commit"), text(data, "Link"))
    since, what = earliest((moment(data, "Date"), "the commit"))
    kind = f"{text(data, 'RuleID')} {text(data, 'Description')}".strip()
    return Alert("gitleaks", text(data, "Fingerprint"), kind, (place,), since, what, secret(data, "Secret"))


def kingfisher(data: Json) -> Alert:
    """One finding: a row of `findings` in its JSON, or a line of its JSONL."""
    finding, rule = obj(data, "finding"), obj(data, "rule")
    if not finding or not text(rule, "id", "name"):
        raise NotThatFormat("a kingfisher finding has `rule` and `finding`")
    commit = obj(finding, "git_metadata", "commit")
    place = Place(
        text(obj(finding, "git_metadata"), "repository_url"),
        text(finding, "path"),
        number(finding, "line"),
        text(commit, "id"),
        text(obj(finding, "git_metadata", "file"), "url") or text(commit, "url"),
    )
    since, what = earliest((moment(commit, "date") or moment(obj(commit, "committer"), "timestamp", "date"), "the commit"))
    status = text(obj(finding, "validation"), "status").lower()
    live = True if status.startswith("active") else False if status.startswith("inactive") else None
    kind = f"{text(rule, 'name')} {text(rule, 'id')}".strip()
    return Alert("kingfisher", text(finding, "fingerprint"), kind, (place,), since, what, secret(finding, "snippet"), live)
