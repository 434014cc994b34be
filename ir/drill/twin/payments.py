"""Money: intents that are confirmed, refunds, payouts, transfers."""

from ir.core.model import Json
from ir.drill.twin import money_objects
from ir.drill.twin import params as p
from ir.drill.twin.call import Call
from ir.drill.twin.error_answers import bad_request, declined, no_such
from ir.drill.twin.resources import RESOURCES

_INTENTS, _CHARGES = RESOURCES["payment_intents"], RESOURCES["charges"]
_DECLINED = "pm_card_chargeDeclined"
_DAY = 86_400


def create_intent(call: Call) -> Json:
    """POST /v1/payment_intents; `confirm=true` pays at once."""
    intent = call.create(_INTENTS, money_objects.payment_intent(call.params))
    intent = call.replace(_INTENTS, intent, client_secret=f"{intent['id']}_secret_{call.world.text(25)}")
    call.emit("payment_intent.created", intent)
    return _pay(call, intent) if p.flag(call.params, "confirm") else intent


def confirm_intent(call: Call, ident: str) -> Json:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = _intent(call, ident)
    if intent["status"] not in ("requires_confirmation", "requires_payment_method"):
        raise bad_request(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
        )
    if "payment_method" in call.params:
        intent = call.replace(_INTENTS, intent, payment_method=p.text(call.params, "payment_method"))
    return _pay(call, intent)


def cancel_intent(call: Call, ident: str) -> Json:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = _intent(call, ident)
    if intent["status"] in ("succeeded", "canceled"):
        raise bad_request(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
        )
    intent = call.replace(_INTENTS, intent, status="canceled", canceled_at=int(call.now))
    call.emit("payment_intent.canceled", intent)
    return intent


def _intent(call: Call, ident: str) -> Json:
    found = call.book.shelf("payment_intents").get(ident)
    if found is None:
        raise no_such("payment_intent", ident)
    return found


def _pay(call: Call, intent: Json) -> Json:
    if not intent["payment_method"]:
        raise bad_request(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
        )
    carried = ("amount", "currency", "customer", "description", "metadata", "payment_method", "receipt_email")
    fields = money_objects.charge({name: intent[name] for name in carried} | {"payment_intent": intent["id"]})
    if intent["payment_method"] == _DECLINED:
        return _decline(call, intent, fields)
    charge = call.create(_CHARGES, fields)
    intent = call.replace(_INTENTS, intent, status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
    _move(call, charge["currency"], charge["amount"])
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.succeeded", intent)
    return intent


def _decline(call: Call, intent: Json, fields: Json) -> Json:
    failure = {"failure_code": "card_declined", "failure_message": "Your card was declined."}
    outcome = {
        "network_status": "declined_by_network",
        "reason": "generic_decline",
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    charge = call.create(_CHARGES, fields | failure | {"status": "failed", "paid": False, "amount_captured": 0, "outcome": outcome})
    refusal = declined(charge["id"])
    changes = {"status": "requires_payment_method", "latest_charge": charge["id"], "last_payment_error": refusal.error}
    intent = call.replace(_INTENTS, intent, **changes)
    call.emit("charge.failed", charge)
    call.emit("payment_intent.payment_failed", intent)
    raise refusal


def create_charge(call: Call) -> Json:
    """POST /v1/charges."""
    charge = call.create(_CHARGES, money_objects.charge(call.params))
    _move(call, charge["currency"], charge["amount"])
    call.emit("charge.succeeded", charge)
    return charge


def create_refund(call: Call) -> Json:
    """POST /v1/refunds, by charge or payment intent; the whole rest without an amount."""
    charge = _refundable(call)
    rest = charge["amount"] - charge["amount_refunded"]
    amount = p.amount(call.params, default=rest or 1)
    if amount > rest:
        raise bad_request("Refund amount is greater than unrefunded amount on charge.", "charge_already_refunded")
    fields = {"amount": amount, "currency": charge["currency"], "charge": charge["id"]}
    refund = call.create(RESOURCES["refunds"], money_objects.refund(call.params | fields | {"payment_intent": charge["payment_intent"]}))
    given = charge["amount_refunded"] + amount
    changed = call.replace(_CHARGES, charge, amount_refunded=given, refunded=given == charge["amount"])
    _move(call, charge["currency"], -amount)
    call.emit("charge.refunded", changed, {"amount_refunded": charge["amount_refunded"]})
    call.emit("refund.created", refund)
    return refund


def _refundable(call: Call) -> Json:
    ident = call.params.get("charge")
    if not ident:
        ident = _intent(call, p.text(call.params, "payment_intent"))["latest_charge"]
    charge = call.book.shelf("charges").get(str(ident))
    if charge is None:
        raise no_such("charge", str(ident))
    return charge


def create_payout(call: Call) -> Json:
    """POST /v1/payouts."""
    arrival = int(call.now) + (0 if call.params.get("method") == "instant" else 2 * _DAY)
    fields = money_objects.payout(call.params) | {"arrival_date": arrival, "automatic": False}
    fields["destination"] = fields["destination"] or f"ba_1{call.book.account[-15:]}"
    payout = call.create(RESOURCES["payouts"], fields)
    _move(call, payout["currency"], -payout["amount"])
    call.emit("payout.created", payout)
    return payout


def cancel_payout(call: Call, ident: str) -> Json:
    """POST /v1/payouts/{id}/cancel."""
    payout = call.book.shelf("payouts").get(ident)
    if payout is None:
        raise no_such("payout", ident)
    if payout["status"] != "pending":
        raise bad_request("Payouts can only be canceled while they are pending.", "payout_not_cancelable")
    payout = call.replace(RESOURCES["payouts"], payout, status="canceled")
    _move(call, payout["currency"], payout["amount"])
    call.emit("payout.canceled", payout)
    return payout


def create_transfer(call: Call) -> Json:
    """POST /v1/transfers."""
    transfer = call.create(RESOURCES["transfers"], money_objects.transfer(call.params))
    _move(call, transfer["currency"], -transfer["amount"])
    call.emit("transfer.created", transfer)
    return transfer


def _move(call: Call, currency: str, amount: int) -> None:
    call.book.money[currency] = call.book.money.get(currency, 0) + amount
