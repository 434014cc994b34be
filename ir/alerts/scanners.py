"""TruffleHog, gitleaks, betterleaks and kingfisher: one finding each, as their JSON reports give it.

TruffleHog: pkg/output/json.go, and legacy_json.go for `--json-legacy`, which is also what TruffleHog 2 wrote; gitleaks:
report/finding.go of 8, `Leak` of 7, and the columns of report/csv.go; betterleaks 2: report/finding.go; kingfisher: its reporter's
`FindingReporterRecord`, whose `[REDACTED:…]` is a hash with a salt of that one run, so it names nothing.
"""

from ir.alerts.alert import Alert, Location
from ir.alerts.fields import NotThatFormat, boolean, earliest, ends, hashes, moment, number, obj, packed, secret, text
from ir.core.model import Json


def trufflehog(data: Json) -> Alert:
    """One line of `trufflehog … --json`."""
    if "stringsFound" in data:
        return _trufflehog_legacy(data)
    if not text(data, "DetectorName") or not obj(data, "SourceMetadata"):
        raise NotThatFormat("a TruffleHog finding has `DetectorName` and `SourceMetadata`")
    kinds = obj(data, "SourceMetadata", "Data")
    where = next((value for value in kinds.values() if isinstance(value, dict)), {})
    place = Location(
        text(where, "repository", "bucket", "image", "channel_name", "project", "issue", "collection_name", "workspace_name", "location"),
        text(where, "file", "path", "filename"),
        number(where, "line"),
        text(where, "commit"),
        text(where, "link"),
    )
    since, what = earliest((moment(where, "timestamp", "date"), "the commit" if place.commit else "the find"))
    return Alert(
        "trufflehog",
        "",
        text(data, "DetectorName"),
        (place,),
        since,
        what,
        packed(data, "Raw") or secret(data, "Raw", "RawV2"),  # the first versions of 3 write base64
        (),
        ends(data, "Raw", "RawV2", "Redacted"),
        boolean(data, "Verified") or None,  # `false` also means that it was told not to try
        text(where, "visibility") == "public",
    )


def _trufflehog_legacy(data: Json) -> Alert:
    """One string of a commit, as TruffleHog 2 and `--json-legacy` write it (see `single`)."""
    if not isinstance(data.get("stringsFound"), list) or not text(data, "commitHash", "path"):
        raise NotThatFormat("a legacy TruffleHog finding has `stringsFound` and `commitHash`")
    place = Location("", text(data, "path"), 0, text(data, "commitHash"))
    found = [value for value in data["stringsFound"] if isinstance(value, str)]
    since, what = earliest((moment(data, "date"), "the commit"))
    return Alert("trufflehog", "", text(data, "reason"), (place,), since, what, secret({"found": found[0]}, "found") if found else None)


def single(data: Json) -> list[Json]:
    """A legacy TruffleHog finding of several strings as one for each, any other row as it is."""
    found = data.get("stringsFound")
    if not isinstance(found, list) or len(found) < 2:
        return [data]
    return [{**data, "stringsFound": [value]} for value in dict.fromkeys(value for value in found if isinstance(value, str))]


def gitleaks(data: Json) -> Alert:
    """One finding of a gitleaks or betterleaks 1 report, or a row of its CSV."""
    if text(data, "rule") and "offender" in data:
        return _gitleaks_7(data)
    if not text(data, "RuleID") or "StartLine" not in data:
        raise NotThatFormat("a gitleaks finding has `RuleID` and `StartLine`")
    place = Location("", text(data, "File", "SymlinkFile"), number(data, "StartLine"), text(data, "Commit"), text(data, "Link"))
    since, what = earliest((moment(data, "Date"), "the commit"))
    kind = f"{text(data, 'RuleID')} {text(data, 'Description')}".strip()
    return Alert(
        "gitleaks", text(data, "Fingerprint"), kind, (place,), since, what, secret(data, "Secret"), ends=ends(data, "Secret", "Match")
    )


def betterleaks(data: Json) -> Alert:
    """One finding of betterleaks 2: `match` holds the value, and its SHA-256 where that is masked."""
    match, more, where = obj(data, "match"), obj(data, "attributes"), obj(data, "location")
    match = match or {"value": data.get("secret"), "full": data.get("match")}
    if not text(data, "rule_id", "ruleID") or not where:
        raise NotThatFormat("a betterleaks finding has `rule_id` and `location`")
    place = Location(
        text(more, "git.remote_url"),
        text(where, "path") or text(more, "path", "fs.symlink"),
        number(where, "start_line", "startLine"),
        text(more, "git.sha"),
    )
    since, what = earliest((moment(more, "git.date"), "the commit"))
    kind = f"{text(data, 'rule_id', 'ruleID')} {text(data, 'description')}".strip()
    found, live = secret(match, "value"), text(obj(data, "analysis"), "status") or text(obj(data, "validation"), "status")
    return Alert(
        "betterleaks",
        "",
        kind,
        (place,),
        since,
        what,
        found,
        hashes(match, sha256="fingerprint"),
        ends(match, "value", "full"),
        {"valid": True, "active": True, "invalid": False, "revoked": False, "inactive": False}.get(live.lower()),
    )


def _gitleaks_7(data: Json) -> Alert:
    place = Location(
        text(data, "repoURL", "repo"), text(data, "file"), number(data, "lineNumber"), text(data, "commit"), text(data, "leakURL")
    )
    since, what = earliest((moment(data, "date"), "the commit"))
    return Alert("gitleaks", "", text(data, "rule"), (place,), since, what, secret(data, "offender"))


def kingfisher(data: Json) -> Alert:
    """One finding: a row of `findings` in its JSON, or a line of its JSONL. Without `--no-dedup` it stands for all of its value."""
    finding, rule = obj(data, "finding"), obj(data, "rule")
    if not finding or not text(rule, "id", "name"):
        raise NotThatFormat("a kingfisher finding has `rule` and `finding`")
    commit = obj(finding, "git_metadata", "commit")
    place = Location(
        text(obj(finding, "git_metadata"), "repository_url"),
        text(finding, "path"),
        number(finding, "line"),
        text(commit, "id"),
        text(obj(finding, "git_metadata", "file"), "url") or text(commit, "url"),
    )
    since, what = earliest((moment(commit, "date") or moment(obj(commit, "committer"), "timestamp", "date"), "the commit"))
    status = text(obj(finding, "validation"), "status").lower()
    live = True if status.startswith("active") else False if status.startswith("inactive") else None
    kind = " ".join(dict.fromkeys(part for part in (text(rule, "description", "name"), text(rule, "id")) if part))
    return Alert(
        "kingfisher", text(finding, "fingerprint"), kind, (place,), since, what, secret(finding, "snippet"), live=live, one_place=True
    )
