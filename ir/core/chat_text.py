"""Text of others in a chat message: it is read as it stands, mentions nobody, links nowhere, and opens no block."""

import re

from ir.core.store_kind import SCHEMES

_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "@": "＠"})
"""Chats read `<!channel>`, `<url|words>`, `@everyone`, `user@host` and HTML as orders, some of them after unescaping what was escaped."""
_OURS = ("https://dashboard.stripe.com/", "https://docs.stripe.com/")
"""Where we send people ourselves; whatever follows stays on that host."""
_LINK = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_WWW = re.compile(r"(?<![a-z0-9])(www)\.", re.IGNORECASE)


def inert(text: str) -> str:
    """The same words, a little longer where they held a link."""
    plain = text.translate(_LOOKALIKES).replace("```", "'''").replace("](", "] (")
    return _LINK.sub(_unlinked, _WWW.sub(r"\1[.]", plain))


def _unlinked(hit: re.Match[str]) -> str:
    ours = hit[1] in SCHEMES or hit.string.startswith(_OURS, hit.start())
    return hit[0] if ours else f"{hit[1]}[:]//"
