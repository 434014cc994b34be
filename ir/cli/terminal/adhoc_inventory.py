"""Without an inventory: find out what was pasted and whose key it is, and make the smallest inventory that is true."""

from ir.adapters.issuers import by_hand
from ir.cli.terminal.screen import Screen
from ir.core import key_kind
from ir.core.errors import Refused, UsageError
from ir.core.model import Liveness, Mode
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.core.stripe_address import STRIPE
from ir.inventory import Account, Inventory, Key
from ir.runtime.incident_spec import inventory_text


def inventory_for(leaked: Secret, screen: Screen, *, api_base: str = "") -> str:
    """Inventory text with one account and one key, found out from the key itself.

    Raises:
        Unknown: there is no connection to Stripe; what can be done by hand meanwhile is its next step.
        Refused: it is not a key that can be rotated (with its own instruction), or Stripe does not say whose it is.
    """
    from ir.clients.stripe_api import StripeApi, account_of, probe

    kind = key_kind.kind_of(leaked)
    fault = key_kind.paste_fault(leaked)
    if not kind.rotatable or fault:
        raise Refused(fault or kind.credential.instruction, safe="nothing was sent anywhere")
    for other in kind.may_be:
        screen.say(f"If it is a {other.value}: {other.instruction}")
    try:
        api = StripeApi(api_base or STRIPE)
    except ValueError as error:
        raise UsageError(str(error), next_step="leave --api-base out to call Stripe") from None
    with by_hand.instead(kind.mode or Mode.LIVE):
        seen = probe(api, leaked)
        if seen.liveness is Liveness.INVALID:
            raise Refused("Stripe does not recognise this key: a typing mistake, or it is gone already", next_step="paste it again, whole")
        account = seen.account or account_of(api, leaked) or key_kind.account_hint(leaked)
    mode = seen.mode or kind.mode
    if not account or mode is None:
        account, mode = account or "acct_unknown", mode or Mode.LIVE
    screen.say(f"It is a {kind.credential.value} in {mode.value} mode of {account}; it answers: {seen.liveness.value}.")
    assert kind.key_kind is not None  # noqa: S101 - a rotatable credential has one
    row = Account(name="account", id=account, mode=mode, api_base=api.base)
    key = Key(name="leaked", account="account", kind=kind.key_kind, stored_in=[parse("manual://wherever-it-is-used")])
    return inventory_text(Inventory(version=1, accounts=[row], keys=[key]))
