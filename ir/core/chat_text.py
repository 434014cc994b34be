"""Make text that others wrote safe in a chat message: it mentions no person, links nowhere and opens no block."""

import re

from ir.core.store_kind import SCHEMES

_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "@": "＠"})
"""Characters that chats read as orders: `<!channel>`, `<url|words>`, `@everyone`, `user@host` and HTML, also after unescaping."""
_OURS = ("https://dashboard.stripe.com/", "https://docs.stripe.com/")
"""Addresses that `ir` itself sends people to. A link that begins so stays on that host, so it stays a link."""
_LINK = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_WWW = re.compile(r"(?<![a-z0-9])(www)\.", re.IGNORECASE)


def inert(text: str) -> str:
    """The same words without live links; a text with links becomes a little longer."""
    plain = text.translate(_LOOKALIKES).replace("```", "'''").replace("](", "] (")
    return _LINK.sub(_unlinked, _WWW.sub(r"\1[.]", plain))


def _unlinked(hit: re.Match[str]) -> str:
    ours = hit[1] in SCHEMES or hit.string.startswith(_OURS, hit.start())
    return hit[0] if ours else f"{hit[1]}[:]//"
