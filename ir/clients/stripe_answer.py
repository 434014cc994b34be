"""Tell what an answer of Stripe means: an error's code and text, and whether the key is alive, blocked or dead."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from ir.core import permission
from ir.core.model import Json, Liveness, Mode, Probe
from ir.core.secret import scrub

_ACCOUNT = re.compile(r"\bacct_[A-Za-z0-9]+")
_TERM = re.compile(r"[a-z0-9_.\[\]]{1,60}")
"""The form of Stripe's codes and parameters. Keys contain capitals, so none of them fits."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Only one wording of such a refusal has been seen ("does not allow requests from your IP address"), so match widely:
# a death taken for a block keeps the incident open, a block taken for a death would close it wrongly.
_BLOCKED = re.compile(r"\bIP[ _-]?address|\bIP (?:is|range|not|restrict)|access[ _]polic|allow[ -]?list", re.IGNORECASE)
_EXPIRED_CODES = frozenset({"api_key_expired", "platform_api_key_expired"})


@dataclass(frozen=True)
class StripeResponse:
    """An answer of Stripe.

    Attributes:
        status: HTTP status.
        body: the JSON object; may hold keys, so narrow it before it goes anywhere.
        request_id: Stripe's id of this request, "" when there was none.
        headers: names in lower case.
    """

    status: int
    body: Json = field(repr=False)
    request_id: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def error(self) -> Json | None:
        """Stripe's error object; None when the body is not Stripe's envelope."""
        error = self.body.get("error")
        return error if isinstance(error, dict) and ("type" in error or "message" in error) else None

    @property
    def from_stripe(self) -> bool:
        """Whether Stripe itself refused: in its envelope, with its id of the request. Other refusals come from something in between."""
        return self.error is not None and bool(self.request_id)

    @property
    def code(self) -> str:
        """`error.code`, "" when absent."""
        return term((self.error or {}).get("code"))

    @property
    def reason(self) -> str:
        """Status, code, parameter and missing permission of a refusal. Stripe's sentence is left out, because it repeats parts of keys."""
        needs = f"needs {self.missing_permission}" if self.missing_permission else ""
        param = term((self.error or {}).get("param"))
        return " ".join(part for part in (f"HTTP {self.status}", self.code, param, needs) if part)

    @property
    def missing_permission(self) -> str:
        """The permission that a 403 of Stripe's names, "" = none."""
        return permission.in_message(self.full_message) if self.status == 403 else ""

    @property
    def full_message(self) -> str:
        """`error.message` without keys, whole."""
        return scrub(str((self.error or {}).get("message") or ""))

    @property
    def transient(self) -> bool:
        """Whether it proves nothing about what was asked: 429, 5xx, a conflict with another request, or "ask again"."""
        return self.status in (409, 429) or self.status >= 500 or self.headers.get("stripe-should-retry") == "true"


def term(value: object) -> str:
    """A code or a parameter's name, fit for a record. A server in Stripe's place may repeat a key in it, so other forms are dropped."""
    said = str(value or "")
    return said if not said or (_TERM.fullmatch(said) and scrub(said) == said) else "[not shown]"


def request_id(header: str) -> str:
    """Stripe's id of a request, "" for anything that is none."""
    return header if _REQUEST_ID.fullmatch(header) and scrub(header) == header else ""


def probe_of(answer: StripeResponse) -> Probe:
    """Tell from one answer to `GET /v1/balance` what it shows of the key that asked."""
    livemode = answer.body.get("livemode")
    return Probe(
        liveness=_liveness(answer),
        status=answer.status,
        mode=(Mode.LIVE if livemode else Mode.TEST) if isinstance(livemode, bool) else None,
        account=account_named(answer),
        missing_permission=answer.missing_permission,
        request_id=answer.request_id,
        at=time.time(),
        date=_date(answer),
    )


def _date(answer: StripeResponse) -> float:
    """The time of the answer by Stripe's own clock (RFC 9110, 6.6.1); 0 when it does not say."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def account_named(answer: StripeResponse) -> str:
    """The account that a 403 names in its text, "" when none."""
    named = _ACCOUNT.search(answer.full_message) if answer.status == 403 else None
    return named.group() if named else ""


def _liveness(answer: StripeResponse) -> Liveness:
    if answer.status == 200 and answer.error is None:
        return Liveness.ALIVE
    if answer.status not in (401, 403) or not answer.from_stripe:
        return Liveness.UNKNOWN
    if answer.code in _EXPIRED_CODES:
        return Liveness.EXPIRED
    if _BLOCKED.search(f"{answer.code} {answer.full_message}"):
        return Liveness.BLOCKED
    return Liveness.NARROW if answer.status == 403 else Liveness.INVALID
