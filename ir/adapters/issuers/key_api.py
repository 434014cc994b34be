"""Stripe's preview API for keys, `/v2/iam/api_keys`: one method per call, every answer narrowed, every refusal ours.

Reached through an approved Stripe App's key. A preview `Stripe-Version` and `Stripe-Context` go with each call;
the app's key is read for each call and kept nowhere.
"""

import re
from collections.abc import Callable, Iterator

from ir.adapters.issuers.key_rows import MatchedRow, is_secret_key, narrow, split_permissions
from ir.clients.stripe_answer import StripeResponse, term
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

PREVIEW = "2026-10-14.preview"
"""The newest version whose shapes were read (stripe 16.1.0a4)."""

_PATH = "/v2/iam/api_keys"
_MOST_PAGES = 100
_KEY_ID = re.compile(r"[A-Za-z0-9_]{3,80}")


class KeyApi:
    """Calls for one account. Raises only PortError."""

    def __init__(self, api: StripeApi, account_id: str, app_key: Callable[[], Secret]) -> None:
        self._api, self._account, self._app_key = api, account_id, app_key

    def every(self, key: Secret | None = None, *, wanted: Callable[[Json], bool] = lambda _row: True) -> Iterator[MatchedRow]:
        """All active secret keys of the account, of all pages, compared with `key` where a row shows its token.

        `wanted` is asked of each row as it came: an account may have hundreds, and to narrow one costs more than to look at its name.
        """
        path, params = _PATH, {"limit": 100}
        for _ in range(_MOST_PAGES):
            answer = self._get(path, params)
            for data in _rows(answer.body):
                if is_secret_key(data) and wanted(data):
                    yield narrow(data, key)
            path, params = self._api.next_page(answer.body), {}
            if not path:
                return
        raise Unknown(f"Stripe lists more than {_MOST_PAGES} pages of keys; not all were read")

    def one(self, key_id: str, key: Secret | None = None) -> MatchedRow:
        """The row of an id. Raises Missing when the id has no row."""
        return narrow(self._get(_path(key_id), {}).body, key)

    def create(self, order: Json, idempotency_key: str) -> Json:
        """Mint; returns the raw row, which holds the secret. Raises Unknown when it may have been minted."""
        answer = self._post(_PATH, order, idempotency_key)
        if (answer.error or {}).get("type") == "idempotency_error":
            # an earlier try with another public key reached Stripe, so look for the key that it minted
            raise Unknown("this mint was sent before, and its answer is lost")
        return _accepted(answer, "mint a key").body

    def expire(self, key_id: str) -> None:
        """Ask for the death of a key. Raises Missing when it is gone already."""
        _accepted(self._post(f"{_path(key_id)}/expire", {}), "expire the key")

    def permit(self, key_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Set the permission list, Connect permissions included; returns the list that Stripe then shows."""
        answer = self._post(_path(key_id), split_permissions(names))
        shown = narrow(_accepted(answer, "change the permissions of the key").body).row.permissions
        # Stripe answers 200 to a list that it does not like and ignores it, so the list that it kept is what counts.
        return shown if set(shown) == set(names) else self.one(key_id).row.permissions

    def _get(self, path: str, params: Json) -> StripeResponse:
        answer = self._api.get(
            self._app_key(), path, params, version=PREVIEW, context=self._account, retries=2
        )  # fmt: skip
        return _accepted(answer, "read the list of keys")

    def _post(self, path: str, params: Json, idempotency_key: str = "") -> StripeResponse:
        return self._api.post(self._app_key(), path, params, version=PREVIEW, context=self._account, idempotency_key=idempotency_key)


def _rows(body: Json) -> list[Json]:
    rows = body.get("data")
    if not isinstance(rows, list):
        raise Unknown("Stripe's list of keys has no `data`")
    return rows


def _path(key_id: str) -> str:
    if not _KEY_ID.fullmatch(key_id):
        raise Rejected("that is not the id of a key; it begins with mk_")
    return f"{_PATH}/{key_id}"


def _accepted(answer: StripeResponse, doing: str) -> StripeResponse:
    if answer.ok:
        return answer
    raise _refusal(answer, doing)


def _refusal(answer: StripeResponse, doing: str) -> PortError:
    # Stripe's own sentence is left out: it may quote a key. Its request id finds it again.
    error = answer.error or {}
    facts = [
        f"HTTP {answer.status}",
        *(term(error.get(name)) for name in ("code", "param") if error.get(name)),
    ]
    where = f" ({', '.join(facts + [answer.request_id] * bool(answer.request_id))})"
    if answer.transient or not answer.from_stripe:
        return Unknown(f"no answer that proves anything when asked to {doing}{where}")
    if answer.status == 401:
        return Denied(f"Stripe does not accept the app's key, so it could not {doing}{where}")
    if answer.status == 403:
        return Denied(f"Stripe does not let this app {doing}: not installed on the account, or not its key{where}")
    if answer.status == 404:
        return Missing(f"Stripe has no such key{where}")
    return Rejected(f"Stripe refused to {doing}{where}")
