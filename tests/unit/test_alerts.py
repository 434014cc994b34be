"""Alerts of secret scanners: what is read out of them, and that nothing in them does harm."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir import alerts
from ir.alerts import Alert, StoredKey
from ir.core.errors import BadFile, UsageError
from ir.core.secret import Secret, fingerprint
from tests.sizes import examples
from tests.unit import alert_samples as samples


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def held(*rows: tuple[str, str]) -> list[StoredKey]:
    return [StoredKey(Secret(value), (name,)) for value, name in rows]


def one(data: object) -> Alert:
    found = alerts.loads(json.dumps(data), "alert.json")
    assert len(found) == 1
    return found[0]


KEY = samples.key()
SHOP = "https://github.com/acme/shop deploy/.env"
CASES: list[tuple[str, Any, str, str, str, bool]] = [
    ("github", samples.github_api(KEY), "acme/shop deploy/.env:7 (af5626b4a114)", "2026-11-20T18:18:30", "the alert", True),
    ("github", samples.github_webhook(), "acme/shop deploy/.env:7 (af5626b4a114)", "2026-11-20T18:18:30", "the alert", False),
    ("github", samples.github_location_webhook(), "acme/api config/prod.yml:3 (bbbbbbbbbbbb)", "2026-11-20T18:18:30", "the alert", False),
    ("gitguardian", samples.gitguardian_api(), "acme/shop first.py:1 (d670460b4b4a)", "2026-11-21T09:00:00", "the commit", False),
    ("gitguardian", samples.gitguardian_webhook(), "an unnamed place", "2026-11-22T14:15:22", "the alert", False),
    ("trufflehog", samples.trufflehog(KEY), f"{SHOP}:4 (fbc14303ffbf)", "2026-11-16T17:17:40", "the commit", True),
    ("gitleaks", [samples.gitleaks(KEY)], "deploy/.env:12 (cccccccccccc)", "2026-11-18T08:00:00", "the commit", True),
    ("kingfisher", {"findings": [samples.kingfisher(KEY)]}, f"{SHOP}:9 (dddddddddddd)", "2026-11-17T11:00:00", "the commit", True),
    ("betterleaks", samples.betterleaks_2(KEY), "deploy/.env:3 (aaaaaaaaaaaa)", "2026-11-20T08:30:00", "the commit", True),
    ("sarif", samples.sarif(KEY), "deploy/.env:12 (cccccccccccc)", "2026-11-18T08:00:00", "the commit", True),
    ("gitlab", samples.gitlab(KEY), "deploy/.env:5 (eeeeeeeeeeee)", "2026-11-19T07:00:00", "the commit", True),
    ("semgrep", samples.semgrep(KEY), "deploy/.env:3 (aaaaaaaaaaaa)", "2026-11-20T08:30:00", "the commit", True),
    ("noseyparker", samples.noseyparker(KEY), "./.git deploy/.env:3 (aaaaaaaaaaaa)", "2026-11-20T08:30:00", "the commit", True),
    ("checkov", samples.checkov(KEY), "deploy/.env:3 (aaaaaaaaaaaa)", "2026-11-20T08:30:00", "the commit", False),
]
FORMS: list[tuple[str, Any]] = [
    ("detect-secrets", samples.detect_secrets(KEY)),
    ("ggshield", samples.ggshield(KEY)),
    ("trivy", samples.trivy(KEY)),
    ("hmsl", samples.hmsl_check(KEY)),
]
"""Reports that hold neither the key nor a time."""


@pytest.mark.parametrize(("scanner", "data", "place", "since", "what", "holds"), CASES)
def test_every_format_tells_where_and_since_when(scanner: str, data: object, place: str, since: str, what: str, holds: bool) -> None:
    alert = one(data)
    assert alert.scanner == scanner and alert.stripe and alert.via == "repo"
    assert str(alert.places[0]) == place
    assert (alert.since, alert.since_what) == (day(since), what)
    assert (alert.secret.fingerprint if alert.secret else "") == (fingerprint(KEY) if holds else "")
    assert alert.live is not False and not alert.closed
    assert KEY not in repr(alert)


def test_every_format_is_covered() -> None:
    assert {case[0] for case in CASES} | {form[0] for form in FORMS} == set(alerts.FORMATS)


def test_json_lines_name_their_line_and_logs_between_them_are_left_out() -> None:
    text = '{"level":"info-0","msg":"running source"}\n' + samples.lines(
        samples.trufflehog(samples.key()), samples.trufflehog(samples.key())
    )
    found = alerts.loads(text + '{"msg":"finished scanning","level":"info-0"}\n', "scan.jsonl")
    assert [alert.line for alert in found] == [2, 3]


def test_the_same_finding_twice_counts_once() -> None:
    row = samples.gitleaks(samples.key())
    assert len(alerts.loads(json.dumps([row, row]), "x")) == 1


@pytest.mark.parametrize(
    "masked",
    ["REDACT", "REDACTED", "sk_" + "live_abc***xyz", "sk_" + "live_51...", "[REDACTED:ab12]", "sk_" + "live_••••••••abcd", "<redacted>"],
)
def test_a_masked_secret_is_none(masked: str) -> None:
    found = one([samples.gitleaks(masked)])
    assert found.secret is None and found.stripe, "it is told by the rule's name instead"


def test_other_fields_do_not_carry_the_secret() -> None:
    secret = "hunter2hunter2hunter2"
    row = samples.gitleaks(secret, file=f"{secret}.txt", rule="generic-api-key")
    alert = one([{**row, "Description": f"Found {secret}"}])
    assert secret not in repr(alert) and not alert.stripe


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("not json", 1),
        ("[]", 0),
        ("{}", 0),
        ("[1]", 0),
        ('"text"', 0),
        ('[{"RuleID": 5}]', 0),
        ("[" * 100_000, 1),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, 1),
        ("1" * 10_000, 1),
        (samples.lines(samples.trufflehog(samples.key())) + '"oops', 2),
        (samples.lines(samples.trufflehog(samples.key())) + '{"unknown": 1}', 2),
        ("NaN", 1),
    ],
)
def test_what_is_no_alert_is_refused_with_file_and_line(text: str, line: int) -> None:
    with pytest.raises(BadFile) as caught:
        alerts.loads(text, "scan.json")
    assert caught.value.line == line and caught.value.file == "scan.json"
    assert len(caught.value.what) < 300 and "scan.json" in caught.value.what


def test_a_file_is_bounded_and_text(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (alerts.MAX_BYTES + 1))
    for name, content in (("binary", b"\xff\xfe" + KEY.encode()), ("missing", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(BadFile) as caught:
            alerts.read_file(str(tmp_path / name))
        assert KEY not in repr(caught.value) and (name == "missing" or caught.value.__context__ is None)
    with pytest.raises(BadFile, match="more than"):
        alerts.read_file(str(large))
    with pytest.raises(BadFile, match="alerts"):
        alerts.loads(json.dumps([samples.github_api(None, n) for n in range(1, alerts.MAX_ALERTS + 2)]), "many.json")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["\ud800", "9" * 400, "\x1b[2J"])
TREES = st.recursive(LEAVES, lambda deep: st.lists(deep, max_size=3) | st.dictionaries(st.text(max_size=8), deep, max_size=3), max_leaves=8)


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A real alert in which some fields hold something else."""
    data = json.loads(json.dumps(draw(st.sampled_from([*(case[1] for case in CASES), *(form[1] for form in FORMS)]))))

    def walk(node: Any) -> Any:
        if draw(st.integers(0, 9)) == 0:
            return draw(TREES)
        if isinstance(node, dict):
            return {name: walk(value) for name, value in node.items()}
        return [walk(value) for value in node] if isinstance(node, list) else node

    return walk(data)


@settings(max_examples=examples(150), deadline=None)
@given(damaged())
def test_damaged_alerts_are_read_or_refused(data: object) -> None:
    try:
        found = alerts.loads(json.dumps(data), "x.json")
    except BadFile:
        return
    for alert in found:
        assert all(str(place).isprintable() and len(str(place)) < 1000 for place in alert.places)
        assert alert.kind.isprintable() and KEY not in repr(alert) and 0 <= alert.since < 5e9
    assert alerts.leaks(found, [])


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=60) | TREES.map(json.dumps))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadFile):
        alerts.loads(text, "x.json")


# ── which key ──


def test_a_leak_is_a_key_by_its_fingerprint_and_what_lies_beside_it_is_named() -> None:
    stripe, other, aws = samples.key(), samples.key("rk"), "AKIA" + "Q" * 16
    rows = [
        samples.gitleaks(stripe),
        samples.gitleaks(other),
        samples.gitleaks(aws, rule="aws-access-token"),
        samples.gitleaks("zz" * 10, file="elsewhere"),
    ]
    found = alerts.leaks(alerts.loads(json.dumps(rows), "x"), held((stripe, "payments"), (other, "refunds")))
    assert [leak.keys for leak in found] == [("payments",), ("refunds",), (), ()]
    assert found[0].beside[0] == "key refunds" and "aws-access-token" in found[0].beside[1] and len(found[0].beside) == 2


def test_the_earliest_time_of_all_alerts_counts() -> None:
    secret = samples.key()
    both = alerts.loads(samples.lines(samples.trufflehog(secret), samples.trufflehog(secret, "other.py")), "x")
    late = alerts.loads(json.dumps(samples.github_api(secret)), "y")
    leak = alerts.leaks((*late, *both), [])
    assert len(leak) == 1 and leak[0].since == day("2026-11-16T17:17:40") and len(leak[0].places) == 3


def test_a_paste_is_the_key_of_the_one_alert_that_does_not_hold_it() -> None:
    pasted = Secret(samples.key())
    found = alerts.leaks(alerts.loads(json.dumps(samples.gitguardian_api()), "x"), [StoredKey(pasted, ("payments",))], pasted)
    assert found[0].keys == ("payments",) and found[0].secret == pasted


def choose(rows: list[Any], held: list[StoredKey], key: str = "") -> alerts.Leak:
    return alerts.the_leak(alerts.leaks(alerts.loads(json.dumps(rows), "x"), held), "x", key, None)


def test_one_rotation_takes_one_leak() -> None:
    first, second = samples.key(), samples.key()
    rows, stores = [samples.gitleaks(first), samples.gitleaks(second)], held((first, "a"), (second, "b"))
    with pytest.raises(UsageError) as caught:
        choose(rows, stores)
    assert caught.value.next_step == "name it: a, b"
    assert choose(rows, stores, "b").keys == ("b",)
    with pytest.raises(UsageError):
        choose(rows, stores, "c")
    closed = {**samples.github_api(first, 1), "state": "resolved"}
    assert choose([closed, samples.github_api(second, 2)], stores).keys == ("b",)


def test_what_trufflehog_did_not_verify_is_not_called_dead() -> None:
    assert one({**samples.trufflehog(KEY), "Verified": False}).live is None, "it writes so too when it was told not to try"


def test_older_forms_of_trufflehog_and_gitleaks() -> None:
    first, second = samples.key(), samples.key("rk")
    legacy = {
        "branch": "main",
        "commit": "oops\n",
        "commitHash": "e" * 40,
        "date": "2026-11-16 10:17:40",
        "diff": f"+KEY={first}",
        "path": "deploy/.env",
        "printDiff": f"+KEY=\x1b[93m{first}\x1b[0m",
        "reason": "Stripe",
        "stringsFound": [first, second, first],
    }
    seven = {
        "line": f"KEY={first}",
        "lineNumber": 30,
        "offender": first,
        "offenderEntropy": -1,
        "commit": "e" * 40,
        "repo": "shop",
        "repoURL": "https://github.com/acme/shop",
        "leakURL": "",
        "rule": "Stripe API key",
        "commitMessage": "oops",
        "file": "deploy/.env",
        "date": "2026-11-17T13:25:48Z",
        "tags": "key, Stripe",
    }
    found = alerts.loads(samples.lines(legacy, seven), "old.jsonl")
    assert [(a.scanner, a.secret) for a in found] == [
        ("trufflehog", Secret(first)),
        ("trufflehog", Secret(second)),
        ("gitleaks", Secret(first)),
    ]
    assert found[0].since == 1794824260 and found[0].via == "repo" and found[2].places[0].line == 30
    (leak, other) = alerts.leaks(found, [])
    assert leak.since == found[0].since and len(leak.alerts) == 2 and other.beside == ("Stripe in deploy/.env (eeeeeeeeeeee)",)
    zero = alerts.loads(json.dumps([{**seven, "date": "0001-01-01T00:00:00Z", "offender": "REDACTED", "commit": ""}]), "old.json")
    assert (zero[0].since, zero[0].secret) == (0.0, None)


def test_documents_one_after_the_other() -> None:
    keys = [samples.key() for _ in range(4)]
    pages = json.dumps([samples.github_api(keys[0], 1)]) + json.dumps([samples.github_api(keys[1], 2)], indent=2)
    assert [a.id for a in alerts.loads(pages, "gh.json")] == ["1", "2"], "as `gh api --paginate` writes its pages"
    spread = "".join(json.dumps(samples.trufflehog(key), indent=2) + "\n" for key in keys[:2])
    assert [a.line for a in alerts.loads(spread, "jq.json")] == [1, spread.count("\n", 0, spread.index("}\n{") + 2) + 1]
    envelopes = samples.lines(
        {"findings": [samples.kingfisher(keys[2])], "access_map": None, "audit": {}},
        {"findings": []},
        {"findings": [samples.kingfisher(keys[3])]},
    )
    assert [a.secret for a in alerts.loads(envelopes, "kf.jsonl")] == [Secret(keys[2]), Secret(keys[3])]
    beside = samples.lines(samples.kingfisher(keys[2]), {"access_map": [{"provider": "aws"}]}, {"audit": {"repos": 1}})
    assert len(alerts.loads(beside, "kf.jsonl")) == 1
    broken = samples.lines(samples.trufflehog(keys[0])) + '{"a": \n'
    with pytest.raises(BadFile, match=r"it\.jsonl:2"):
        alerts.loads(broken, "it.jsonl")


def test_a_report_that_a_shell_wrote_as_utf_16(tmp_path: Path) -> None:
    key = samples.key()
    (tmp_path / "report.json").write_bytes(json.dumps([samples.gitleaks(key)]).encode("utf-16"))
    assert alerts.read_file(str(tmp_path / "report.json"))[0].secret == Secret(key)


def test_a_webhooks_signing_secret_is_told_from_a_key() -> None:
    signing = "whsec_" + secrets.token_hex(16)
    bare = {
        **samples.github_api(None, 7),
        "secret_type": "stripe_webhook_signing_secret",
        "secret_type_display_name": "Stripe Webhook Signing Secret",
    }
    found = alerts.loads(json.dumps([{**bare, "number": 8, "secret": signing}, bare]), "it.json")
    assert [(a.stripe, a.webhook) for a in found] == [(False, True), (False, True)]
    leak = alerts.leaks(found, held((signing, "shop-events")))[0]
    assert leak.webhook and leak.keys == ("shop-events",)


def test_gitguardians_list_of_occurrences() -> None:
    whole = samples.gitguardian_api()
    row = {**whole["occurrences"][0], "incident": {k: v for k, v in whole.items() if k != "occurrences"}}
    (found,) = alerts.loads(json.dumps([row]), "it.json")
    assert found.id == "3759" and found.places[0].file == "later.py" and found.places[0].source == "acme/shop"
