"""Reports as scanners really write them, and which row of the inventory they are about when they do not hold the key."""

import csv
import io
import json
import time
from typing import Any

import pytest

from ir import alerts
from ir.alerts import StoredKey
from ir.core.errors import BadFile, UsageError
from ir.core.secret import Secret
from tests.unit import alert_samples as samples


def stores(*values: str) -> list[StoredKey]:
    return [StoredKey(Secret(value), (name,)) for name, value in zip(("payments", "billing", "search"), values, strict=False)]


def told(data: object, held: list[StoredKey]) -> alerts.Leak:
    """The one leak of a report."""
    text = data if isinstance(data, str) else json.dumps(data)
    (leak,) = alerts.leaks(alerts.loads(text, "report"), held)
    return leak


# ── what names a key without holding it ──


@pytest.mark.parametrize(
    ("make", "by"),
    [
        (lambda key: samples.betterleaks_2(None, of=key), "hash"),
        (lambda key: samples.detect_secrets(key), "hash"),
        (lambda key: samples.detect_secrets(key, length=200), "hash"),
        (lambda key: samples.ggshield(key, shown="*" * 60), "hash"),
        (lambda key: samples.hmsl_check(key), "hash"),
        (lambda key: {**samples.gitguardian_api(), "hmsl_hash": samples.hmsl_hash(key)}, "hash"),
        (lambda key: [samples.gitleaks(key[:32])], "beginning"),
        (lambda key: [samples.gitleaks(key[:40])], "beginning"),
        (lambda key: [samples.gitleaks(key[:60] + "...")], "ends"),
        (lambda key: samples.trivy(key), "ends"),
        (lambda key: samples.sarif(f"KEY={key[:12]}****{key[-6:]}"), "ends"),
        (lambda key: samples.sarif(f"STRIPE_KEY = '{key}'  # live"), "value"),
        (lambda key: samples.gitlab(f"KEY={key}"), "value"),
        (lambda key: samples.trufflehog(key), "value"),
    ],
)
def test_the_row_is_named_without_the_key(make: Any, by: str) -> None:
    ours, other = samples.modern_key(), samples.modern_key()
    leak = told(make(ours), stores(other, ours))
    assert (leak.keys, leak.by, leak.secret) == (("billing",), by, Secret(ours)), "and the whole value is the stores'"
    assert leak.stripe and not leak.cut and ours not in repr(leak) and ours[40:] not in repr(leak)
    stranger = told(make(samples.modern_key()), stores(other, ours))
    assert stranger.keys == () and stranger.by == ""


def test_a_beginning_that_several_values_share_names_none() -> None:
    first = samples.modern_key()
    twin = first[:60] + "0" * 47 if first[60:] != "0" * 47 else first[:60] + "1" * 47
    leak = told([samples.gitleaks(first[:32])], stores(first, twin))
    assert leak.keys == () and leak.cut
    account = told([samples.gitleaks(first[:25])], stores(first))
    assert account.keys == (), "all keys of the account begin so"


def test_a_cut_key_that_no_store_holds_is_not_sent_in_a_circle() -> None:
    cut, held = samples.modern_key()[:32], stores(samples.modern_key())
    found = alerts.leaks(alerts.loads(json.dumps([samples.gitleaks(cut)]), "x"), held)
    assert found[0].cut and alerts.the_leak(found, "x", "payments", None) is found[0], "a named row decides"


def test_one_leak_that_two_scanners_name_in_two_ways() -> None:
    key = samples.modern_key()
    rows = samples.lines(samples.gitleaks(key[:32]), samples.betterleaks_2(None, of=key), samples.hmsl_check(key))
    leak = told(rows, stores(key))
    assert {alert.scanner for alert in leak.alerts} == {"gitleaks", "betterleaks", "hmsl"} and leak.public


def test_an_old_key_of_24_characters_is_not_called_cut() -> None:
    old = "sk_" + "live_" + "4e" + "C3" * 11
    assert not told([samples.gitleaks(old)], []).cut


# ── forms ──


def test_kingfisher_on_standard_output_is_two_documents() -> None:
    key = samples.key()
    totals = {"findings": 1, "successful_validations": 0, "rules_applied": 488, "scan_date": "2026-11-30T00:35:52+00:00", "kingfisher": {}}
    text = json.dumps(samples.kingfisher(key)) + "\n" + json.dumps(totals)
    assert [alert.secret for alert in alerts.loads(text, "kf")] == [Secret(key)]
    salted = told(samples.lines(samples.kingfisher("[REDACTED:3d9f5186]"), totals), stores(key))
    assert salted.stripe and salted.keys == () and salted.secret is None, "its mask is salted and names nothing"
    with pytest.raises(BadFile, match="no alert"):
        alerts.loads(json.dumps(totals) + "\n" + json.dumps(totals), "kf")


def test_what_a_terminal_was_told_and_banners_are_passed_over() -> None:
    key = samples.key()
    noise = "\x1b]11;?\x1b\\\x1b[6n" + json.dumps({"level": "info-2", "msg": "trufflehog 3.92.4"}) + "\n"
    banner = "\x1b[1m TruffleHog. Unearth your secrets. \x1b[0m\n[INFO] scanning 3 files\n2026-11-30T00:00:00Z INF done\n"
    found = alerts.loads(noise + banner + json.dumps(samples.trufflehog(key)) + "\n done.\n", "th")
    assert [(alert.line, alert.secret) for alert in found] == [(5, Secret(key))]
    torn = json.dumps(samples.trufflehog(key))
    for rest in (torn[:-20], "x " + torn[5:], torn[200:]):
        with pytest.raises(BadFile, match=r"th:2"):
            alerts.loads(torn + "\n" + rest, "th")


def test_pages_that_gh_slurped_and_secrets_in_issues() -> None:
    keys = [samples.key(), samples.key()]
    pages = [[samples.github_api(keys[0], 1)], [], [samples.github_api(keys[1], 2)]]
    assert [alert.id for alert in alerts.loads(json.dumps(pages), "gh")] == ["1", "2"]
    issue = {"type": "issue_comment", "details": {"issue_comment_url": "https://api.github.com/repos/acme/shop/issues/comments/7"}}
    hook = {**samples.github_webhook(), "location": issue}
    hook["alert"] = {k: v for k, v in hook["alert"].items() if k != "first_location_detected"}
    place = alerts.loads(json.dumps(hook), "gh")[0].places[0]
    assert (place.source, place.file, place.url) == ("acme/shop", "", "https://github.com/acme/shop/issues/comments/7")
    first = {**samples.github_api(keys[0]), "first_location_detected": issue["details"]}
    assert alerts.loads(json.dumps(first), "gh")[0].places[0].url == place.url
    (alone,) = alerts.loads(json.dumps([issue]), "gh")
    assert not alone.stripe and alone.places[0].source == "acme/shop"


def test_gitleaks_as_csv() -> None:
    key, out = samples.key(), io.StringIO()
    row = {k: v for k, v in samples.gitleaks(key).items() if k not in ("Description", "Entropy")}
    writer = csv.DictWriter(out, ["RuleID", "Commit", "File", *(k for k in row if k not in ("RuleID", "Commit", "File"))])
    writer.writeheader()
    writer.writerows([row, {**row, "Message": "two\nlines", "StartLine": "9"}])
    found = alerts.loads(out.getvalue(), "report.csv")
    assert [(alert.secret, alert.places[0].line) for alert in found] == [(Secret(key), 12), (Secret(key), 9)]
    with pytest.raises(BadFile) as caught:
        alerts.loads(out.getvalue() + '"' + "x" * 200_000, "report.csv")
    assert caught.value.__context__ is None and key not in str(caught.value)


def test_dead_and_closed_as_reports_say_it() -> None:
    key = samples.key()
    dead = samples.betterleaks_2(key)
    dead["findings"][0]["analysis"] = {"status": "revoked"}
    assert told(dead, []).live is False
    no = samples.detect_secrets(key)
    no["results"]["deploy/.env"][0]["is_secret"] = False
    assert not told(no, []).open
    quiet = samples.sarif(key)
    quiet["runs"][0]["results"][0]["suppressions"] = [{"kind": "inSource"}]
    assert not told(quiet, []).open


# ── the plain e-mail ──

MAIL = """From: Stripe <notifications@stripe.com>
Subject: Your API key may be compromised
Date: Mon, 30 Nov 2026 03:20:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"

Hello,
we found your live secret key ending in {tail} at
https://github.com/acme/shop/blob/{sha}/deploy/.env#L7 on November 30, 2026 at 3:12 AM UTC.
It will be deactivated on December 7, 2026 at 3:12 AM UTC: https://dashboard.stripe.com/apikeys
"""


def test_the_mail_tells_which_key_where_and_since_when() -> None:
    key = samples.modern_key()[:-4] + "x9Z1"
    leak = told(MAIL.format(tail="x9Z1", sha="a" * 40), stores(samples.modern_key(), key))
    assert leak.keys == ("billing",) and leak.by == "ends" and leak.stripe
    assert str(leak.places[0]) == "acme/shop deploy/.env:7 (aaaaaaaaaaaa)" and leak.via == "repo"
    assert leak.since == 1796008320, "the deadline is no time of the leak"


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ("Stripe: sk_" + "live_...x9Z1 was seen on 2026-11-30 03:12 UTC", 1796008320),
        ("Stripe key sk_" + "live_51****x9Z1, 2026-11-29T22:12:00-05:00", 1796008320),
        ("your Stripe key (last four: x9Z1) leaked, Nov 29, 2026 10:12 PM EST", 1796008320),
        ("your Stripe key, last 4 characters of the key: 'x9Z1'", 0),
        ("Stripe secret key ending with \u2022\u2022\u2022\u2022 x9Z1; 30 Nov 2026 03:12:00 +0000", 1796008320),
    ],
)
def test_mails_in_other_words(said: str, since: int) -> None:
    key = samples.modern_key()[:-4] + "x9Z1"
    leak = told(said, stores(key))
    assert leak.keys == ("payments",) and leak.since == since


def test_a_mail_with_the_key_in_it_and_one_in_html() -> None:
    key = samples.key()
    found = told(f"fwd: found this in your Stripe app.js: {key} cheers", [])
    assert found.secret == Secret(key) and found.in_file and key not in found.said
    page = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>Stripe key ending in <b>x9Z1</b></p>"
    assert told(page, stores(samples.modern_key()[:-4] + "x9Z1")).keys == ("payments",)


@pytest.mark.parametrize(
    "said", ["your Stripe invoice is due", "last four weeks at Stripe were ending with care", "call me", "sk_" + "live_"]
)
def test_a_mail_about_something_else_is_refused(said: str) -> None:
    with pytest.raises(BadFile):
        alerts.loads(said, "mail")


@pytest.mark.parametrize(
    "text",
    [
        "stripe " + "sk_" + "live_" * 400_000,
        "stripe ending in " * 100_000,
        "stripe " + "http://" * 200_000,
        "stripe " + "<" * 2_000_000,
        "stripe\n" + "a: b\n" * 300_000,
        "stripe Nov 1 2026 " * 100_000,
        "\x1b]" * 1_000_000 + "stripe",
        "\x1b[" + "0;" * 1_000_000,
        "[\n" * 1_000_000,
        "{}" * 1_000_000,
        "[a]\n" * 1_000_000,
        "Subject: stripe\nContent-Type: multipart/mixed; boundary=a\n\n" + "--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 20_000,
        "RuleID,Secret\n" + '"' * 1_000_001,
        "*" * 2_000_000 + " stripe",
    ],
    ids=range(14),
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(BadFile):
        alerts.loads(text, "x")
    assert time.process_time() - began < 20


def test_several_keys_of_one_mail_are_asked_about() -> None:
    first, second = samples.modern_key()[:-4] + "x9Z1", samples.modern_key()[:-4] + "Q2w3"
    found = alerts.leaks(alerts.loads("Stripe keys sk_" + "live_...x9Z1 and sk_" + "live_...Q2w3", "x"), stores(first, second))
    with pytest.raises(UsageError) as caught:
        alerts.the_leak(found, "x", "", None)
    assert caught.value.next_step == "name it: billing, payments"


# ── what stands around reports ──


@pytest.mark.parametrize("before", ["2026-11-20T10:00:00.1234567Z ", "scanner-1  | ", "[pod/scan] ", "Nov 20 10:00:00 ci scan[12]: "])
def test_a_report_behind_what_a_log_puts_before_each_line(before: str) -> None:
    key = samples.key()
    said = [json.dumps({"level": "info-0", "msg": "running source"}), json.dumps(samples.trufflehog(key)), "done"]
    (alert,) = alerts.loads("".join(f"{before}{line}\n" for line in said), "job.log")
    assert alert.scanner == "trufflehog" and alert.line == 2 and str(alert.places[0]).endswith("deploy/.env:4 (fbc14303ffbf)")


def test_a_list_of_whole_reports() -> None:
    first, second = samples.key(), samples.key()
    found = alerts.loads(json.dumps([samples.betterleaks_2(first), samples.sarif(second)]), "all.json")
    assert [alert.scanner for alert in found] == ["betterleaks", "sarif"]


def test_prefixes_are_taken_off_in_linear_time() -> None:
    began = time.process_time()
    with pytest.raises(BadFile):
        alerts.loads(("x" * 119 + '{"' + "y" * 5000 + "\n") * 1500, "hostile")
    assert time.process_time() - began < 20


# ── places ──


def test_every_location_of_a_sarif_result_is_a_place() -> None:
    key, report = samples.key(), samples.sarif("")
    row = report["runs"][0]["results"][0]
    row["locations"][0]["physicalLocation"]["region"]["snippet"]["text"] = key
    row["locations"].append({"physicalLocation": {"artifactLocation": {"uri": "ci/build.yml"}, "region": {"startLine": 3}}})
    leak = told(report, stores(key))
    assert [(place.file, place.line) for place in leak.places] == [("deploy/.env", 12), ("ci/build.yml", 3)]
    assert leak.said.endswith(" and 1 more place")


def test_a_scanner_that_names_one_place_of_each_key_is_not_taken_at_its_word() -> None:
    """Kingfisher puts all places of a value together as it runs by default, and names one of them."""
    key, report = samples.key(), samples.sarif("")
    report["runs"][0]["tool"]["driver"]["name"] = "kingfisher"
    report["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"] = {"startColumn": 0, "snippet": {"text": key}}
    assert told(report, stores(key)).one_place
    assert told(samples.kingfisher(key), stores(key)).one_place
    assert not told(samples.sarif(key), stores(key)).one_place and not told(samples.trufflehog(key), stores(key)).one_place
    second = samples.kingfisher(key)
    second["finding"]["path"] = "ci/.env"
    assert not told({"findings": [samples.kingfisher(key), second]}, stores(key)).one_place, "it ran with --no-dedup"


def test_a_match_of_githubs_partner_programme_names_the_key_and_the_line() -> None:
    key, other = samples.modern_key(), samples.modern_key()
    place = f"https://github.com/acme/shop/blob/{'a' * 40}/deploy/.env#L3"
    body = json.dumps([{"token": key, "type": "stripe_live_secret_key", "url": place, "source": "content"}])
    (alert,) = alerts.loads(body, "github.json")
    assert (str(alert.places[0]), alert.places[0].url, alert.public, alert.via) == (
        "acme/shop deploy/.env:3 (aaaaaaaaaaaa)", place, True, "repo",
    )  # fmt: skip
    assert told(body, stores(other, key)).keys == ("billing",)
    elsewhere = json.dumps([{"token": key, "type": "stripe_live_secret_key", "url": "", "source": "npm"}])
    assert told(elsewhere, stores(other, key)).keys == ("billing",)
