"""Propose an inventory from what was found: one key per value, names whose values were not read, services that hosts tell. Pure.

Nothing is guessed to be the same: a value that was not seen is a key of its own, and that is written beside it.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ir.core.key_kind import Credential, account_hint, kind_of
from ir.core.key_search import FoundKey
from ir.core.model import Json, KeyKind, Mode
from ir.core.name_shape import NameShape
from ir.core.reference import Reference, parse, plain
from ir.inventory import proposed_services
from ir.inventory.proposed_services import Reader, free_name, safe_name
from ir.inventory.rows import Inventory

UNKNOWN_ACCOUNT = "acct_FILLMEIN"
"""Stands where the key does not tell its account; an inventory with it is right in form, and refused by the first look at Stripe."""
_TAIL = frozenset(
    {"api_key", "apikey", "key", "rk", "secret", "secret_key", "secretkey", "sk", "stripe", "stripe_api_key", "stripe_key"}
    | {"stripe_secret_key", "token", "value"}
)


@dataclass(frozen=True)
class Named:
    """A place whose value was not seen, and whose name looks like a key of Stripe's.

    Attributes:
        shape: what the name suggests.
        why: why the value was not seen.
        remarks: what else the host says of it.
    """

    ref: Reference
    shape: NameShape
    why: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewKey:
    """A key to be listed.

    Attributes:
        places: reference → what stands beside it.
        remark: why it may be no key of its own, "" = it is one.
        fingerprint: of its value, "" = it was not seen.
    """

    name: str
    account: str
    kind: KeyKind
    places: Mapping[str, str]
    remark: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class Proposal:
    """Rows to be added to an inventory, or to be all of it.

    Attributes:
        accounts, services: rows.
        more: name of a key that is listed → places that hold its value, too.
        remarks: what a person should know, one line each.
    """

    accounts: tuple[Json, ...]
    keys: tuple[NewKey, ...]
    services: tuple[tuple[Json, str], ...]
    more: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Nothing is to be added."""
        return not (self.keys or self.services or self.more)


class Proposer:
    """Makes one proposal.

    Args:
        found_keys: values that were seen.
        named: places whose values were not.
        readers: programs that read places.
        accounts: mode → account id, for keys that do not tell theirs.
        listed: the inventory that is to be added to.
        held: fingerprint → name of the key of that inventory whose value it is, as far as that was looked at.
    """

    def __init__(
        self,
        found_keys: Sequence[FoundKey],
        named: Sequence[Named] = (),
        readers: Sequence[Reader] = (),
        accounts: Mapping[str, str] | None = None,
        listed: Inventory | None = None,
        held: Mapping[str, str] | None = None,
    ) -> None:
        self._found_keys = list({find.ref: find for find in found_keys}.values())
        self._named, self._readers, self._given, self._listed = named, readers, accounts or {}, listed
        self._held, keys = held or {}, listed.held if listed else []
        self._key_of = {_at(ref): key.name for key in keys for ref in key.stored_in}
        self._taken = {key.name for key in keys}
        self._accounts: dict[tuple[str, Mode], str] = {(row.id, row.mode): row.name for row in (listed.accounts if listed else [])}
        self._new_accounts: list[Json] = []
        self._objects = [find.ref.object for find in self._found_keys] + [row.ref.object for row in named]

    def proposal(self) -> Proposal:
        """All of it."""
        seen, more = self._by_value()
        keys = sorted([*seen, *self._by_name()], key=lambda key: key.name)
        where = {parse(ref): key.name for key in keys for ref in key.places}
        where |= {parse(ref): name for name, refs in more.items() for ref in refs} | self._key_of
        services, untold = proposed_services.rows(self._readers, where, self._listed.services if self._listed else [])
        return Proposal(tuple(self._new_accounts), tuple(keys), tuple(services), more, (*self._remarks(), *untold))

    def _by_value(self) -> tuple[list[NewKey], dict[str, tuple[str, ...]]]:
        groups: dict[str, list[FoundKey]] = {}
        for find in self._found_keys:
            if find.rotatable:
                groups.setdefault(find.value.fingerprint, []).append(find)
        keys: list[NewKey] = []
        more: dict[str, tuple[str, ...]] = {}
        for mark, group in groups.items():
            known = next((self._key_of[_at(find.ref)] for find in group if _at(find.ref) in self._key_of), self._held.get(mark, ""))
            fresh = sorted((find for find in group if _at(find.ref) not in self._key_of), key=lambda find: find.ref)
            if known and fresh:
                more[known] = (*more.get(known, ()), *(str(find.ref) for find in fresh))
            elif fresh:
                keys.append(self._key(fresh))
        return keys, more

    def _key(self, group: Sequence[FoundKey]) -> NewKey:
        value, about = group[0].value, kind_of(group[0].value)
        mode = about.mode or Mode.TEST
        account = self._account(self._given.get(mode.value) or account_hint(value) or "", mode)
        places = {str(find.ref): f"{'; '.join(find.keepers)}: would write its own value back" if find.keepers else "" for find in group}
        return NewKey(self._unique(group[0].ref), account, about.key_kind or KeyKind.SECRET, places, fingerprint=value.fingerprint)

    def _by_name(self) -> Iterator[NewKey]:
        found = {_at(find.ref) for find in self._found_keys}
        for row in self._named:
            kind = {Credential.SECRET: KeyKind.SECRET, Credential.RESTRICTED: KeyKind.RESTRICTED}.get(row.shape.credential)
            if kind is None or _at(row.ref) in found or _at(row.ref) in self._key_of:
                continue
            mode = row.shape.mode or self._mode
            assumed = "" if row.shape.mode else ", mode assumed"
            remark = f"by its name alone{assumed}: {row.why}; a place with the same value goes into the same stored_in"
            account = self._account(self._given.get(mode.value) or "", mode)
            yield NewKey(self._unique(row.ref), account, kind, {str(row.ref): "; ".join(row.remarks)}, remark)

    @property
    def _mode(self) -> Mode:
        """What is assumed of a key that does not tell: as all of the inventory is, else the more dangerous."""
        modes = {row.mode for row in self._listed.accounts} if self._listed else set()
        return modes.pop() if len(modes) == 1 else Mode.LIVE

    def _account(self, ident: str, mode: Mode) -> str:
        """Name of the account of a key: by its id, else the only one of that mode, else a new one."""
        same = {known: name for (known, of), name in self._accounts.items() if of is mode}
        if ident in same or (not ident and len(same) == 1 and self._listed):
            return same.get(ident) or next(iter(same.values()))
        if (ident or UNKNOWN_ACCOUNT) not in same:
            name = free_name(mode.value, set(self._accounts.values()))
            self._accounts[ident or UNKNOWN_ACCOUNT, mode] = name
            self._new_accounts.append({"name": name, "id": ident or UNKNOWN_ACCOUNT, "mode": mode.value, "issuer": "dashboard"})
        return self._accounts[ident or UNKNOWN_ACCOUNT, mode]

    def _unique(self, ref: Reference) -> str:
        found = free_name(_name(ref, crowded=self._objects.count(ref.object) > 1), self._taken)
        self._taken.add(found)
        return found

    def _remarks(self) -> Iterator[str]:
        for find in self._found_keys:
            if not find.rotatable:
                yield _other(kind_of(find.value).credential, str(find.ref))
        for row in self._named:
            if row.shape.credential is Credential.WEBHOOK and _at(row.ref) not in self._key_of:
                yield f"by its name alone, {_other(row.shape.credential, str(row.ref))}"


def _at(ref: Reference) -> Reference:
    """A place, however its field or its file is spelt."""
    return replace(plain(ref), path=posixpath.normpath(ref.path)) if ref.scheme == "dotenv" else plain(ref)


def _other(credential: Credential, where: str) -> str:
    if credential is Credential.WEBHOOK:
        return f"list it under `webhooks:` with its endpoint's url: {credential.value} at {where}"
    return f"not rotated by `ir rotate stripe`: {credential.value} at {where}"


def _name(ref: Reference, *, crowded: bool) -> str:
    """After the place: the last telling part of its path, and of its field where the place holds several keys."""
    path, field = [part for part in ref.path.split("/") if part not in ("", ".")], ref.field.split("/")
    if ref.scheme == "dotenv":
        path, crowded = path[:-1], True
    if ref.scheme == "vercel":  # a variable is called as in every other project
        return safe_name("-".join([ref.host, *_telling([*path, ref.field])]))
    found = [*_telling(path)[-1:], *(_telling(field)[-1:] if crowded else [])] or path[-1:]
    return safe_name("-".join(found))


def _telling(parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part and part.lower().replace("-", "_") not in _TAIL]
