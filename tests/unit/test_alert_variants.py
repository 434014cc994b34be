"""Reports of the same scanners by other versions, outputs and hands: other fields, other separators, other wrappings."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from ir import alerts
from ir.alerts import StoredKey
from ir.core.secret import Secret
from tests.unit import alert_samples as samples

HEAD = "RuleID,Commit,File,SymlinkFile,Secret,Match,StartLine,EndLine,Author,Message,Date,Email,Fingerprint"


def in_sarif(place: str, said: str) -> dict[str, Any]:
    """A result whose key is not in its region."""
    report = samples.sarif("")
    row = report["runs"][0]["results"][0]
    del row["locations"][0]["physicalLocation"]["region"]["snippet"]
    if place == "around":
        row["locations"][0]["physicalLocation"]["contextRegion"] = {"startLine": 11, "snippet": {"text": said}}
    else:
        row["message"] = {"text": said}
    return report


def table(key: str, sign: str, mark: str = "") -> str:
    cells = [
        "stripe-access-token",
        "a" * 40,
        ".env",
        "",
        key,
        f"KEY={key}",
        "1",
        "1",
        "A",
        '"two\nlines"',
        "2026-11-20T08:30:00Z",
        "a@b.c",
        "f",
    ]
    heading = sign.join(f"{mark}{name}{mark}" for name in HEAD.split(","))
    return f"{heading}\r\n{sign.join(cells)}\r\n"


def without(report: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in report.items() if field != name}


def cluster(key: str) -> dict[str, Any]:
    pod = {"Namespace": "shop", "Kind": "Deployment", "Name": "pay", "Results": samples.trivy(key)["Results"]}
    return {"ClusterName": "prod", "Resources": [pod, {"Kind": "Service"}]}


def printed(key: str) -> str:
    """What `gitleaks -v` shows on a terminal."""
    return f"Finding:     KEY={key}\nSecret:      {key}\nRuleID:      stripe-access-token\nFile:  .env\nDate:        2026-11-20T08:30:00Z\n"


def form(webhook: dict[str, Any]) -> str:
    return "payload=" + quote(json.dumps(webhook))


REPORTS: dict[str, tuple[Any, str]] = {
    "sarif, lines around": (lambda key: in_sarif("around", f"KEY='{key}'"), "value"),
    "sarif, its message": (lambda key: in_sarif("message", f"Stripe key {key} found"), "value"),
    "trivy as sarif": (lambda key: in_sarif("message", f"Secret Stripe Secret Key\nMatch: KEY='{'*' * 40}{key[40:]}'"), "ends"),
    "trivy of a cluster": (cluster, "ends"),
    "gitlab without its scan": (lambda key: without(samples.gitlab(f"KEY={key}"), "scan"), "value"),
    "detect-secrets without its plugins": (lambda key: without(samples.detect_secrets(key), "plugins_used"), "hash"),
    "gitleaks' csv by a spreadsheet": (lambda key: table(key, ";"), "value"),
    "gitleaks' csv with quotes": (lambda key: table(key, ",", '"'), "value"),
    "gitleaks on a terminal": (printed, "value"),
    "a webhook as a form": (
        lambda key: "payload=" + quote(json.dumps({**samples.github_webhook(), "alert": samples.github_api(key)})),
        "value",
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_key_is_named(name: str) -> None:
    ours, other = samples.modern_key(), samples.modern_key()
    make, by = REPORTS[name]
    made = make(ours)
    held = [StoredKey(Secret(other), ("billing",)), StoredKey(Secret(ours), ("payments",))]
    (leak,) = alerts.leaks(alerts.loads(made if isinstance(made, str) else json.dumps(made), "report"), held)
    assert (leak.keys, leak.by) == (("payments",), by)
    assert ours not in repr(leak)
