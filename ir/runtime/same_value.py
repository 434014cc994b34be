"""Find the same value elsewhere: every store and service of an inventory outside of one rotation's plan, compared by fingerprint.

Objects of other keys are only read, each once per look. A program or a secret header without consent is not used, and no test
event is sent: places that need one are reported as not compared.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ir.core import concurrency
from ir.core.errors import IrError, Missing
from ir.core.model import KeyKind
from ir.core.reference import Reference, other_field, plain
from ir.inventory import Account, Inventory, Key, Service, Verify, references
from ir.inventory.consent import of_check, reading
from ir.ports import Comparison, Expected, Held, Holder, Operator, Verifier
from ir.runtime import adapter_registry, service_adapters
from ir.runtime.noted_store import Noted

WITHIN = 10.0
"""Seconds for the whole look; a place without an answer by then is reported as not compared."""
_FOR_STORES = 6.0
"""Seconds of these for stores: the services' checks need what the stores hold."""
_NO_ANSWER = "gave no answer in time"


_Marks = tuple[tuple[Reference, str], ...]
"""Fields of one object, each with the fingerprint of the key in it."""
_TOLD = re.compile(r" is \"[0-9a-f]{16}\", expected ")
"""The words with which `verifiers.expectation` says that a service told another fingerprint than the expected one."""


@dataclass(frozen=True)
class _Listed:
    """One object of a store, and the fields of it that an inventory lists, with the key of each."""

    name: str
    fields: Mapping[Reference, str]


@dataclass
class _Seen:
    """The content of the objects: fields with fingerprints, by object; or the reason why one could not be read."""

    marks: dict[str, _Marks] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def at(self, ref: Reference) -> str:
        """The fingerprint of a place's content; "" = nothing shaped like a key, or it could not be read."""
        return next((mark for place, mark in self.marks.get(ref.object, ()) if place == plain(ref)), "")


class OtherPlaces:
    """The places outside of one rotation: all that its inventory lists and that its plan does not replace.

    Args:
        key: the key that is rotated.
        base: the folder of the inventory file.
        agreed: programs and secret headers (`inventory.consent`) that may be used for this.
        own: the rotation's own stores, by reference: what they were just read to hold is not read again. None: all are read here.
    """

    def __init__(
        self,
        source: Inventory,
        key: Key,
        operator: Operator,
        base: Path,
        agreed: Collection[str],
        own: Mapping[str, Noted] | None = None,
    ) -> None:
        self._source, self._key, self._operator, self._base, self._agreed = source, key, operator, base, set(agreed)
        self._own = own
        mine = {plain(ref) for ref in key.stored_in}
        used = (row for row in _of_this_tool(source, source.account(key.account)) if plain(row[1]) not in mine)
        self._ours = {ref: use for use, ref in used}

    def compare(self, fingerprint: str) -> Comparison:
        """Find the other holders. Takes at most `WITHIN` seconds, side by side; raises nothing."""
        until = time.monotonic() + WITHIN
        objects = list(self._objects())
        services = [service for service in self._source.services if self._may_have_it(service)]
        seen = self._read(objects)
        holders = [holder for one in objects for holder in self._holding(one, seen, fingerprint)]
        unread = dict(seen.unread)
        told = concurrency.each_within(until - time.monotonic(), services, lambda one: self._told(one, seen, fingerprint))
        for service, found in zip(services, told, strict=True):
            if found is True:
                about = f"a service of key {', '.join(f'`{name}`' for name in service.uses)}"
                holders.append(Holder(service.name, "service", about, service.uses[0]))
            elif found is not False:
                unread[f"service {service.name}"] = found or _NO_ANSWER
        return Comparison(tuple(holders), unread)

    def shared(self, keys: Sequence[Key]) -> tuple[dict[str, list[str]], int]:
        """Compare many keys at once, by stores alone: key → the other places of its value; and the number of unread places."""
        seen = self._read(list(_every(self._source, lambda _key, _ref: True)))
        listed = {plain(ref): f"{ref} (key `{key.name}`)" for key in self._source.held for ref in key.stored_in}
        places: dict[str, list[Reference]] = {}
        for marks in seen.marks.values():
            for place, mark in marks:
                places.setdefault(mark, []).append(place)
        found: dict[str, list[str]] = {}
        for key in keys:
            own = {plain(ref) for ref in key.stored_in}
            others = [place for mark in {seen.at(ref) for ref in key.stored_in} - {""} for place in places[mark] if place not in own]
            if others:
                found[key.name] = [listed.get(place, f"{place} (which no key lists)") for place in others]
        return found, len(seen.unread)

    # ── stores ──

    def _objects(self) -> Iterator[_Listed]:
        """Each object once, whatever fields of it are listed; of the rotation's own objects, the other fields.

        A key that this tool itself works with, such as the review key, is not listed as a key; it dies all the same.
        """

        def counts(key: Key, ref: Reference) -> bool:
            return key.name != self._key.name or bool(ref.field and (self._own is None or str(ref) in self._own))

        rows = {one.name: dict(one.fields) for one in _every(self._source, counts)}
        for ref in self._ours:
            rows.setdefault(ref.object, {}).setdefault(ref, "")
        return (_Listed(name, fields) for name, fields in rows.items())

    def _read(self, objects: list[_Listed]) -> _Seen:
        seen = _Seen()
        for one, found in zip(objects, concurrency.each_within(_FOR_STORES, objects, self._marks), strict=True):
            if isinstance(found, tuple):
                seen.marks[one.name] = found
            else:
                seen.unread |= dict.fromkeys(map(str, one.fields), found or _NO_ANSWER)
        return seen

    def _marks(self, one: _Listed) -> _Marks | str:
        """The fields of an object with fingerprints, by one read; or the reason why it could not be read."""
        why = ""
        for ref in one.fields:
            held = self._own[str(ref)].taken() if self._own and str(ref) in self._own else None
            if held is not None:
                return _fields(ref, held)
        for ref in one.fields:
            if not ref.promises.reads:
                return "a human sets it, so it cannot be read" if ref.promises.guided else "it is write-only, so it cannot be read"
            if not reading(self._source, [ref]) <= self._agreed:
                what = "run the program that reads it" if ref.scheme == "command" else "what reading it takes"
                return f"nobody agreed to {what}"
            try:
                held = adapter_registry.store(ref, self._source, self._operator, self._base).read()
            except Missing as error:
                if ref.scheme == "env":
                    return ()  # a variable that is not set holds no key
                why = why or error.what
                continue
            except IrError as error:
                why = why or error.what
                continue
            return _fields(ref, held)
        return why

    def _holding(self, one: _Listed, seen: _Seen, fingerprint: str) -> Iterator[Holder]:
        """The fields of an object that hold the value, without those that the rotation itself replaces."""
        listed = {plain(row): (row, key) for row, key in one.fields.items()}
        mine = {plain(row) for row in self._key.stored_in}
        for place, mark in seen.marks.get(one.name, ()):
            if mark == fingerprint and place not in mine:
                row, key = listed.get(place, (place, ""))
                use = next((use for ref, use in self._ours.items() if plain(ref) == place), "a field that no key lists")
                yield Holder(str(row), "store", f"a store of key `{key}`" if key else use, key)

    # ── services ──

    def _may_have_it(self, service: Service) -> bool:
        """Services that the plan does not move, and that use a key of that kind."""
        signs = self._key.kind is KeyKind.WEBHOOK
        others = [self._source.key(name) for name in service.uses]
        return self._key.name not in service.uses and any((key.kind is KeyKind.WEBHOOK) is signs for key in others)

    def _told(self, service: Service, seen: _Seen, fingerprint: str) -> bool | str:
        """Whether a service holds it, or the reason why that cannot be told. A service that reads the same store is asked once."""
        checks = [self._check(row) for row in service.verify if self._may_ask(row)]
        if not checks:
            return "no check that may be used here shows which key it holds"
        own = {mark for ref in service.reads_from if (mark := seen.at(ref)) and mark != fingerprint}
        for mark in sorted(own):
            told = [check.check(Expected(mark)) for check in checks]
            if all(one.passed for one in told):
                return False
            if any(fingerprint in one.said for one in told):
                return True  # one of its instances, perhaps not all
        told = [check.check(Expected(fingerprint)) for check in checks]
        if all(one.passed for one in told):
            return True
        return False if any(_TOLD.search(one.said) for one in told) else "it did not tell which key it holds"

    def _may_ask(self, row: Verify) -> bool:
        """Checks that pass for one key only, change nothing, and use nothing without consent."""
        harmless = bool(row.http) or bool(row.command and row.read_only)
        named = any("new.fingerprint" in str(value) for value in (*row.expect.json_.values(), *(row.command or ())))
        return harmless and named and of_check(self._source, row) <= self._agreed

    def _check(self, row: Verify) -> Verifier:
        resolver = adapter_registry.reference_resolver(self._source, self._operator, self._base)
        return service_adapters.verifier(row, resolver, service_adapters.Incidental())


def _of_this_tool(source: Inventory, account: Account) -> Iterator[tuple[str, Reference]]:
    """Keys that this tool itself works with in an account: the use of each, and its place."""
    uses = {"app_key": "the app key", "review_key": "the review key"}
    for where, ref in references.of_account(account):
        if where[0] in uses:
            yield f"{uses[str(where[0])]} of account `{account.name}`", ref
    for hook in source.webhooks:
        if hook.account == account.name and hook.api_key is not None:
            yield f"the API key for webhook `{hook.name}`", hook.api_key


def _fields(ref: Reference, held: Held) -> _Marks:
    own = ((plain(ref), held.value.fingerprint),) if held.value else ()
    return (*own, *((other_field(ref, name), mark) for name, mark in held.others))


def _every(source: Inventory, counts: Callable[[Key, Reference], bool]) -> Iterator[_Listed]:
    rows: dict[str, dict[Reference, str]] = {}
    for key in source.held:
        for ref in key.stored_in:
            if counts(key, ref):
                rows.setdefault(ref.object, {})[ref] = key.name
    yield from (_Listed(name, fields) for name, fields in rows.items())
