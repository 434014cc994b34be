"""Alerts that people paste into a chat, that a relay keeps with its headers, or that name no key at all."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ir import alerts
from ir.alerts import StoredKey
from ir.core.errors import BadFile
from ir.core.secret import Secret
from tests.unit import alert_samples as samples

SINCE = 1_795_163_400.0  # 2026-11-20T08:30:00Z
COMMIT = "a" * 40
PLACE = f"https://github.com/acme/shop/blob/{COMMIT}/deploy/.env#L3"
ALERT = "https://github.com/acme/shop/security/secret-scanning/42"


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "ts": f"{SINCE + 60:.6f}", "text": text, **more}


def hog(key: str) -> str:
    return json.dumps(samples.trufflehog(key))


def words(key: str) -> str:
    return f"Stripe API key found, see <{PLACE}|deploy/.env>: `{key}` &amp; please roll"


def block(key: str) -> dict[str, Any]:
    return message(
        "New alert",
        attachments=[{"title": "Stripe API Key", "title_link": PLACE, "blocks": [{"text": {"type": "mrkdwn", "text": f"`{key}`"}}]}],
    )


CHATS: dict[str, Callable[[str], str]] = {
    "a report between fences": lambda key: f"Ada  9:31 AM\nthis stripe key leaked:\n```{hog(key)}```\nJoe  9:32 AM\nlooking at stripe",
    "named as JSON": lambda key: f"this stripe key leaked:\n```json\n{hog(key)}\n```\n",
    "a message with a report": lambda key: json.dumps(message(f"fyi ```{hog(key)}```")),
    "a message": lambda key: json.dumps(message(words(key))),
    "an attachment": lambda key: json.dumps(block(key)),
    "an event": lambda key: json.dumps({"type": "event_callback", "event": message(words(key))}),
    "an export": lambda key: json.dumps([message("good morning"), message(words(key)), message("on it")], indent=1),
    "a history": lambda key: json.dumps({"ok": True, "messages": [message("on it"), message(words(key))]}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHATS)
def test_what_is_pasted_into_a_chat_names_the_key_and_the_place(name: str) -> None:
    ours, other = samples.modern_key(), samples.modern_key()
    text = CHATS[name](ours)
    (leak,) = alerts.leaks(alerts.loads(text, "chat"), [StoredKey(Secret(other), ("billing",)), StoredKey(Secret(ours), ("payments",))])
    assert (leak.keys, leak.by, leak.stripe) == (("payments",), "value", True)
    (alert,) = alerts.loads(text, "chat")
    assert alert.scanner == ("trufflehog" if "report" in name or "JSON" in name else "e-mail")
    assert alert.since and (alert.scanner == "trufflehog" or (alert.places[0].url, alert.since) == (PLACE, SINCE + 60))
    assert ours not in repr(alert)


def test_a_chat_that_tells_of_no_key_is_no_alert() -> None:
    for text in (json.dumps([message("good morning")]), "Ada: look\n```x = 1```\n", json.dumps(message("```{}```"))):
        with pytest.raises(BadFile):
            alerts.loads(text, "chat")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_webhook_that_a_relay_kept_is_read(as_text: bool) -> None:
    told = {"number": 42, "created_at": "2026-11-20T08:30:00Z", "html_url": ALERT, "state": "open", "secret_type": "stripe_api_key"}
    hook = {"action": "created", "alert": told, "repository": {"full_name": "acme/shop"}}
    kept = {"headers": {"X-GitHub-Event": "secret_scanning_alert"}, "body": json.dumps(hook) if as_text else hook}
    (alert,) = alerts.loads(json.dumps(kept), "hook")
    assert (alert.scanner, alert.since, alert.places[0].url, alert.stripe) == ("github", SINCE, ALERT, True)


def test_a_mail_that_names_only_the_kind_of_key_is_an_alert() -> None:
    where = "https://dashboard.gitguardian.com/workspace/1/incidents/99"
    text = (
        "From: GitGuardian <security@getgitguardian.com>\nSubject: Stripe Keys exposed on GitHub\nDate: Fri, 20 Nov 2026 09:00:00 +0000\n\n"
        "GitGuardian has detected the following Stripe Keys exposed within your GitHub account.\n\n- Secret type: Stripe Keys\n"
        f"- Repository: acme/shop\n- Pushed date: November 20th 2026, 08:30:00 UTC\n\nFix This Secret Leak\n{where}\n"
    )
    (alert,) = alerts.loads(text, "mail")
    assert (alert.stripe, alert.since, alert.places[0].source, alert.places[0].url) == (True, SINCE, "acme/shop", where)
    assert alert.secret is None and alert.ends is None


def test_seconds_as_text_are_a_time() -> None:
    report = samples.trufflehog(samples.modern_key())
    report["SourceMetadata"] = {"Data": {"Slack": {"channel_name": "ops", "timestamp": f"{SINCE:.6f}", "link": "https://acme.slack.com/x"}}}
    (alert,) = alerts.loads(json.dumps(report), "report")
    assert (alert.since, alert.places[0].source) == (SINCE, "ops")


@pytest.mark.parametrize("part", ["```", "```{", "<https://a|", "- Repository: a/", '{"type":"message","ts":"1","text":"```"}\n'])
def test_hostile_chats_are_read_in_linear_time(part: str) -> None:
    took = []
    for times in (5_000, 20_000):
        began = time.process_time()
        for text in (part * times, json.dumps(message("stripe " + part * times))):
            with pytest.raises(BadFile):
                alerts.loads(text, "chat")
        took.append(time.process_time() - began)
    assert took[1] < 8 * took[0] + 1
