"""Semgrep, Nosey Parker and Checkov, and reports that scanners print for people."""

import base64
import html
import json
import time
from typing import Any

import pytest

from ir import alerts
from ir.alerts import StoredKey
from ir.core.errors import BadFile
from ir.core.secret import Secret
from tests.unit import alert_samples as samples

COMMIT = "a" * 40
TERRAFORM = {"check_type": "terraform", "results": {"failed_checks": [{"check_id": "CKV_AWS_1", "file_path": "/a.tf"}]}}
SINCE = 1_795_163_400.0  # 2026-11-20T08:30:00Z


def hog(key: str) -> str:
    return (
        f"\U0001f437\U0001f511\U0001f437  TruffleHog. Unearth your secrets.\n\n2026-11-20T08:31:00Z\tinfo-0\ttrufflehog\trunning source\n"
        f"\u2705 Found verified result \U0001f437\U0001f511\nDetector Type: Stripe\nDecoder Type: PLAIN\nRaw result: {key}\n"
        f"Commit: {COMMIT}\nFile: deploy/.env\nLine: 3\nRepository: https://github.com/acme/shop.git\n"
        "Timestamp: 2026-11-20 08:30:00 +0000\n\n"
    )


def leaks(key: str) -> str:
    return (
        f"Finding:     STRIPE={key}\nSecret:      {key}\nRuleID:      stripe-access-token\nEntropy:     4.5\nFile:        deploy/.env\n"
        f"Line:        3\nCommit:      {COMMIT}\nDate:        2026-11-20T08:30:00Z\nFingerprint: f\n\n8:30AM INF 3 commits scanned.\n"
    )


def junit(key: str) -> str:
    row = {"RuleID": "stripe-access-token", "StartLine": 3, "Match": f"K={key}", "Secret": key, "File": "deploy/.env", "Commit": COMMIT}
    said = html.escape(json.dumps({**row, "Date": "2026-11-20T08:30:00Z"}))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite failures="1" name="gitleaks">'
        f'<testcase name="n"><failure message="m" type="Stripe">{said}</failure></testcase></testsuite></testsuites>\n'
    )


def first_of_3(key: str) -> dict[str, Any]:
    """The first versions of TruffleHog 3 wrote base64."""
    return {**samples.trufflehog(key), "Raw": base64.b64encode(key.encode()).decode(), "RawV2": ""}


def old_parker(key: str) -> list[dict[str, Any]]:
    place = {"provenance": {"kind": "git_repo", "path": "./.git"}, "location": {"source_span": {"start": {"line": 5}}}}
    return [{"rule_name": "Stripe API Key", "match_content": key, "num_matches": 1, "matches": [{**place, "match_content": key}]}]


def with_metavars(key: str) -> dict[str, Any]:
    report = samples.semgrep("", lines="requires login")
    row = report["results"][0]
    row["check_id"] = "acme.stripe-live"
    row["extra"] = {"message": "x", "metadata": {}, "lines": "requires login", "metavars": {"$KEY": {"abstract_content": f'"{key}"'}}}
    return report


HELD: dict[str, tuple[Any, str]] = {
    "semgrep": (samples.semgrep, "value"),
    "semgrep, in a variable": (with_metavars, "value"),
    "noseyparker": (lambda key: [samples.noseyparker(key)], "value"),
    "noseyparker, a line each": (lambda key: samples.lines(samples.noseyparker(key)), "value"),
    "noseyparker 0.12": (old_parker, "value"),
    "checkov": (samples.checkov, "hash"),
    "checkov, the whole key": (lambda key: samples.checkov(key, 200), "hash"),
    "checkov of several frameworks": (lambda key: [TERRAFORM, samples.checkov(key)], "hash"),
    "the first trufflehog 3": (first_of_3, "value"),
    "trufflehog as text": (hog, "value"),
    "gitleaks as text": (leaks, "value"),
    "gitleaks as junit": (junit, "value"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_the_row_is_named_and_the_key_is_not_shown(name: str) -> None:
    make, by = HELD[name]
    ours, other = samples.modern_key(), samples.modern_key()
    data = make(ours)
    text = data if isinstance(data, str) else json.dumps(data)
    (leak,) = alerts.leaks(alerts.loads(text, "report"), [StoredKey(Secret(other), ("billing",)), StoredKey(Secret(ours), ("payments",))])
    assert (leak.keys, leak.by) == (("payments",), by)
    assert leak.stripe and ours not in repr(leak) and ours[40:] not in repr(leak) and ours[:30] not in leak.said


@pytest.mark.parametrize("make", [hog, leaks, junit])
def test_printed_reports_tell_where_and_since_when(make: Any) -> None:
    (alert,) = alerts.loads(make(samples.modern_key()), "report")
    place = alert.places[0]
    assert (place.file, place.line, place.commit, alert.since, alert.since_what) == ("deploy/.env", 3, COMMIT, SINCE, "the commit")
    assert alert.live is (True if make is hog else None)


def test_every_match_of_nosey_parker_is_a_place() -> None:
    (alert,) = alerts.loads(json.dumps(samples.noseyparker(samples.modern_key())), "report")
    assert [str(place) for place in alert.places] == ["./.git deploy/.env:3 (aaaaaaaaaaaa)", "/src/.env:3"]


def test_annotations_of_a_job_name_the_place() -> None:
    (alert,) = alerts.loads("::warning file=deploy/.env,line=3,endLine=3::Found verified Stripe result \U0001f437\n", "log")
    assert (str(alert.places[0]), alert.stripe, alert.live, alert.secret) == ("deploy/.env:3", True, True, None)


def test_a_blocked_push_names_each_place() -> None:
    line, rule = "\u2014" * 20, "\u2014\u2014"
    text = (
        "remote: error: GH013: Repository rule violations found for refs/heads/main.\nremote: - GITHUB PUSH PROTECTION\n"
        f"remote:   {line}\nremote:     - Push cannot contain secrets\n"
        f"remote:       {rule} Stripe API Key {line}\nremote:        locations:\n"
        f"remote:          - commit: {COMMIT}\nremote:            path: deploy/.env:3\n"
        f"remote:          - commit: {'b' * 40}\nremote:            path: src/pay.py:7\n"
        " ! [remote rejected] main -> main (push declined due to repository rule violations)\n"
    )
    found = alerts.loads(text, "push.log")
    assert [str(alert.places[0]) for alert in found] == ["deploy/.env:3 (aaaaaaaaaaaa)", "src/pay.py:7 (bbbbbbbbbbbb)"]
    assert all(alert.stripe and alert.scanner == "github" for alert in found)


def test_what_is_no_secret_is_no_alert() -> None:
    """A rule about Stripe's webhooks, and one about Terraform."""
    report = samples.semgrep("")
    row = report["results"][0]
    row["check_id"], row["extra"] = (
        "python.stripe.webhook-not-verified",
        {"message": "x", "metadata": {"category": "security"}, "lines": "x"},
    )
    for data in (report, TERRAFORM):
        with pytest.raises(BadFile, match="holds no alert"):
            alerts.loads(json.dumps(data), "report")


def test_dead_and_dismissed() -> None:
    report = samples.semgrep(samples.modern_key())
    report["results"][0]["extra"] |= {"validation_state": "CONFIRMED_INVALID", "is_ignored": True}
    (dead,) = alerts.loads(json.dumps(report), "report")
    (told,) = alerts.loads(json.dumps({**samples.noseyparker(samples.modern_key()), "statuses": ["reject"]}), "report")
    assert (dead.live, dead.closed, told.closed) == (False, True, True)


@pytest.mark.parametrize(
    "part", ["Finding: x\nSecret: " + " " * 50, "remote:   - commit: a\n", "<failure" + " a" * 40, "Found verified result\nA: b\n"]
)
def test_hostile_text_is_read_in_linear_time(part: str) -> None:
    took = []
    for times in (4_000, 16_000):
        text = "remote: - GITHUB PUSH PROTECTION\n" * (part[0] == "r") + '<?xml version="1"?><testsuites>' * (part[0] == "<") + part * times
        began = time.process_time()
        with pytest.raises(BadFile):
            alerts.loads(text, "report")
        took.append(time.process_time() - began)
    assert took[1] < 8 * took[0] + 1
