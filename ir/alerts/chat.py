"""Texts inside a chat: messages as Slack's API and export write them, what stands between fences, a webhook kept with its headers.

Message: https://api.slack.com/events/message. Its text has `<address|label>` and three HTML entities
(https://api.slack.com/reference/surfaces/formatting).
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from ir.alerts.fields import moment
from ir.core import untrusted_json
from ir.core.model import Json

_FENCE = "```"
_LINK = re.compile(r"<(https?://[^<>|\s]{1,2000})(?:\|([^<>]{0,2000}))?>")
_TEXTS = ("text", "fallback", "pretext", "title", "title_link", "value", "url")
_DEEPEST = 10
_BODIES = ("body", "payload")
"""Fields in which a relay keeps a webhook beside its headers."""


def messages(data: Any) -> list[tuple[float, str]] | None:
    """Time and text of each message of Slack; None when it is something else."""
    if isinstance(data, dict) and isinstance(data.get("messages"), list):
        data = data["messages"]
    if isinstance(data, dict) and isinstance(data.get("event"), dict):  # as the Events API wraps it
        data = data["event"]
    listed = data if isinstance(data, list) else [data]
    if not listed or not all(map(_is_message, listed)):
        return None
    return [(moment(one, "ts"), "\n".join(dict.fromkeys(_said(one, _DEEPEST)))) for one in listed]


def fenced(content: str) -> list[str]:
    """What stands between fences; empty where there is none."""
    return [part.removeprefix("json").strip() for part in content.split(_FENCE)[1::2]]


def body(data: Json) -> Json | None:
    """A webhook that a relay kept, as an object or as text."""
    for name in _BODIES:
        inner = data.get(name)
        if isinstance(inner, str):
            try:
                inner = untrusted_json.loads(inner)
            except ValueError:
                continue
        if isinstance(inner, dict):
            return inner
    return None


def _is_message(one: Any) -> bool:
    return isinstance(one, dict) and one.get("type") == "message" and isinstance(one.get("ts"), str)


def _said(value: Any, deep: int) -> Iterator[str]:
    """Each text in a message, its attachments and blocks."""
    if isinstance(value, dict) and deep:
        yield from (_plain(value[name]) for name in _TEXTS if isinstance(value.get(name), str))
    for one in (value.values() if isinstance(value, dict) else value) if deep else ():
        if isinstance(one, dict | list):
            yield from _said(one, deep - 1)


def _plain(text: str) -> str:
    return html.unescape(_LINK.sub(lambda found: f"{found[1]} {found[2] or ''}", text))
