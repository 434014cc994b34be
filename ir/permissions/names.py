"""What a permission is called: by the key API, by a refusal, in the Dashboard; and what one implies."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from ir.permissions.endpoint_map import lines, permission_for

_NAMED = re.compile(r"""['"`(](?:rak_)?(?![rsp]k_)([a-z][a-z0-9_]{2,60}_(?:read|write))['"`)]""")
# Calls whose refusal names a permission that does not help (notes of `refusals-trufflehog`; docs/stripe-facts.md, 4).
_MISNAMED = re.compile(r"/v1/(files|invoices|issuing/funding_instructions)(/|\?|$)")
# What a refusal calls otherwise than the key API does (`refusals-trufflehog` in sources.txt).
_CALLED = {
    "topup": "top_up",
    "financial_statement": "report_runs_and_report_types",
    "tax_transaction": "tax_calculations_and_transactions",
    "issuing_network_token": "issuing_token",
}
DANGEROUS = {
    "payout_write": "sends money to a bank account",
    "transfer_write": "moves money to connected accounts",
    "top_up_write": "moves money from a bank account",
    "connected_account_write": "makes and changes connected accounts, and where their money goes",
    "account_link_write": "opens the set-up of connected accounts",
    "account_session_write": "opens parts of the Dashboard of connected accounts",
    "edit_link_write": "signs in to connected accounts",
    "webhook_write": "sends what happens in the account to any address",
    "api_key_write": "makes API keys",
    "ephemeral_key_write": "makes keys for a customer's device",
    "secret_read": "reads what apps keep secret",
    "secret_write": "changes what apps keep secret",
    "issuing_card_write": "makes cards that spend the account's money",
}
"""Permissions to look at twice, each with what it allows."""


def asked_by_refusal(message: str, method: str = "", path: str = "") -> str | None:
    """The permission that a 403 of Stripe names as missing, as the key API calls it; None: it names none.

    Both forms are read: `Having the 'rak_charge_read' permission …` and `Enabling "Prices Read" ('plan_read') permissions …`. Where the
    call is told, what Stripe is known to name wrongly for it (files, invoices, funding instructions) is what the map says instead.
    """
    found = _NAMED.search(message)
    if found and _MISNAMED.search(path):
        row = permission_for(method, path)
        return row.permissions[0] if row else None
    return called(found[1]) if found else None


def called(name: str) -> str:
    """A name of a refusal (`rak_topup_read`) as the key API calls it (`top_up_read`)."""
    stem, verb = parts(name.removeprefix("rak_"))
    return f"{_CALLED.get(stem, stem)}_{verb}"


def parts(name: str) -> tuple[str, str]:
    """`charge_read` → `charge`, `read`."""
    stem, _, verb = name.rpartition("_")
    return stem, verb


@cache
def api_names() -> frozenset[str]:
    """The names that the key API takes."""
    return frozenset(lines("api_names.txt"))


def grantable(name: str) -> bool:
    """Whether a key that the key API makes can have it."""
    return name in api_names()


def implied_by(name: str, granted: Iterable[str]) -> bool:
    """Whether `granted` gives it: itself, or write for read."""
    stem, verb = parts(name)
    held = set(granted)
    return name in held or (verb == "read" and f"{stem}_write" in held)


def least(names: Iterable[str]) -> tuple[str, ...]:
    """The same rights in the fewest names: a read goes where the write of the same object is."""
    held = set(names)
    return tuple(sorted(name for name in held if not implied_by(name, held - {name})))


@dataclass(frozen=True)
class Box:
    """One row of the Dashboard's page `Create restricted key`. `choice`: `None`, `Read` or `Write`."""

    group: str
    label: str
    stem: str
    choice: str


@cache
def _page() -> tuple[tuple[str, str, str], ...]:
    return tuple((one[0], one[1], one[2]) for one in ([part.strip() for part in line.split("|")] for line in lines("dashboard.txt")))


def dashboard_page(names: Iterable[str]) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """Every row of the page in its own order, and the names that have no row that we know of."""
    held = set(names)
    known = {stem for _, _, stem in _page()}
    boxes = tuple(Box(group, label, stem, _choice(stem, held)) for group, label, stem in _page())
    return boxes, tuple(sorted(name for name in held if parts(name)[0] not in known))


def _choice(stem: str, held: set[str]) -> str:
    return "Write" if f"{stem}_write" in held else "Read" if f"{stem}_read" in held else "None"


def label(name: str) -> str:
    """As the Dashboard says it: `Core › Customers: Read`; the name itself where the page's row is not known."""
    stem, verb = parts(name)
    return next((f"{group} › {text}: {verb.title()}" for group, text, known in _page() if known == stem), name)


def create_link(key_name: str, names: Iterable[str]) -> str:
    """The Dashboard's page with name and permissions filled in. Many integrations use the form; Stripe does not document it."""
    back = {ours: theirs for theirs, ours in _CALLED.items()}
    rights = (parts(name) for name in sorted(names))
    asked = "".join(f"&permissions%5B%5D=rak_{back.get(stem, stem)}_{verb}" for stem, verb in rights)
    return f"https://dashboard.stripe.com/apikeys/create?name={quote(key_name)}{asked}"
