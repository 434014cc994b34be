"""What the *name* of a secret suggests, where its value may not or cannot be read: a guess, and said as one. Pure.

Names follow Stripe's own samples (`STRIPE_SECRET_KEY`, `STRIPE_PUBLISHABLE_KEY`, `STRIPE_WEBHOOK_SECRET`; docs.stripe.com/keys, read
2026-11-30) and the prefixes of keys (`sk_live`).
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from ir.core.key_kind import Credential
from ir.core.model import Mode

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PUBLIC = frozenset({"publishable", "public", "pk", "pub"})
_SIGNS = frozenset({"webhook", "webhooks", "whsec", "signing", "endpoint", "hook"})
_RESTRICTED = frozenset({"restricted", "rk"})
_SECRET = frozenset({"secret", "key", "keys", "token", "apikey", "sk", "rk", "password", "credential", "credentials"})
_SETTINGS = frozenset(
    {"price", "prices", "product", "plan", "url", "uri", "version", "account", "acct", "customer", "currency", "country", "enabled"}
    | {"mode", "env", "id", "ids", "region", "coupon", "tax", "portal", "timeout", "host", "port", "debug", "log", "level", "tls"}
)
_LONGEST = 400


@dataclass(frozen=True)
class NameShape:
    """What a name suggests; `mode` None: it does not say."""

    credential: Credential
    mode: Mode | None


def of_name(*parts: str) -> NameShape | None:
    """Of the parts of a name, such as Secret and key; None: nothing of Stripe's."""
    words = [word.lower() for part in parts for word in _WORDS.findall(part[:_LONGEST])]
    found = set(words)
    prefixed = any(pair in (("sk", "live"), ("sk", "test"), ("rk", "live"), ("rk", "test")) for pair in pairwise(words))
    if "stripe" not in found and not prefixed:
        return None
    mode = Mode.TEST if found & {"test", "sandbox"} else Mode.LIVE if found & {"live", "prod", "production"} else None
    if found & _PUBLIC:
        return NameShape(Credential.PUBLISHABLE, mode)
    if found & _SIGNS:
        return NameShape(Credential.WEBHOOK, mode)
    if found & _SETTINGS and not found & _SECRET:
        return None
    return NameShape(Credential.RESTRICTED if found & _RESTRICTED else Credential.SECRET, mode)
