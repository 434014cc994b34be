"""What an attacker named, a scanner wrote or a customer typed is read in the team's chat, and does nothing there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ir.core.chat_text import inert

ORDERS = (
    "<!channel> look", "<!here|x>", "<@U012AB3CD>", "<@&1234>", "<#C024BE91L>", "@everyone", "@here now", "ann@laptop", "<at>Ann</at>",
    "<https://evil.example|Approve>", "[Approve](https://evil.example)", "[mail](mailto:a)", "[x](//evil.example)", "HTTPS://evil.example",
    "see www.evil.example", "<a href='x'>y</a>", "```\nfaked", "javascript://x", "!channel>", "slack://open", "(http://evil.example)",
    "https://dashboard.stripe.com.evil.example/", "https://dashboard.stripe.com@evil.example/", "xvault://evil.example", "vault.http://e.x/",
)  # fmt: skip
LIVE = re.compile(
    r"[<>@]|]\(|```|(?<![a-z0-9])www\.|(?<![a-z0-9+.-])(?!vault:|aws-sm:|https://dashboard\.stripe\.com/)[a-z][a-z0-9+.-]*://",
    re.IGNORECASE,
)


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_words(order: str) -> None:
    assert LIVE.search(order)
    assert not LIVE.search(inert(order)), inert(order)


@given(st.lists(st.sampled_from([*ORDERS, "://", "http", "s", "w", "ww.", "<", "]", "(", "`", "``", "@", "a", " ", "."])).map("".join))
def test_no_composition_of_them_comes_to_life(text: str) -> None:
    assert not LIVE.search(inert(text))
    assert inert(inert(text)) == inert(text)


def test_our_own_words_stay() -> None:
    for text in (
        "vault://secret/pay#key holds another key → ir resume INC-20261127-ab12",
        "expire it: https://dashboard.stripe.com/apikeys",
        "`retire` waits: 3 services hold the replacement",
    ):
        assert inert(text) == text


def test_the_services_take_it_for_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise's own readers of mentions: one of them pings every `@word` that it finds."""
    from ir.adapters.notifiers.delivery import deliver

    sent: list[str] = []

    class Taken:
        status_code, content, text, headers = 204, b"", "", dict[str, str]()

    def take(*_args: object, **more: object) -> Taken:
        sent.append(str(more))
        return Taken()

    monkeypatch.setattr("requests.post", take)
    monkeypatch.setattr("requests.request", take)
    words, slack = "opened by ann@laptop: <!channel> @everyone", f"slack://T1JJ3T3L2/A1BRTD4JD/{'c' * 24}"
    for url in (f"discord://{'1' * 18}/{'t' * 64}", slack):
        for text in (words, inert(words)):
            deliver({"url": url, "title": text, "body": text, "urgent": False, "seconds": 20})
        loud, quiet = sent[-2:]
        assert "@everyone" in loud
        assert not any(order in quiet for order in ("<!channel>", "@everyone", "@laptop", "allow_mentions"))
