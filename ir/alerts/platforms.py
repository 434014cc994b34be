"""GitHub secret scanning and GitGuardian: webhook bodies, and what their APIs answer.

GitHub: https://docs.github.com/webhooks (`secret_scanning_alert`, `secret_scanning_alert_location`) and
https://docs.github.com/rest/secret-scanning; the API gives the secret, the webhook does not.
GitGuardian: https://docs.gitguardian.com (custom webhook, API `/v1/incidents/secrets`); neither gives the secret.
"""

from ir.alerts.alert import Alert, Place
from ir.alerts.fields import NotThatFormat, earliest, moment, number, obj, rows, secret, text, truth
from ir.core.model import Json


def github(data: Json) -> Alert:
    """A webhook body, or one alert as the API gives it."""
    alert = obj(data, "alert") or data
    if not text(alert, "secret_type", "secret_type_display_name") or not text(alert, "number", "html_url", "url"):
        raise NotThatFormat("a GitHub alert has `secret_type` and `number`")
    repository = obj(alert, "repository") or obj(data, "repository")
    first = obj(alert, "first_location_detected")
    where = [obj(data, "location", "details"), obj(first, "details") or first]
    places = tuple(
        Place(
            text(repository, "full_name", "name"),
            text(place, "path"),
            number(place, "start_line"),
            text(place, "commit_sha"),
            text(alert, "html_url"),
        )
        for place in where
        if place
    ) or (Place(text(repository, "full_name", "name"), url=text(alert, "html_url")),)
    since, what = earliest((moment(alert, "created_at"), "the alert"))
    return Alert(
        "github",
        text(alert, "number"),
        text(alert, "secret_type_display_name", "secret_type"),
        places,
        since,
        what,
        secret(alert, "secret"),
        {"active": True, "inactive": False}.get(text(alert, "validity")),
        truth(alert, "publicly_leaked") is True or truth(repository, "private") is False,
        text(alert, "state") == "resolved",
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
    places = tuple(_occurrence(row) for row in dated) or (Place(url=text(incident, "gitguardian_url", "share_url")),)
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
        {"valid": True, "invalid": False}.get(validity),
        any(text(obj(row, "source"), "visibility") == "public" for row in found) or text(incident, "visibility") == "public",
        text(incident, "status").upper() in ("RESOLVED", "IGNORED"),
    )


def _occurrence(row: Json) -> Place:
    source, matches = obj(row, "source"), [m for m in rows(row, "matches") if isinstance(m, dict)]
    line = number(matches[0], "post_line_start", "pre_line_start", "line_start") if matches else 0
    return Place(
        text(source, "full_name", "url"), text(row, "filepath", "file_path"), line, text(row, "sha", "commit_sha"), text(row, "url")
    )
