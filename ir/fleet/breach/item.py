"""One secret at a breached place, and how dangerous it is there. Plain data: names are cleaned, values are never held."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from typing import Any

from ir.core.model import Json, Mode
from ir.core.secret import excerpt
from ir.inventory import Inventory, Key, Webhook

LONGEST = 120
"""Characters of a name that a host gives."""
_MONEY = ("payout_write", "transfer_write", "outbound_transfer_write", "api_key_write", "issuing_card_write")
"""Permissions by which money leaves an account, or by which other keys are made."""


class DangerRank(IntEnum):
    """What is worse comes first."""

    LOGIN = 0
    OUR_OWN = 1
    LIVE_SECRET = 2
    LIVE_MONEY = 3
    LIVE_CONNECT = 4
    LIVE_UNKNOWN = 5
    LIVE_RESTRICTED = 6
    LIVE_WEBHOOK = 7
    TEST = 8
    TEST_WEBHOOK = 9
    OTHER_VENDOR = 10
    UNKNOWN = 11
    HARMLESS = 12


WORDS = {
    DangerRank.LOGIN: "the login that ir itself uses at that host",
    DangerRank.OUR_OWN: "ir itself works with it",
    DangerRank.LIVE_SECRET: "live secret key: pays out, and everything else",
    DangerRank.LIVE_MONEY: "live restricted key that can move money out",
    DangerRank.LIVE_CONNECT: "live restricted key with rights on connected accounts",
    DangerRank.LIVE_UNKNOWN: "Stripe's by its name, and not in the inventory",
    DangerRank.LIVE_RESTRICTED: "live restricted key",
    DangerRank.LIVE_WEBHOOK: "live webhook signing secret: events can be forged",
    DangerRank.TEST: "test key",
    DangerRank.TEST_WEBHOOK: "webhook signing secret of test mode",
    DangerRank.OTHER_VENDOR: "another vendor's",
    DangerRank.UNKNOWN: "cannot be told by its name",
    DangerRank.HARMLESS: "made to be seen, or no secret by its name",
}


@dataclass(frozen=True)
class BreachItem:
    """One thing.

    Attributes:
        name: of the key in the inventory, else as the host spells it, cleaned.
        key: of the inventory, "" = none.
        places: references or descriptions, as far as they are breached.
        servers: those places' servers, for the report per place.
        told_by: how it was recognised: `reference`, `fingerprint`, `name`, `alert`, `login`.
        vendor, link: whose it is by its name, and where it is replaced.
        todo: what a person does; "" where the campaign does it.
        remarks: what else is known, for people.
    """

    name: str
    danger: DangerRank
    key: str = ""
    places: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    told_by: str = "name"
    vendor: str = ""
    link: str = ""
    todo: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        """Whether it is a key or webhook of the inventory."""
        return bool(self.key)

    def beside(self, other: "BreachItem") -> "BreachItem":
        """The same thing, with the places and remarks of both; the other's come first."""
        return replace(
            other,
            places=tuple(dict.fromkeys((*other.places, *self.places))),
            servers=tuple(dict.fromkeys((*other.servers, *self.servers))),
            remarks=tuple(dict.fromkeys((*other.remarks, *self.remarks))),
        )

    def to_json(self) -> Json:
        """A JSON object; `from_json` reads it back."""
        return {**asdict(self), "danger": int(self.danger), "what": WORDS[self.danger]}

    @classmethod
    def from_json(cls, data: Json) -> "BreachItem":
        """Inverse of `to_json`."""
        rows: dict[str, Any] = {name: value for name, value in data.items() if name != "what"}
        lists = {name: tuple(rows[name]) for name in ("places", "servers", "remarks")}
        return cls(**{**rows, **lists, "danger": DangerRank(rows["danger"])})


def clean(name: str) -> str:
    """A host's name for people and records: one printable line, free of keys, and short."""
    shown = "".join(c if c.isprintable() and c not in "\u200b\u200c\u200d\u2060\ufeff" else " " for c in name[:10_000])
    return excerpt(shown, LONGEST) or "(no name)"


def danger_of(source: Inventory, key: Key) -> DangerRank:
    """Of a key or webhook of the inventory; where it does not list permissions, they are taken as able to move money."""
    live = source.account(key.account).mode is Mode.LIVE
    if isinstance(key, Webhook):
        return DangerRank.LIVE_WEBHOOK if live else DangerRank.TEST_WEBHOOK
    if not live:
        return DangerRank.TEST
    if key.kind == "secret":
        return DangerRank.LIVE_SECRET
    if not key.permissions or set(key.permissions) & set(_MONEY):
        return DangerRank.LIVE_MONEY
    return DangerRank.LIVE_CONNECT if key.connect_permissions else DangerRank.LIVE_RESTRICTED


def rights_of(source: Inventory, key: Key) -> tuple[str, ...]:
    """What makes a key more or less dangerous, in words."""
    if isinstance(key, Webhook):
        return ("events of connected accounts",) if key.connect else ()
    connect = ("with rights on connected accounts",) if key.connect_permissions else ()
    unlisted = key.kind != "secret" and not key.permissions and source.account(key.account).mode is Mode.LIVE
    return (*(("its permissions are not listed",) if unlisted else ()), *connect)


def ordered(items: Iterable[BreachItem]) -> list[BreachItem]:
    """What is worse first; then what has more to do with connected accounts, then by name."""
    return sorted(
        items, key=lambda item: (item.danger, not any("connected" in one for one in item.remarks), item.name.lower(), item.places)
    )
