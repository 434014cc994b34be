"""What a scanner's report says leaked, as items: keys of the inventory, keys of Stripe's that it does not list, other vendors' by kind."""

from collections.abc import Iterable
from dataclasses import replace

from ir.alerts import Leak
from ir.core.key_kind import kind_of
from ir.core.model import KeyKind, Mode
from ir.core.wording import counted
from ir.fleet.breach.item import BreachItem, DangerRank, clean, danger_of, rights_of
from ir.fleet.breach.matching import LIST_IT, guessed
from ir.inventory import Inventory, Key

_SHOWN = 20
"""Places of one leak that a list shows."""


def items_of(source: Inventory, leaks: Iterable[Leak], report: str) -> list[BreachItem]:
    """One item per credential that is not dealt with already.

    Args:
        source: the inventory.
        leaks: of one report.
        report: its name, which stands for the place.
    """
    return [item for leak in leaks if leak.open for item in _items(source, leak, report)]


def _items(source: Inventory, leak: Leak, report: str) -> list[BreachItem]:
    shown = tuple(clean(str(place)) for place in leak.places[:_SHOWN]) or (clean(report),)
    found = BreachItem("", DangerRank.UNKNOWN, "", shown, (report,), "alert", remarks=_more(leak))
    if leak.keys:
        return [_ours(found, source, source.key(name)) for name in leak.keys]
    kind = leak.alerts[0].kind
    found = replace(found, name=clean(kind))
    if not (leak.stripe or leak.webhook):
        return [guessed(found, kind)]
    told = kind_of(leak.secret) if leak.secret is not None and not leak.cut else None
    remarks = (f"{told.credential.value} {leak.secret.fingerprint}",) if told and leak.secret else ()
    danger = _danger(leak, told.key_kind if told else None, told.mode if told else None)
    return [replace(found, danger=danger, vendor="Stripe", todo=LIST_IT, remarks=(*remarks, *found.remarks))]


def _ours(found: BreachItem, source: Inventory, key: Key) -> BreachItem:
    remarks = (*rights_of(source, key), *found.remarks)
    return replace(found, name=key.name, danger=danger_of(source, key), key=key.name, vendor="Stripe", remarks=remarks)


def _more(leak: Leak) -> tuple[str, ...]:
    """What the places shown are not: all of those that the report names, or all that there are."""
    left = len(leak.places) - _SHOWN
    return (
        *((f"the report names {counted(left, 'more place')}",) if left > 0 else ()),
        *(("its scanner names one place of each secret: there may be more",) if leak.one_place else ()),
    )


def _danger(leak: Leak, kind: KeyKind | None, mode: Mode | None) -> DangerRank:
    if leak.webhook or kind is KeyKind.WEBHOOK:
        return DangerRank.LIVE_WEBHOOK
    if mode is Mode.TEST:
        return DangerRank.TEST
    return DangerRank.LIVE_SECRET if kind is KeyKind.SECRET else DangerRank.LIVE_UNKNOWN
