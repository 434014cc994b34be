"""Match secrets at breached places to the inventory: by reference, by fingerprint where values were read, else by name alone. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ir.core.key_kind import CredentialKind, kind_of
from ir.core.key_search import FoundKey
from ir.core.model import KeyKind, Mode
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.fleet.breach import vendors
from ir.fleet.breach.item import BreachItem, DangerRank, clean, danger_of, ordered, rights_of
from ir.fleet.breach.logins import logins
from ir.fleet.breach.spelling import canonical, within
from ir.fleet.campaign import server
from ir.inventory import Inventory, Key, references
from ir.ports import Listed, Listing

LIST_IT = "list it in the inventory with its services, then rotate it: ir rotate stripe NAME; or expire it in the Dashboard"
_FIELD_IS_ANOTHER = ("vercel", "github-actions")
"""Where a reference without a field is a thing of its own (production, the repository), not the object of all fields."""


@dataclass(frozen=True)
class Look:
    """What a look at one place came to.

    Attributes:
        why_not: why nothing was listed, "" = it was.
    """

    place: Place
    listing: Listing = field(default_factory=lambda: Listing(()))
    why_not: str = ""


@dataclass(frozen=True)
class ReadValues:
    """What values came to.

    Attributes:
        found_keys: values shaped like Stripe's keys, each with its place.
        unread: places that could not be read, and why.
    """

    found_keys: tuple[FoundKey, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matched:
    """Rows of the hosts beside the inventory.

    Attributes:
        items: what lay there, what is worse first.
        unread: rows that no reference of the inventory names, and whose value may be read: who agrees to it learns more.
    """

    items: tuple[BreachItem, ...]
    unread: tuple[Listed, ...] = ()


def matched(
    source: Inventory, base: Path, looks: Sequence[Look], read: ReadValues | None = None, held: Mapping[Secret, str] | None = None
) -> Matched:
    """Everything that lay there.

    Args:
        source: the inventory.
        base: the folder that its relative paths start from.
        looks: one per place.
        read: what the values of unnamed rows came to; None: they were not read.
        held: value → key of the inventory.
    """
    listed = {canonical(ref, base) for _, ref in references.every(source)}
    left = [(one.place, row) for one in looks for row in one.listing.rows if not _named(row, listed, base)]
    by_value, rest = _by_value(source, left, read.found_keys if read else (), held or {})
    ours = [item for key in source.held if (item := _of_key(source, key, looks, base))]
    places = [one.place for one in looks]
    items = [*logins(source, places), *_own(source, places, base), *_joined([*ours, *by_value]), *_joined(_by_name(rest))]
    rows = {row.ref: row for _, row in left if row.readable and row.ref}
    return Matched(tuple(ordered(items)), tuple(rows.values()))


# ── what the inventory names ──


def _of_key(source: Inventory, key: Key, looks: Sequence[Look], base: Path) -> BreachItem | None:
    refs = [ref for ref in key.stored_in if any(within(ref, one.place, base) for one in looks)]
    if not refs:
        return None
    said = [f"the host does not show {ref}, which the inventory names" for ref in refs if _missed(ref, looks, base)]
    return _ours(source, key, refs, "reference", said)


def _ours(source: Inventory, key: Key, refs: Sequence[Reference], told_by: str, said: Sequence[str]) -> BreachItem:
    servers = tuple(sorted({server(ref) for ref in refs}))
    remarks = (*rights_of(source, key), *said)
    return BreachItem(key.name, danger_of(source, key), key.name, tuple(map(str, refs)), servers, told_by, vendor="Stripe", remarks=remarks)


def _missed(ref: Reference, looks: Sequence[Look], base: Path) -> bool:
    """Whether all looks at where it should be were whole, and none showed it."""
    mine = [one for one in looks if within(ref, one.place, base)]
    rows = [row for one in mine for row in one.listing.rows]
    whole = not any(one.why_not or one.listing.unseen for one in mine)
    return whole and not any(_named(row, {canonical(ref, base)}, base) for row in rows)


def _named(row: Listed, listed: set[Reference], base: Path) -> bool:
    """Whether any of these references names it; a row without a field is named by any field of its object."""
    mine = {canonical(ref, base) for ref in _refs(row)}
    whole = {ref for ref in mine if not ref.field and ref.scheme not in _FIELD_IS_ANOTHER}
    return bool(mine & listed) or any(replace(ref, field="") in whole for ref in listed)


def _refs(row: Listed) -> tuple[Reference, ...]:
    return ((row.ref,) if row.ref else ()) + row.also


def _own(source: Inventory, places: Sequence[Place], base: Path) -> Iterator[BreachItem]:
    """Keys and tokens that `ir` works with, and that lie there without being rows of the inventory."""
    rows = {canonical(ref, base) for key in source.held for ref in key.stored_in}
    for where, ref in references.every(source):
        if where[2:3] == ("stored_in",) or canonical(ref, base) in rows or not any(within(ref, place, base) for place in places):
            continue
        what = _told(source, where)
        todo = f"make a new one, put it at {ref}, revoke the old one"
        yield BreachItem(what, DangerRank.OUR_OWN, places=(str(ref),), servers=(server(ref),), told_by="reference", todo=todo)


def _told(source: Inventory, where: references.Path) -> str:
    """`app_key of main`: where in the inventory a reference stands, in words."""
    group, number, *rest = (*where, "")
    names = [str(part) for part in rest if part != ""]
    if group in ("accounts", "keys", "webhooks", "services") and isinstance(number, int):
        return f"{' '.join(names)} of {getattr(source, str(group))[number].name}"
    return f"{group} {' '.join(names)}".strip()


# ── what it does not name ──


def _by_value(
    source: Inventory, left: Sequence[tuple[Place, Listed]], found_keys: Iterable[FoundKey], held: Mapping[Secret, str]
) -> tuple[list[BreachItem], list[tuple[Place, Listed]]]:
    """Rows whose value turned out to be a key of Stripe's, and the rest."""
    by_object: dict[Reference, list[FoundKey]] = {}
    for find in found_keys:
        by_object.setdefault(replace(find.ref, field=""), []).append(find)
    items, rest = [], []
    for place, row in left:
        found = by_object.get(replace(row.ref, field=""), []) if row.ref else []
        mine = [find for find in found if row.ref and row.ref.field in ("", find.ref.field)]
        items += [_found(source, find, held) for find in mine]
        rest += [] if mine else [(place, row)]
    return items, rest


def _found(source: Inventory, find: FoundKey, held: Mapping[Secret, str]) -> BreachItem:
    if find.value in held:
        said = f"it lies at {find.ref}, too, which the inventory does not list: what reads it there is cut off when the key dies"
        return _ours(source, source.key(held[find.value]), [find.ref], "fingerprint", [said])
    about = kind_of(find.value)
    remarks = (f"{about.credential.value} {find.value.fingerprint}, in no place that the inventory lists",)
    found = BreachItem(
        clean(find.ref.field or find.ref.path), _by_kind(about), "", (clean(str(find.ref)),), (server(find.ref),), "fingerprint"
    )
    return replace(found, vendor="Stripe", todo=LIST_IT, remarks=remarks)


def _by_kind(about: CredentialKind) -> DangerRank:
    """Of a key that the inventory does not list: its permissions are not known."""
    if about.key_kind is KeyKind.WEBHOOK:
        return DangerRank.LIVE_WEBHOOK
    if about.mode is Mode.TEST:
        return DangerRank.TEST
    if about.key_kind is KeyKind.SECRET:
        return DangerRank.LIVE_SECRET
    return DangerRank.LIVE_MONEY if about.key_kind is KeyKind.RESTRICTED else DangerRank.LIVE_UNKNOWN


def _by_name(rows: Iterable[tuple[Place, Listed]]) -> Iterator[BreachItem]:
    for place, row in rows:
        where = str(row.ref or place)
        at = server(row.ref) if row.ref else f"{place.scheme}://{place.host}"
        yield guessed(
            BreachItem(clean(row.name), DangerRank.UNKNOWN, "", (clean(where),), (clean(at),), remarks=tuple(map(clean, row.hints[:3]))),
            row.name,
        )


def guessed(item: BreachItem, name: str) -> BreachItem:
    """An item whose name is all that is known: whose it looks like, and what to do."""
    if vendors.harmless(name):
        return replace(item, danger=DangerRank.HARMLESS)
    if vendors.stripes(name):
        return replace(item, danger=DangerRank.LIVE_UNKNOWN, vendor="Stripe", todo=LIST_IT)
    found = vendors.vendor_of(name)
    if found is None:
        return replace(item, todo="see what it opens; replace it if it is a secret")
    return replace(item, danger=DangerRank.OTHER_VENDOR, vendor=found.name, link=found.link, todo=found.todo)


def _joined(items: Iterable[BreachItem]) -> list[BreachItem]:
    """One item per key, or per name and vendor, with all of its places."""
    found: dict[tuple[str, str, DangerRank], BreachItem] = {}
    for item in items:
        at = (item.key or item.name, item.vendor if not item.key else "", item.danger)
        found[at] = item.beside(found[at]) if at in found else item
    return list(found.values())
