"""The only way to Stripe in this program: the stable SDK's `raw_request`, muted, pinned and bounded.

Every HTTP status is a `StripeResponse`; only the lack of an answer is an error (`Unknown`). What comes back may hold
keys (test mode lists them in plain text; error messages quote parts of them), so a `StripeResponse` does not show its
body, and its message is scrubbed.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ir import __version__
from ir.clients import way_out
from ir.clients.stripe_answer import StripeResponse, account_named, probe_of, request_id
from ir.clients.stripe_retry import persist
from ir.core import untrusted_json
from ir.core.errors import Refused, Rejected, Unknown
from ir.core.model import Json, Liveness, Probe
from ir.core.secret import Secret
from ir.core.stripe_address import STRIPE, check_api_base

if TYPE_CHECKING:
    import stripe

    from ir.clients.stripe_transport import PooledClient

__all__ = ["APP", "StripeApi", "StripeResponse", "account_of", "check_api_base", "probe"]

APP = "ir"
"""Name in the user agent of every request of ours, so that it is told apart in Stripe's own request logs."""

_SENDABLE = re.compile(r"[!-~]+")
_PATH = re.compile(r"/(?!/)[!-~]*\Z")


@dataclass(frozen=True)
class _Client:
    sdk: "stripe.StripeClient"
    wire: "PooledClient"


_clients: dict[tuple[str, float, tuple[str, ...]], _Client] = {}
"""Clients by address, time-out, and the proxy and authorities that the environment named when they were made."""
_lock = threading.Lock()


class StripeApi:
    """Calls to one API address. Thread-safe; connections are pooled per address for the whole process.

    Args:
        base: `https://api.stripe.com`, or loopback.
        timeout: seconds for a whole call.
        pace: waits until a call to a path may be made (`stripe_rate_limit`).

    Raises:
        ValueError: `base` is another host.
        Refused: `STRIPE_LOG` is set, which makes the SDK print bodies, and with them keys.
    """

    def __init__(self, base: str = STRIPE, *, timeout: float = 10.0, pace: Callable[[str], None] = lambda _path: None) -> None:
        self.base = check_api_base(base)
        self.timeout, self._pace = timeout, pace
        self.request_ids: list[str] = []
        """Stripe's ids of our own requests, for the review to subtract."""
        self._way = way_out.named()
        _refuse_logging()

    def load(self) -> None:
        """Load the SDK now, half a second of processor time; otherwise the first call loads it."""
        _client(self.base, self.timeout, self._way)

    def get(
        self,
        key: Secret,
        path: str,
        params: Mapping[str, object] | None = None,
        *,
        version: str = "",
        context: str = "",
        retries: int = 0,
    ) -> StripeResponse:
        """Read.

        Args:
            key: what authenticates; it may be any key, also a leaked one.
            path: begins with `/`; a `next_page_url` goes through `next_page` first.
            params: form-encoded, nested as Stripe wants it.
            version: `Stripe-Version`, empty = the SDK's own.
            context: `Stripe-Context` (`acct_…`), which managed and organization keys need.
            retries: how many more times to try after no answer, 429 or 5xx; probes never do.

        Raises:
            Unknown: no answer, or one that is not JSON.
            Rejected: `key` cannot be a key at all (nothing is sent), or `path` leads to another host.
        """
        options = {"stripe_version": version or None, "stripe_context": context or None}
        return persist(lambda: self._call("get", key, path, params, options), retries)

    def post(
        self,
        key: Secret,
        path: str,
        params: Mapping[str, object] | None = None,
        *,
        version: str = "",
        context: str = "",
        idempotency_key: str = "",
    ) -> StripeResponse:
        """Write, once: JSON for `/v2`, a form for `/v1`. Raises as `get` does; after `Unknown` it may have happened."""
        options = {
            "stripe_version": version or None,
            "stripe_context": context or None,
            "idempotency_key": idempotency_key or None,
        }
        return self._call("post", key, path, params, options)

    def delete(self, key: Secret, path: str) -> StripeResponse:
        """Delete, once: v1 only. Raises as `get` does; after `Unknown` it may have happened."""
        return self._call("delete", key, path, None, {})

    def next_page(self, body: Json) -> str:
        """The path of the next page of a v2 list, "" at its end.

        Raises:
            Rejected: the answer points to another host, which must not see the key.
        """
        url = body.get("next_page_url")
        if not url:
            return ""
        here = urlsplit(self.base)
        try:
            there = urlsplit(str(url))
        except ValueError:
            there = urlsplit("")
        # the path is put behind the host as it is: one that begins otherwise would become part of the host's name
        if not there.path.startswith("/") or (there.netloc and (there.scheme, there.netloc) != (here.scheme, here.netloc)):
            raise Rejected("Stripe's next page points to another host; it was not followed")
        return there.path + (f"?{there.query}" if there.query else "")

    def _call(
        self, method: str, key: Secret, path: str, params: Mapping[str, object] | None, options: dict[str, str | None]
    ) -> StripeResponse:
        if not _SENDABLE.fullmatch(key.reveal()):
            raise Rejected("this cannot be sent as a key: it has white space or foreign characters in it")
        client = _client(self.base, self.timeout, self._way)
        self._pace(path)
        answer = _answer(client, method, path, dict(params or {}), options | {"api_key": key.reveal()})
        if answer.request_id:
            self.request_ids.append(answer.request_id)
        return answer


def _answer(client: _Client, method: str, path: str, params: dict[str, object], options: Mapping[str, str | None]) -> StripeResponse:
    if not _PATH.match(path):
        raise Rejected("only paths on Stripe's own host are called")
    client.wire.forget()
    try:
        client.sdk.raw_request(method, path, **params, **options)
    except Unknown:
        raise
    except Exception:  # noqa: BLE001, S110  # the SDK trips over odd answers in many ways; what counts is the answer, read below
        pass
    wire = client.wire.last
    if wire is None:
        raise Unknown("Stripe gave no answer")
    try:
        body: Any = untrusted_json.loads(wire.body or b"{}")
    except ValueError:
        raise Unknown(f"the answer (HTTP {wire.status}) is not JSON: it may not come from Stripe") from None
    if not isinstance(body, dict):
        raise Unknown(f"the answer (HTTP {wire.status}) is not a JSON object")
    return StripeResponse(wire.status, body, request_id(wire.headers.get("request-id", "")), wire.headers)


def _client(base: str, timeout: float, way: tuple[str, ...]) -> _Client:
    client = _clients.get((base, timeout, way))
    if client is not None:
        return client
    with _lock:
        if (base, timeout, way) not in _clients:
            _refuse_logging()
            _clients[base, timeout, way] = _new_client(base, timeout)
        return _clients[base, timeout, way]


def _new_client(base: str, timeout: float) -> _Client:
    import stripe

    from ir.clients.stripe_transport import PooledClient

    stripe.enable_telemetry = False
    stripe.log = None
    logging.getLogger("stripe").setLevel(logging.WARNING)
    stripe.set_app_info(APP, version=__version__)
    wire = PooledClient(timeout, base)
    # keys come with each call; the client itself holds none
    sdk = stripe.StripeClient("none", base_addresses={"api": base}, max_network_retries=0, http_client=wire)
    return _Client(sdk, wire)


def _refuse_logging() -> None:
    if os.environ.get("STRIPE_LOG"):
        raise Refused(
            "STRIPE_LOG is set: Stripe's SDK would print answers, and with them keys",
            safe="nothing was changed",
            next_step="unset STRIPE_LOG, then run the same command again",
        )


def probe(api: StripeApi, key: Secret, *, context: str = "") -> Probe:
    """Look at a key once, by `GET /v1/balance`. Never raises: no answer is `Liveness.UNKNOWN`."""
    try:
        return probe_of(api.get(key, "/v1/balance", context=context))
    except (Unknown, Rejected) as error:
        return Probe(Liveness.UNKNOWN, at=time.time(), why="; ".join(filter(None, (error.what, error.next_step))))


def account_of(api: StripeApi, key: Secret, *, context: str = "") -> str:
    """The account that a key belongs to (`acct_…`), "" when Stripe does not say.

    A key that may not read `/v1/account` still tells: the 403 names the account. Raises `Unknown`.
    """
    answer = api.get(key, "/v1/account", context=context)
    return str(answer.body.get("id") or "") if answer.ok else account_named(answer)
