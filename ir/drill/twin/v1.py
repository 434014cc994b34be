"""The v1 API: balance, account, and every list of `resources`."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from ir.core.model import Json
from ir.drill.twin import params as p
from ir.drill.twin import payments, refusals
from ir.drill.twin.call import Call
from ir.drill.twin.error_answers import bad_request, no_such, unknown_url
from ir.drill.twin.paging import v1_page
from ir.drill.twin.resources import EXTERNAL_ACCOUNTS, RESOURCES, Resource
from ir.drill.twin.world import Shelf

EVENT_DAYS = 30
"""How far back events can be read."""

_MOST_ENDPOINTS = 16

_CREATE: dict[str, Callable[[Call], Json]] = {
    "payment_intents": payments.create_intent,
    "charges": payments.create_charge,
    "refunds": payments.create_refund,
    "payouts": payments.create_payout,
    "transfers": payments.create_transfer,
}
_ACT: dict[tuple[str, str], Callable[[Call, str], Json]] = {
    ("payment_intents", "confirm"): payments.confirm_intent,
    ("payment_intents", "cancel"): payments.cancel_intent,
    ("payouts", "cancel"): payments.cancel_payout,
}
_CHANGEABLE = frozenset({"customers", "products", "coupons", "payment_links", "webhook_endpoints", "accounts", "prices"})


def endpoint(path: str) -> str:
    """The path without ids, for rate limits and tables: `/v1/charges/{id}`."""
    resource, rest = _split(path)
    return f"/v1/{resource.path}" + ("/{id}" if rest else "") if resource else path


def answer(call: Call) -> Json:
    """The body of a 200.

    Raises:
        ApiError: everything else.
    """
    path, method = call.request.path, call.request.method
    if path == "/v1/balance" and method == "GET":
        return _balance(call)
    if path == "/v1/account" and method == "GET":
        call.need("accounts_kyc_basic_read", "connected_account_read")
        return account_object(call)
    resource, rest = _split(path)
    if resource is None or len(rest) > 2:
        raise unknown_url(method, path)
    call.need(refusals.asked(method, f"/v1/{resource.path}", resource.opens_read if method == "GET" else resource.opens_write))
    if not rest:
        return _list(call, resource) if method == "GET" else _create(call, resource)
    return _one(call, resource, rest) if len(rest) == 1 else _below(call, resource, rest[0], rest[1])


def _split(path: str) -> tuple[Resource | None, list[str]]:
    words = path.removeprefix("/v1/").rstrip("/").split("/")
    for length in (2, 1):
        resource = RESOURCES.get("/".join(words[:length]))
        if resource and len(words) >= length:
            return resource, words[length:]
    return None, words


def _balance(call: Call) -> Json:
    call.need("balance_read")
    money = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in sorted(call.book.money.items())
    ]
    pending = [{"amount": 0, "currency": row["currency"], "source_types": {"card": 0}} for row in money]
    return {"object": "balance", "available": money, "livemode": call.book.live, "pending": pending}


def account_object(call: Call) -> Json:
    """The caller's own account; it has no `livemode`."""
    return {
        "id": call.book.account,
        "object": "account",
        "business_profile": {"name": None, "url": None},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Twin", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def _list(call: Call, resource: Resource) -> Json:
    params, url = dict(call.params), f"/v1/{resource.path}"
    shelf = call.book.shelf(resource.path)
    expand = params.pop("expand", None)
    if resource.path == "events":
        keep, floor = _event_filter(params), call.now - EVENT_DAYS * 86_400
        return v1_page(shelf, params, url=url, what="event", floor=floor, keep=keep)
    page = v1_page(shelf, params, url=url, what=resource.object, dated=resource.dated)
    if expand:
        inner = [name.removeprefix("data.") for name in p.names({"expand": expand}, "expand")]
        page["data"] = [_expanded(call, row, inner) for row in page["data"]]
    return page


def _event_filter(params: Json) -> Callable[[Json], bool]:
    if "delivery_success" in params:
        taken = p.flag({"value": params.pop("delivery_success")}, "value")
        rest = _event_filter(params)
        return lambda event: (event["pending_webhooks"] == 0) is taken and rest(event)
    kind, kinds = params.pop("type", None), params.pop("types", None)
    if kind is not None and kinds is not None:
        raise bad_request("You may only specify one of these parameters: type, types.")
    if kinds is not None:
        wanted = frozenset(p.names({"types": kinds}, "types"))
        if len(wanted) > 20:
            raise bad_request("Array types exceeded maximum 20 allowed elements.", param="types")
        return lambda event: event["type"] in wanted
    if kind is not None:
        pattern = str(kind)
        return lambda event: fnmatchcase(event["type"], pattern)
    return lambda _: True


def _create(call: Call, resource: Resource) -> Json:
    special = _CREATE.get(resource.path)
    if special:
        return _expanded(call, special(call), p.names(call.params, "expand"))
    if resource.build is None:
        raise bad_request(f"The twin creates no objects of kind {resource.object}; plant them instead.")
    if resource.path == "webhook_endpoints" and len(call.book.shelf(resource.path)) >= _MOST_ENDPOINTS:
        raise bad_request(f"You have reached the maximum of {_MOST_ENDPOINTS} webhook endpoints.")
    fields = resource.build(call.params)
    if resource.path == "coupons" and "id" in call.params:
        fields["id"] = p.text(call.params, "id")
    if resource.path == "accounts":
        fields["id"] = f"acct_1{call.world.text(15)}"
    found = call.create(resource, fields)
    if resource.path == "payment_links":
        found = call.replace(resource, found, url=f"https://buy.stripe.com/{call.world.text(12)}")
    if resource.event:
        call.emit(f"{resource.event}.created", found)
    if resource.path != "webhook_endpoints":
        return found
    secret = f"whsec_{call.world.text(32)}"  # it is in this answer and nowhere else
    call.world.deliveries.made(found["id"], secret, connect=p.flag(call.params, "connect"))
    return found | {"secret": secret}


def _one(call: Call, resource: Resource, rest: list[str]) -> Json:
    shelf, ident = call.book.shelf(resource.path), rest[0]
    found = shelf.get(ident)
    if found is None and resource.path == "accounts" and ident == call.book.account:
        return account_object(call)
    if found is None:
        raise no_such(resource.object, ident)
    if call.request.method == "GET":
        return _expanded(call, found, p.names(call.params, "expand"))
    return _remove(call, resource, found, shelf) if call.request.method == "DELETE" else _change(call, resource, found)


def _change(call: Call, resource: Resource, found: Json) -> Json:
    if resource.path not in _CHANGEABLE:
        raise bad_request(f"The twin does not change objects of kind {resource.object}.")
    unknown = [name for name in call.params if name not in found and name != "disabled"]
    if unknown:
        raise bad_request(f"Received unknown parameter: {unknown[0]}", "parameter_unknown", param=unknown[0])
    changes = {name: _as(found[name], value) for name, value in call.params.items() if name in found}
    if "disabled" in call.params:
        changes["status"] = "disabled" if p.flag(call.params, "disabled") else "enabled"
    new = call.replace(resource, found, **changes)
    if resource.event:
        call.emit(f"{resource.event}.updated", new, {name: found[name] for name in changes})
    return new


def _as(old: object, value: object) -> object:
    if isinstance(old, bool):
        return p.flag({"value": value}, "value")
    if isinstance(old, int):
        return p.integer({"value": value}, "value")
    if isinstance(old, dict) and isinstance(value, dict):
        return old | value
    return value


def _remove(call: Call, resource: Resource, found: Json, shelf: Shelf) -> Json:
    if not resource.removable:
        raise unknown_url("DELETE", call.request.path)
    shelf.drop(found["id"])
    if resource.event and resource.path != "accounts":
        call.emit(f"{resource.event}.deleted", found)
    return {"id": found["id"], "object": resource.object, "deleted": True}


def _below(call: Call, resource: Resource, ident: str, word: str) -> Json:
    if call.request.method == "GET" and resource.path == "accounts" and word == "external_accounts":
        path = f"accounts/{ident}/external_accounts"
        return v1_page(call.book.shelf(path), call.params, url=f"/v1/{path}", what=EXTERNAL_ACCOUNTS.object, dated=False)
    act = _ACT.get((resource.path, word)) if call.request.method == "POST" else None
    if act is None:
        raise unknown_url(call.request.method, call.request.path)
    return _expanded(call, act(call, ident), p.names(call.params, "expand"))


def _expanded(call: Call, found: Json, names: list[str]) -> Json:
    for name in names:
        whole = (
            next((shelf.get(found[name]) for shelf in _shelves(call) if shelf.get(found[name])), None)
            if (isinstance(found.get(name), str))
            else None
        )
        if whole:
            found = found | {name: whole}
    return found


def _shelves(call: Call) -> list[Shelf]:
    return list(call.book.shelves.values())
