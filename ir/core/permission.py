"""Names of Stripe's permissions: one strict form, the names that a 403 uses for them, and which one covers which.

A name comes from Stripe's own text or from a service's check: it is untrusted, so only this form of it is kept, shown or sent.
"""

import re
from collections.abc import Iterable

_FORM = r"(?:rak_)?([a-z][a-z0-9_]{1,60}_(?:read|write))"
_NAME = re.compile(_FORM)
_QUOTED = re.compile(rf"['\"`]{_FORM}['\"`]")
_IN_REFUSALS = {
    "topup": "top_up",
    "financial_statement": "report_runs_and_report_types",
    "accounts_kyc_basic": "connected_account",
}
"""What a 403 calls a resource that the key API calls otherwise (docs/stripe-facts.md, 4)."""


def named(text: str) -> str:
    """The permission that a text is, or that a refusal of Stripe's names in quotes; "" where it names none."""
    found = _NAME.fullmatch(text.strip()) or _QUOTED.search(text)
    return found.group(1) if found else ""


def in_message(message: str) -> str:
    """The permission that a refusal names, in quotes; "" = none."""
    found = _QUOTED.search(message)
    return found.group(1) if found else ""


def api_name(name: str) -> str:
    """As the key API calls what a 403 called `name`."""
    stem, _, verb = name.rpartition("_")
    return f"{_IN_REFUSALS.get(stem, stem)}_{verb}"


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Whether a list opens what `wanted` opens, under either of its names; write implies read."""
    name = api_name(wanted)
    stem, _, verb = name.rpartition("_")
    return bool({wanted, name, *([f"{stem}_write"] if verb == "read" else [])} & set(granted))


def plainly(name: str) -> str:
    """As the Dashboard shows it: `charge: Write`; a Connect permission stands in our lists as `connect:<name>`."""
    stem, _, verb = name.removeprefix("connect:").rpartition("_")
    where = " (Connect)" if name.startswith("connect:") else ""
    return f"{stem.replace('_', ' ')}{where}: {verb.capitalize()}"
