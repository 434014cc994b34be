"""One look at places and services of an inventory: which key each of them holds, by fingerprint.

Objects are only read, each once, and again only where they changed or cannot tell. A program or a secret header without consent is not
used, and no test event is sent: places that need one are reported as not compared.
"""

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ir.core import concurrency
from ir.core.errors import IrError, Missing
from ir.core.reference import Reference, other_field, plain
from ir.inventory import Account, Inventory, Service, Verify, references
from ir.inventory.consent import of_check, reading
from ir.ports import Check, Expected, Held, Operator, Store, Verifier
from ir.runtime import adapter_registry, service_adapters
from ir.runtime.noted_store import Noted

WITHIN = 10.0
"""Seconds for the whole look; a place without an answer by then is reported as not compared."""
_FOR_STORES = 6.0
"""Seconds of these for stores: the services' checks need what the stores hold."""
NO_ANSWER = "gave no answer in time"
_TOLD_NOTHING = "it did not tell which key it holds"
_NO_KEY = "0" * 16
"""A fingerprint that no key has: asked whether it holds that, a service tells which one it does."""
_TOLD = re.compile(r" is \"([0-9a-f]{16})\", expected ")
"""The words with which `verifiers.expectation` says that a service told another fingerprint than the expected one."""

Marks = tuple[tuple[Reference, str], ...]
"""Fields of one object, each with the fingerprint of the key in it."""
Told = frozenset[str] | str
"""Fingerprints that a service told; none: it has to be asked about one by name. Or the reason why it cannot be asked."""


@dataclass(frozen=True)
class ListedObject:
    """One object of a store, and the fields of it that an inventory lists: with the key of each, "" = this tool itself works with it."""

    name: str
    fields: Mapping[Reference, str]


class Seen:
    """What was seen; asked about one key, it answers at once, however many places there are.

    Attributes:
        unread: places that could not be read, by name, and why.
        silent: services that have to be asked about a key by name. mute: services that cannot be asked, and why.
    """

    def __init__(self) -> None:
        self.unread = dict[str, str]()
        self.silent = list[Service]()
        self.mute = list[tuple[Service, str]]()
        self._marks = dict[str, Marks]()
        self._places = defaultdict[str, list[Reference]](list)
        self._tellers = defaultdict[str, list[Service]](list)

    def stood(self, name: str, marks: Marks) -> None:
        """Note the fields of an object."""
        self._marks[name] = marks
        for place, mark in marks:
            self._places[mark].append(place)

    def told(self, service: Service, said: Told) -> None:
        """Note what a service told."""
        if isinstance(said, str):
            self.mute.append((service, said))
        elif not said:
            self.silent.append(service)
        for mark in said if isinstance(said, frozenset) else ():
            self._tellers[mark].append(service)

    def at(self, ref: Reference) -> str:
        """The fingerprint of a place's content; "" = nothing shaped like a key, or it could not be read."""
        return next((mark for place, mark in self._marks.get(ref.object, ()) if place == plain(ref)), "")

    def holding(self, fingerprint: str) -> Sequence[Reference]:
        """The fields that hold a key."""
        return self._places.get(fingerprint, ())

    def telling(self, fingerprint: str) -> Sequence[Service]:
        """The services that told that they hold a key."""
        return self._tellers.get(fingerprint, ())


class LookAround:
    """How to look.

    Args:
        base: the folder of the inventory file.
        agreed: programs and secret headers (`inventory.consent`) that may be used for this.
        own: stores by reference: what they were just read to hold is not read again.
    """

    def __init__(
        self, source: Inventory, operator: Operator, base: Path, agreed: Collection[str], own: Mapping[str, Noted] | None = None
    ) -> None:
        self._source, self._operator, self._base, self._agreed, self._own = source, operator, base, set(agreed), own or {}
        self._known = dict[str, tuple[str, Marks]]()
        """By object: the stamp of what was read there, and its fields. What stands there still is not read again."""

    def take(self, objects: Sequence[ListedObject], services: Sequence[Service]) -> Seen:
        """Look at all of them, side by side, for at most `WITHIN` seconds. Raises nothing."""
        until = time.monotonic() + WITHIN
        seen = self.stores(objects)
        told = concurrency.each_within(until - time.monotonic(), services, lambda one: self._told(one, seen))
        for service, said in zip(services, told, strict=True):
            seen.told(service, NO_ANSWER if said is None else said)
        return seen

    def stores(self, objects: Sequence[ListedObject]) -> Seen:
        """The objects alone."""
        seen = Seen()
        for one, found in zip(objects, concurrency.each_within(_FOR_STORES, objects, self._marks), strict=True):
            if isinstance(found, tuple):
                seen.stood(one.name, found)
            else:
                seen.unread |= dict.fromkeys(map(str, one.fields), found or NO_ANSWER)
        return seen

    def holds(self, service: Service, fingerprint: str) -> bool | str:
        """Ask a service about one key; or the reason why it cannot be told."""
        told = [check.check(Expected(fingerprint)) for check in self._checks(service)]
        if all(one.passed for one in told):
            return True
        return False if any(_TOLD.search(one.said) for one in told) else _TOLD_NOTHING

    def _marks(self, one: ListedObject) -> Marks | str:
        """The fields of an object with fingerprints, by one read; or the reason why it could not be read."""
        for ref in one.fields:
            held = self._own[str(ref)].taken() if str(ref) in self._own else None
            if held is not None:
                return _fields(ref, held)
        why = ""
        for ref in one.fields:
            if blind := self._blind(ref):
                return blind
            try:
                return self._read(one.name, ref)
            except Missing as error:
                if ref.scheme == "env":
                    return ()  # a variable that is not set holds no key
                why = why or error.what
            except IrError as error:
                why = why or error.what
        return why

    def _blind(self, ref: Reference) -> str:
        """The reason why a place is not looked at, "" = there is none."""
        if not ref.promises.reads:
            return "a human sets it, so it cannot be read" if ref.promises.guided else "it is write-only, so it cannot be read"
        if not reading(self._source, [ref]) <= self._agreed:
            return f"nobody agreed to {'run the program that reads it' if ref.scheme == 'command' else 'what reading it takes'}"
        return ""

    def _read(self, name: str, ref: Reference) -> Marks:
        """Raises IrError."""
        store = adapter_registry.store(ref, self._source, self._operator, self._base)
        if (known := self._unchanged(name, store)) is not None:
            return known
        held = store.read()
        found = _fields(ref, held)
        if held.stamp:
            self._known[name] = held.stamp, found
        return found

    def _unchanged(self, name: str, store: Store) -> Marks | None:
        """What an object was read to hold before, if its stamp says that this stands there still; one that tells no stamp is read."""
        stamp, found = self._known.pop(name, ("", ()))
        if not stamp:
            return None
        try:
            now = store.stamp()
        except IrError:
            return None
        if now == stamp:
            self._known[name] = stamp, found
            return found
        return None

    def _told(self, service: Service, seen: Seen) -> Told:
        """Which keys a service holds. One that reads its own store is asked once."""
        checks = self._checks(service)
        if not checks:
            return "no check that may be used here shows which key it holds"
        own = {mark for ref in service.reads_from if (mark := seen.at(ref))}
        told: list[Check] = []
        for mark in sorted(own) or [_NO_KEY]:
            told = [check.check(Expected(mark)) for check in checks]
            if all(one.passed for one in told):
                return frozenset({mark})
            named = {name for one in told for name in _TOLD.findall(one.said)}
            if named:
                return frozenset(named)  # one of its instances, perhaps not all
        return _TOLD_NOTHING if all(one.passed is None for one in told) else frozenset()

    def _checks(self, service: Service) -> list[Verifier]:
        return [self._check(row) for row in service.verify if self._may_ask(row)]

    def _may_ask(self, row: Verify) -> bool:
        """Checks that pass for one key only, change nothing, and use nothing without consent."""
        harmless = bool(row.http) or bool(row.command and row.read_only)
        named = any("new.fingerprint" in str(value) for value in (*row.expect.json_.values(), *(row.command or ())))
        return harmless and named and of_check(self._source, row) <= self._agreed

    def _check(self, row: Verify) -> Verifier:
        resolver = adapter_registry.reference_resolver(self._source, self._operator, self._base)
        return service_adapters.verifier(row, resolver, service_adapters.Incidental())


def of_this_tool(source: Inventory, accounts: Iterable[Account]) -> Iterator[tuple[str, Reference]]:
    """Keys that this tool itself works with in accounts: the use of each, and its place. Not listed as keys, they die all the same."""
    uses, names = {"app_key": "the app key", "review_key": "the review key"}, set[str]()
    for account in accounts:
        names.add(account.name)
        for where, ref in references.of_account(account):
            if where[0] in uses:
                yield f"{uses[str(where[0])]} of account `{account.name}`", ref
    for hook in source.webhooks:
        if hook.account in names and hook.api_key is not None:
            yield f"the API key for webhook `{hook.name}`", hook.api_key


def listed(rows: Iterable[tuple[str, Reference]]) -> dict[str, dict[Reference, str]]:
    """Objects with the fields of each that are listed, of keys by name and their places."""
    found: dict[str, dict[Reference, str]] = {}
    for key, ref in rows:
        found.setdefault(ref.object, {}).setdefault(ref, key)
    return found


def _fields(ref: Reference, held: Held) -> Marks:
    own = ((plain(ref), held.value.fingerprint),) if held.value else ()
    return (*own, *((other_field(ref, name), mark) for name, mark in held.others))
