"""What a scanner's report says leaked, as items: keys of the inventory, keys of Stripe's that it does not list, other vendors' by kind."""

from collections.abc import Iterable

from ir.alerts import Leak
from ir.core.key_kind import kind_of
from ir.core.model import KeyKind, Mode
from ir.fleet.breach.item import BreachItem, DangerRank, clean, danger_of, rights_of
from ir.fleet.breach.matching import LIST_IT, guessed
from ir.inventory import Inventory


def items_of(source: Inventory, leaks: Iterable[Leak], report: str) -> list[BreachItem]:
    """One item per credential that is not dealt with already.

    Args:
        source: the inventory.
        leaks: of one report.
        report: its name, which stands for the place.
    """
    return [item for leak in leaks if leak.open for item in _items(source, leak, report)]


def _items(source: Inventory, leak: Leak, report: str) -> list[BreachItem]:
    places = tuple(clean(str(place)) for place in leak.places[:20]) or (clean(report),)
    if leak.keys:
        keys = [source.key(name) for name in leak.keys]
        return [
            BreachItem(
                key.name, danger_of(source, key), key.name, places, (report,), "alert", vendor="Stripe", remarks=rights_of(source, key)
            )
            for key in keys
        ]
    kind = leak.alerts[0].kind
    found = BreachItem(clean(kind), DangerRank.UNKNOWN, "", places, (report,), "alert")
    if not (leak.stripe or leak.webhook):
        return [guessed(found, kind)]
    told = kind_of(leak.secret) if leak.secret is not None and not leak.cut else None
    remarks = (f"{told.credential.value} {leak.secret.fingerprint}",) if told and leak.secret else ()
    unlisted = BreachItem(
        found.name, _danger(leak, told.key_kind if told else None, told.mode if told else None), "", places, (report,), "alert"
    )
    return [BreachItem(**{**unlisted.__dict__, "vendor": "Stripe", "todo": LIST_IT, "remarks": remarks})]


def _danger(leak: Leak, kind: KeyKind | None, mode: Mode | None) -> DangerRank:
    if leak.webhook or kind is KeyKind.WEBHOOK:
        return DangerRank.LIVE_WEBHOOK
    if mode is Mode.TEST:
        return DangerRank.TEST
    return DangerRank.LIVE_SECRET if kind is KeyKind.SECRET else DangerRank.LIVE_UNKNOWN
