"""One permission more for a managed key, or a look whether it has one: what is asked of Stripe, and what is believed."""

from ir.adapters.issuers.key_api import KeyApi
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Rejected, Unknown
from ir.core.secret import Secret
from ir.permissions import endpoint_map
from ir.permissions.names import called, implied_by

BY_API, HAD = "by API", "by API: it has it"


def widen(keys: KeyApi, key_id: str, right: str) -> str:
    """Add one name to the key's list: what it has stays as it is, and what Stripe then shows is compared.

    Raises:
        Rejected: the key is dead, its list is not shown, or Stripe does not know the name.
        Unknown: Stripe took it and shows another list.
    """
    name = called(right)
    row = keys.one(key_id).row
    if not row.active:
        raise Rejected("the key that is to get a permission is dead", safe="nothing was changed")
    if not row.permissions:
        raise Rejected("Stripe does not show what the key may do, so nothing can be added to that", safe="nothing was changed")
    if implied_by(name, row.permissions):
        return HAD
    wanted = (*row.permissions, name)
    after = keys.permit(key_id, wanted)
    if set(after) != set(wanted):
        raise Unknown("Stripe accepted one more permission and shows another list")
    return BY_API


def may_read(api: StripeApi, key: Secret, right: str) -> bool | None:
    """By one GET of a list: 200 has it; only a 403 of Stripe's own that names this permission lacks it."""
    path = _list_of(called(right))
    if not path:
        return None
    try:
        answer = api.get(key, path, {} if path == "/v1/balance" else {"limit": 1})
    except (Unknown, Rejected):
        return None
    if answer.ok and answer.error is None:
        return True
    named = called(answer.missing_permission) if answer.from_stripe and answer.missing_permission else ""
    return False if named == called(right) else None


def _list_of(right: str) -> str:
    """The list that one GET tries a permission by, of those that a source names for it alone; "" = none is known."""
    known = (row.path for row in endpoint_map.rows() if row.method == "GET" and row.sourced and row.permissions == (right,))
    return min((path for path in known if path.startswith("/v1/") and ":id" not in path), key=len, default="")
