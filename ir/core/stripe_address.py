"""The addresses that may be called as Stripe: the real one, or plain http on loopback for drills and tests."""

import ipaddress
import re
from urllib.parse import urlsplit

_VISIBLE = re.compile(r"[!-~]+")
STRIPE = "https://api.stripe.com"


def check_api_base(text: str) -> str:
    """`text` without a trailing slash.

    Raises:
        ValueError: it is neither Stripe's address nor on loopback.
    """
    base = text.rstrip("/")
    if base == STRIPE:
        return base
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    plain = _VISIBLE.fullmatch(base) and not (parts.username or parts.query or parts.fragment)
    if plain and parts.scheme in ("http", "https") and _loopback(parts.hostname or ""):
        return base
    raise ValueError(f"api_base must be {STRIPE}, or http on loopback (http://127.0.0.1:PORT); a key is sent there")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
