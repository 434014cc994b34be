"""The things that an attacker can leave behind: each kind with its list, its severity, its effect and its undo."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ir.core.model import Json

_LARGEST = 2**53
"""The largest number that can be an amount or a time."""


def whole(value: object) -> int:
    """A number of Stripe's; 0 for anything else."""
    return int(value) if isinstance(value, int | float) and abs(value) < _LARGEST else 0


@dataclass(frozen=True)
class LeftoverList:
    """One list of Stripe's in which leftovers can be.

    Attributes:
        kind: of the rows. path: of the list. created: whether it takes `created[gte]`.
        rare: such a thing is made a few times a year; a daily one counts only when a stranger made it.
        severity, why, undo: of one made after the exposure.
        wanted: which rows can be leftovers at all.
        extra: further parameters of the list.
    """

    kind: str
    path: str
    severity: str
    why: str
    undo: str
    created: bool = True
    rare: bool = True
    wanted: Callable[[Json], bool] = field(default=lambda _: True)
    extra: Json = field(default_factory=dict)


def _open(row: Json) -> bool:
    return row.get("status") == "open"


def _draft(row: Json) -> bool:
    return row.get("status") == "draft"


def _all_off(row: Json) -> bool:
    return whole(row.get("percent_off")) >= 100


def _by_hand(row: Json) -> bool:
    if row.get("status") in ("canceled", "failed"):
        return False
    return row.get("automatic") is False or row.get("method") == "instant"


_CLICK = "Dashboard > "
SWEEPS: tuple[LeftoverList, ...] = (
    LeftoverList(
        "webhook_endpoint",
        "/v1/webhook_endpoints",
        "critical",
        "sends your events to this address",
        "DELETE /v1/webhook_endpoints/{id}",
        created=False,
    ),
    LeftoverList(
        "event_destination",
        "/v2/core/event_destinations",
        "critical",
        "sends your events there",
        "DELETE /v2/core/event_destinations/{id}",
        created=False,
        extra={"include": ["webhook_endpoint.url"]},
    ),
    LeftoverList("connected_account", "/v1/accounts", "critical", "can receive your money", _CLICK + "Connect > {id} > Reject"),
    LeftoverList(
        "payout",
        "/v1/payouts",
        "critical",
        "money on its way out, by hand or instant",
        "POST /v1/payouts/{id}/cancel while it is pending",
        rare=False,
        wanted=_by_hand,
    ),
    LeftoverList("transfer", "/v1/transfers", "critical", "money to another account", "POST /v1/transfers/{id}/reversals", rare=False),
    LeftoverList("topup", "/v1/topups", "high", "pulls money into the balance, to be paid out", "POST /v1/topups/{id}/cancel"),
    LeftoverList("issuing_card", "/v1/issuing/cards", "critical", "can spend your balance", "POST /v1/issuing/cards/{id} status=canceled"),
    LeftoverList("file_link", "/v1/file_links", "high", "a public link to a file of yours", "POST /v1/file_links/{id} expires_at=now"),
    LeftoverList(
        "payment_link",
        "/v1/payment_links",
        "high",
        "takes payments in your name",
        "POST /v1/payment_links/{id} active=false",
        created=False,
        wanted=lambda row: row.get("active") is not False,
    ),
    LeftoverList("coupon", "/v1/coupons", "high", "gives everything away", "DELETE /v1/coupons/{id}", wanted=_all_off),
    LeftoverList(
        "promotion_code",
        "/v1/promotion_codes",
        "medium",
        "hands a coupon out",
        "POST /v1/promotion_codes/{id} active=false",
        wanted=lambda row: row.get("active") is not False,
    ),
    LeftoverList(
        "subscription", "/v1/subscriptions", "medium", "charges a customer again and again", "DELETE /v1/subscriptions/{id}", rare=False
    ),
    LeftoverList(
        "subscription_schedule",
        "/v1/subscription_schedules",
        "medium",
        "will charge later",
        "POST /v1/subscription_schedules/{id}/cancel",
        rare=False,
    ),
    LeftoverList(
        "draft_invoice", "/v1/invoices", "medium", "will be sent and charged", "DELETE /v1/invoices/{id}", rare=False, wanted=_draft
    ),
    LeftoverList(
        "open_checkout_session",
        "/v1/checkout/sessions",
        "low",
        "can still be paid",
        "POST /v1/checkout/sessions/{id}/expire",
        rare=False,
        wanted=_open,
    ),
    LeftoverList("product", "/v1/products", "low", "can be sold in your name", "POST /v1/products/{id} active=false", rare=False),
)

MONEY_KINDS = ("payout", "transfer", "topup", "connected_account", "external_account", "issuing_card")
_PAGES = {
    "payout": "payouts/{id}",
    "transfer": "connect/transfers/{id}",
    "topup": "topups/{id}",
    "connected_account": "connect/accounts/{id}",
    "external_account": "settings/payouts",
    "issuing_card": "issuing/cards/{id}",
}

STANDING = ("webhook_endpoint", "event_destination", "external_account")
"""Kinds that go on working however old they are; their lists are always read whole."""


@dataclass(frozen=True)
class Change:
    """An account change that stays.

    Attributes:
        kind: type in the activity log, where one that ends with `*` stands for all that begin so, or of an event.
        severity, why, undo: as of a `LeftoverList`.
        login: no API key of the account can do it, so a login was used.
    """

    kind: str
    severity: str
    why: str
    undo: str
    login: bool = False


_TEAM, _PAYOUTS, _SECURITY = _CLICK + "Settings > Team > ", _CLICK + "Settings > Payouts > ", _CLICK + "Settings > Security > "
CHANGES: tuple[Change, ...] = (
    Change("api_key_created", "critical", "a key that lives on after yours is dead", _CLICK + "Developers > API keys > expire {id}", True),
    Change("api_key_updated", "high", "a key may be used from everywhere again", _CLICK + "API keys > {id} > Manage access policy", True),
    Change("user_invite_created", "high", "a person who can log in", _TEAM + "remove {id}", True),
    Change("user_invite_accepted", "high", "a person who can log in", _TEAM + "remove {id}", True),
    Change("user_roles_updated", "high", "someone may do more than before", _TEAM + "{id} > roles", True),
    Change("external_account", "critical", "payouts can go there", _PAYOUTS + "remove {id}"),
    Change("payout_destination_added", "critical", "payouts can go there", _PAYOUTS + "remove {id}"),
    Change("payout_destination_updated", "critical", "payouts go elsewhere", _PAYOUTS + "{id}"),
    Change("payout_schedule*", "high", "the payout schedule was changed, or can be", _PAYOUTS + "schedule"),
    Change("manual_payouts_enabled", "high", "payouts can be made by hand", _PAYOUTS + "schedule"),
    Change("event_destination_created", "critical", "sends your events there", "DELETE /v2/core/event_destinations/{id}"),
    Change("event_destination_updated", "critical", "may send your events elsewhere", _CLICK + "Workbench > Event destinations > {id}"),
    Change("app_*", "high", "an app that may read or write in your name", _CLICK + "Settings > Installed apps > remove {id}", True),
    Change("radar_*", "high", "Stripe's fraud rules are not what they were", _CLICK + "Radar > Rules and lists > {id}"),
    Change("anomaly_detection_settings_updated", "high", "Stripe's own alarms may be off", _SECURITY + "anomaly detection", True),
    Change(
        "two_step_authentication_mandate_disabled",
        "high",
        "people can log in without a second factor",
        _TEAM + "two-step authentication",
        True,
    ),
    Change("sso_settings*", "high", "people may log in another way than before", _SECURITY + "single sign-on", True),
)
_APP, _SCHEDULE, _KEY = (next(c for c in CHANGES if c.kind == kind) for kind in ("app_*", "payout_schedule*", "api_key_created"))
EVENTS: tuple[Change, ...] = (
    replace(_APP, kind="account.application.authorized"),
    replace(_SCHEDULE, kind="balance_settings.updated"),
    replace(_KEY, kind="v2.iam.api_key.created"),
)
"""Kinds that have an event and no list."""
_TEXTS = {sweep.kind: sweep for sweep in SWEEPS}
UNDONE = ("deleted", "removed", "uninstalled", "deauthorized", "revoked")
"""Endings of change types that remove something, which leaves nothing behind unless it was a protection."""
_PROTECTIONS = ("radar", "sso_")


def change(kind: str, group: str = "") -> Change | None:
    """The leftover that an entry of the activity log shows, by its type, else by its group; None = nothing stays."""
    if kind.endswith(UNDONE) and not (kind.startswith(_PROTECTIONS) or group == "radar"):
        return None
    named = (c for c in (*CHANGES, *EVENTS) if c.kind == kind or (c.kind.endswith("*") and kind.startswith(c.kind[:-1])))
    return next(named, None) or next((c for c in CHANGES if group and c.kind == f"{group}_*"), None)


def leftover(kind: str, ident: str, created: int, *, detail: str = "", group: str = "") -> Json:
    """One leftover with its undo; nothing is undone here. The detail says where it points to, or by whom it was made."""
    text = _TEXTS.get(kind) or change(kind, group)
    level, why, undo = (text.severity, text.why, text.undo) if text else ("high", "was set up after the exposure", _CLICK + "look for {id}")
    said = why + (f": {detail}" if detail else "")
    return {"kind": kind, "id": ident, "created": int(created), "severity": level, "why": said, "undo": undo.replace("{id}", ident)}


def page(kind: str, ident: str, *, test: bool) -> str:
    """The page of the Dashboard that shows a movement of money and stops it."""
    return f"https://dashboard.stripe.com/{'test/' if test else ''}{_PAGES.get(kind, '{id}').replace('{id}', ident)}"


def is_rare(kind: str) -> bool:
    """Whether such a thing is made so rarely that every new one is worth a look."""
    return kind not in _TEXTS or _TEXTS[kind].rare
