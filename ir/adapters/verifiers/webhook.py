"""Verify by signed test events: a service accepts events that are signed with its secret, and refuses a wrong signature."""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ir.adapters.verifiers.http import HttpVerifier
from ir.clients.http_connection import HttpResponse
from ir.core.errors import PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.ports import Check, Expected

_NOT_ABOUT_SIGNATURES = frozenset({404, 405, 408, 409, 410, 413, 415, 421, 426, 429})
_EVENT = re.compile(rb"\bevt_(?!ir)[A-Za-z0-9_]{8,60}")
_REPEATED = 409
"""A receiver's answer to an event that it knows already, given after the signature was checked."""
_OLD = 600
"""Seconds of age at which a signature has to be refused: Stripe's libraries take 300 (docs/stripe-facts.md, 6)."""
_REPLAYED = "it takes a signature that is 10 minutes old, too: a recorded delivery can be sent to it again (check the time `t`)"
_VERSION = "2026-10-28.endive"


@dataclass(frozen=True)
class SigningSecrets:
    """The secrets that test events are signed with.

    Attributes:
        by_mark: fingerprint → secret, None when it is not at hand.
        former: the former secret while both live, else None.
        given_up: the former secret once its death was asked for, else None.
    """

    by_mark: Callable[[str], Secret | None]
    former: Callable[[], Secret | None] = lambda: None
    given_up: Callable[[], Secret | None] = lambda: None


@dataclass(frozen=True)
class EventKind:
    """The type of the test events, and what they say in `livemode`."""

    type: str
    live: bool


class WebhookVerifier(HttpVerifier):
    """POSTs test events as Stripe would: right signature → 2xx; wrong signature, as the control → 4xx.

    Answers 404, 405, 429 and the like are not about signatures and tell nothing, nor does a 5xx.

    Args:
        url: where the service takes deliveries.
        signed_with: the secrets.
        event: what the test events are.
        both: while both live, the former secret must be accepted too.
        refusals_only: send nothing that a service should accept (dry run): a pass then proves that signatures are checked, not which.
        processed: where the service tells the ids of the events that it processed, on the same host; "" = it does not.
        headers, resolve, timeout: as in `HttpVerifier`; what a service needs besides the signature.
    """

    def __init__(
        self,
        *,
        url: str,
        signed_with: SigningSecrets,
        resolve: Callable[[str], Secret],
        event: EventKind,
        both: bool = False,
        refusals_only: bool = False,
        processed: str = "",
        headers: Mapping[str, str] | None = None,
        instances: int = 1,
        instance_json: str = "",
        instance_header: str = "",
        timeout: float = 10.0,
    ) -> None:
        super().__init__(
            url=url,
            resolve=resolve,
            headers=headers,
            instances=instances,
            instance_json=instance_json,
            instance_header=instance_header,
            proves="holds-key",
            timeout=timeout,
        )
        self._secrets, self._event = signed_with, event
        self._both, self.refusals_only = both, refusals_only
        self._wrong = Secret(f"whsec_{secrets.token_hex(16)}")
        self._replayed: bool | None = None
        self._processed = processed
        self._number = secrets.token_hex(8)  # one id per verifier: a service that remembers events remembers one

    def check(self, expected: Expected) -> Check:
        """Look once, at every instance."""
        if not self.refusals_only and self._secrets.by_mark(expected.fingerprint) is None:
            return self._saw(None, "the signing secret to try it with is not at hand", 0)
        return super().check(expected)

    def _said_of_a_pass(self) -> str:
        if self.refusals_only:
            return "refused a wrong signature; nothing that it should accept is sent in a dry run"
        said = "accepted a test event of ours, refused a wrong signature: it has the text that is stored, whosever secret that is"
        return f"{said}; {_REPLAYED}" if self._replayed else said

    def accepts(self, secret: Secret) -> bool | None:
        """Whether any address or instance of the service accepts this secret; None when an answer does not tell."""
        told: list[bool | None] = []
        try:
            first = self._send(secret, "")
            told.append(_taken(first))
            others = self._other_addresses(self._url, first.address)
            rounds = [*others, *[first.address] * (self._wanted - 1)]
            told.extend(_taken(self._send(secret, address)) for address in rounds)
        except PortError:
            told.append(None)
        return True if True in told else None if None in told else False

    @property
    def tells(self) -> bool:
        """Whether the service tells which events it processed."""
        return bool(self._processed)

    def processed(self, since: float) -> frozenset[str]:
        """Ids in its answer to `GET …?since=` (epoch seconds), in any text; our own test events are left out.

        Raises:
            PortError: it does not answer with 200.
        """
        url = f"{self._processed}{'&' if '?' in self._processed else '?'}since={int(since)}"
        answer = self._edge.call("GET", url, headers=self._headers, timeout=self._timeout)
        if answer.status != 200:
            raise Unknown(f"a service answered {answer.status} when it was asked which events it processed")
        return frozenset(found.decode() for found in _EVENT.findall(answer.body))

    def deliver(self, payload: str, secret: Secret) -> bool | None:
        """Send one of Stripe's events: taken (or known already), refused, or no telling answer."""
        try:
            answer = self._send(secret, "", payload)
        except PortError:
            return None
        return _taken(answer)

    def _ask(self, url: str, address: str, expected: Expected) -> HttpResponse:
        wrong = self._send(self._wrong, address)
        taken = _accepted(wrong)
        if taken:
            raise Rejected(f"answered {wrong.status} to a wrong signature: it does not check signatures, anybody can send it events")
        if taken is None:
            raise Unknown(f"answered {wrong.status} to a wrong signature, which does not tell whether it checks them (400 is usual)")
        if self.refusals_only:
            return wrong
        known = self._secrets.by_mark(expected.fingerprint)
        answer = self._signed_so(known, address, "the expected secret")
        if self._replayed is None and known is not None:  # tried once: the failure is reported, and nothing follows from it here
            self._replayed = _taken(self._send(known, address, age=_OLD))
        former = self._secrets.former() if self._both else None
        if former is not None and former.fingerprint != expected.fingerprint:
            self._signed_so(former, address, "the former secret, which it should accept while both live")
        dead = self._secrets.given_up()
        if dead is not None and dead.fingerprint != expected.fingerprint and _taken(self._send(dead, address)):
            raise Rejected("still accepts the old secret, too: anyone who has it can forge events")
        return answer

    def _signed_so(self, secret: Secret | None, address: str, what: str) -> HttpResponse:
        if secret is None:
            raise Unknown("the signing secret to try it with is not at hand")
        answer = self._send(secret, address)
        taken = _taken(answer)
        if taken is None:
            raise Unknown(f"answered {answer.status} to a test event signed with {what}, which does not tell")
        if not taken:
            raise Rejected(f"answered {answer.status} to a test event signed with {what}")
        return answer

    def _send(self, secret: Secret, address: str, payload: str = "", age: int = 0) -> HttpResponse:
        import stripe

        payload = payload or self._payload()
        signature = stripe.WebhookSignature.generate_signature_header(payload, secret.reveal(), timestamp=int(time.time()) - age)
        return self._edge.call(
            "POST",
            self._url,
            headers=self._headers,
            plain={"Stripe-Signature": signature},
            body=payload.encode(),
            timeout=self._timeout,
            address=address,
        )

    def _payload(self) -> str:
        """A snapshot event as Stripe sends it, about an object that does not exist."""
        now = int(time.time())
        kind = self._event.type.rpartition(".")[0]
        about = {
            "id": f"ir_{self._number}",
            "object": kind,
            "created": now,
            "livemode": self._event.live,
            "metadata": {"ir": "signature check"},
        }
        return json.dumps(
            {
                "id": f"evt_ir{self._number}",
                "object": "event",
                "api_version": _VERSION,
                "created": now,
                "data": {"object": about},
                "livemode": self._event.live,
                "pending_webhooks": 0,
                "request": {"id": None, "idempotency_key": None},
                "type": self._event.type,
            },
            indent=2,
        )


def _accepted(answer: HttpResponse) -> bool | None:
    if 200 <= answer.status < 300:
        return True
    return False if 400 <= answer.status < 500 and answer.status not in _NOT_ABOUT_SIGNATURES else None


def _taken(answer: HttpResponse) -> bool | None:
    """The meaning of an answer to a secret in question: a service that knows the event already has accepted it once."""
    return True if answer.status == _REPEATED else _accepted(answer)
