"""GitHub secret scanning and GitGuardian: webhook bodies, and the answers of their APIs.

GitHub: https://docs.github.com/webhooks (`secret_scanning_alert`, `secret_scanning_alert_location`) and
https://docs.github.com/rest/secret-scanning; the API gives the secret, the webhook does not. A secret may also have been
found in an issue, a pull request or a discussion: then the location is the address of one of these.
Partner programme: https://docs.github.com/code-security/tutorials/secret-scanning-partner-program (`token`, `type`, `url`, `source`).
GitGuardian: https://docs.gitguardian.com (custom webhook, API `/v1/incidents/secrets`); neither gives the secret, both give
its `hmsl_hash`. `ggshield hmsl check --json` (verticals/hmsl/output.py) gives hash and first address.
"""

import re

from ir.alerts.alert import Alert, Location
from ir.alerts.fields import NotThatFormat, boolean, earliest, ends, hashes, moment, number, obj, rows, secret, text
from ir.core.model import Json

_API = re.compile(r"https://api\.github\.com/repos/([^/\s]+/[^/\s]+)/(.*)")
_BLOB = re.compile(r"https://github\.com/([^/\s]+/[^/\s]+)/blob/([0-9a-f]{7,64})/([^#\s]+)(?:#L(\d{1,7}))?")
_ISSUE_PARTS = ("issue", "pull_request", "discussion")


def github(data: Json) -> Alert:
    """A webhook body, one alert as the API gives it, a row of its list of locations, or a match for a partner."""
    if "token" in data:
        return _partner(data)
    if set(data) == {"type", "details"}:
        return _location(data)
    alert = obj(data, "alert") or data
    if not text(alert, "secret_type", "secret_type_display_name") or not text(alert, "number", "html_url", "url"):
        raise NotThatFormat("a GitHub alert has `secret_type` and `number`")
    repository = obj(alert, "repository") or obj(data, "repository")
    first = obj(alert, "first_location_detected")
    where = [obj(data, "location", "details"), obj(first, "details") or first]
    name = text(repository, "full_name", "name")
    places = tuple(_place(name, place, text(alert, "html_url")) for place in where if place) or (
        Location(name, url=text(alert, "html_url")),
    )
    since, what = earliest((moment(alert, "created_at"), "the alert"))
    return Alert(
        "github",
        text(alert, "number"),
        text(alert, "secret_type_display_name", "secret_type"),
        places,
        since,
        what,
        secret(alert, "secret"),
        (),
        ends(alert, "secret"),
        {"active": True, "inactive": False}.get(text(alert, "validity")),
        boolean(alert, "publicly_leaked") is True or boolean(repository, "private") is False,
        text(alert, "state") == "resolved",
    )


def _partner(data: Json) -> Alert:
    """A match as GitHub's partner programme sends it to the issuer of a key, who forwards it; it searches what is public."""
    found = secret(data, "token")
    if not {"token", "type"} <= set(data) <= {"token", "type", "url", "source"} or not ({"url", "source"} & set(data)):
        raise NotThatFormat("a match of GitHub's partner programme has `token`, `type`, `url` and `source`")
    blob = _BLOB.match(text(data, "url"))
    place = Location(url=text(data, "url"))
    if blob:
        place = Location(blob[1], blob[3], int(blob[4] or 0), blob[2], place.url)
    return Alert("github", "", text(data, "type"), (place,), secret=found, ends=ends(data, "token"), public=True)


def _location(data: Json) -> Alert:
    """A row of an alert's list of locations, which does not say what was found."""
    kind, details = text(data, "type"), obj(data, "details")
    if not details or not (kind == "commit" or kind.startswith(_ISSUE_PARTS)):
        raise NotThatFormat("a GitHub location has `type` and `details`")
    return Alert("github", "", "a secret that its list of locations does not name", (_place("", details, ""),))


def _place(repository: str, details: Json, url: str) -> Location:
    """The place: of a commit its path, line and commit; of an issue, a pull request or a discussion its address."""
    address = next((text(details, name) for name in details if name.startswith(_ISSUE_PARTS) and name.endswith("_url")), "")
    api = _API.fullmatch(address or text(details, "commit_url", "blob_url"))
    shown = f"https://github.com/{api.group(1)}/{api.group(2)}" if api and address else address
    return Location(
        repository or (api.group(1) if api else ""),
        text(details, "path"),
        number(details, "start_line"),
        text(details, "commit_sha"),
        shown or url,
    )


def hmsl(data: Json) -> Alert:
    """A row that `ggshield hmsl check --json` found in public repositories, by a hash alone."""
    found = hashes(data, hmsl="hash")
    if not found or "count" not in data:
        raise NotThatFormat("a HasMySecretLeaked row has `hash` and `count`")
    return Alert(
        "hmsl", found[0].hex[:16], "a secret seen in public repositories", (Location(url=text(data, "url")),), hashes=found, public=True
    )


def gitguardian(data: Json) -> Alert:
    """A custom webhook's body (`incident` inside), or one incident as the API gives it."""
    incident = obj(data, "incident") or data
    detector = obj(incident, "detector")
    if not detector or not text(incident, "id", "gitguardian_url"):
        raise NotThatFormat("a GitGuardian incident has `id` and `detector`")
    own = data if incident is not data and text(data, "filepath") else {}  # a row of the API's list of occurrences
    found = [
        row
        for row in (*rows(incident, "occurrences"), *rows(data, "occurrences"), obj(data, "occurrence"), own)
        if isinstance(row, dict) and row
    ]
    dated = sorted(found, key=lambda row: moment(row, "date", "created_at") or float("inf"))
    places = tuple(_occurrence(row) for row in dated) or (Location(url=text(incident, "gitguardian_url", "share_url")),)
    first = (moment(dated[0], "date", "created_at"), "the commit") if dated else (0.0, "")
    since, what = earliest(first, (moment(incident, "date", "triggered_at"), "the alert"))
    validity = text(incident, "validity", "secret_validity")
    return Alert(
        "gitguardian",
        text(incident, "id"),
        text(detector, "display_name", "name"),
        places,
        since,
        what,
        None,
        hashes(incident, hmsl="hmsl_hash"),
        None,
        {"valid": True, "invalid": False}.get(validity),
        any(text(obj(row, "source"), "visibility") == "public" for row in found) or text(incident, "visibility") == "public",
        text(incident, "status").upper() in ("RESOLVED", "IGNORED"),
    )


def _occurrence(row: Json) -> Location:
    source, matches = obj(row, "source"), [m for m in rows(row, "matches") if isinstance(m, dict)]
    line = number(matches[0], "post_line_start", "pre_line_start", "line_start") if matches else 0
    return Location(
        text(source, "full_name", "url"), text(row, "filepath", "file_path"), line, text(row, "sha", "commit_sha"), text(row, "url")
    )
