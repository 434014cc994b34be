"""Find the same value elsewhere: every store and service of an inventory outside of one rotation's plan, compared by fingerprint."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ir.core import concurrency
from ir.core.model import KeyKind
from ir.core.reference import Reference, plain
from ir.inventory import Inventory, Key, Service
from ir.ports import Comparison, Holder, Operator
from ir.runtime.look_around import NO_ANSWER, WITHIN, ListedObject, LookAround, Seen, listed, of_this_tool
from ir.runtime.noted_store import Noted

Ask = Callable[[Service, str], bool | str]
"""Whether a service holds a key, by fingerprint; or the reason why that cannot be told."""


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
        self._source, self._key, self._own = source, key, own
        self._look = LookAround(source, operator, base, agreed, own)

    def compare(self, fingerprint: str) -> Comparison:
        """Find the other holders. Takes at most `WITHIN` seconds, side by side; raises nothing."""
        until = time.monotonic() + WITHIN
        judge = Judge(self._source, self._key)
        services = [service for service in self._source.services if judge.concerns(service)]
        seen = self._look.take([ListedObject(name, fields) for name, fields in self._objects().items()], services)
        return judge.judged(seen, fingerprint, self._look.holds, until)

    def shared(self, keys: Sequence[Key]) -> tuple[dict[str, list[str]], int]:
        """Compare many keys at once, by stores alone: key → the other places of its value; and the number of unread places."""
        rows = listed((key.name, ref) for key in self._source.held for ref in key.stored_in)
        seen = self._look.stores([ListedObject(name, fields) for name, fields in rows.items()])
        named = {plain(ref): f"{ref} (key `{key.name}`)" for key in self._source.held for ref in key.stored_in}
        found: dict[str, list[str]] = {}
        for key in keys:
            own = {plain(ref) for ref in key.stored_in}
            marks = {seen.at(ref) for ref in key.stored_in} - {""}
            others = [place for mark in marks for place in seen.holding(mark) if place not in own]
            if others:
                found[key.name] = [named.get(place, f"{place} (which no key lists)") for place in others]
        return found, len(seen.unread)

    def _objects(self) -> dict[str, dict[Reference, str]]:
        """Each object once, whatever fields of it are listed; of the rotation's own objects, the other fields."""

        def counts(key: Key, ref: Reference) -> bool:
            return key.name != self._key.name or bool(ref.field and (self._own is None or str(ref) in self._own))

        mine = {plain(ref) for ref in self._key.stored_in}
        tools = of_this_tool(self._source, [self._source.account(self._key.account)])
        rows = [(key.name, ref) for key in self._source.held for ref in key.stored_in if counts(key, ref)]
        return listed([*rows, *(("", ref) for _, ref in tools if plain(ref) not in mine)])


class Judge:
    """Tells which of the places that were seen are outside of the plan of one key, and hold its value.

    Args:
        own: the rotation's own stores, by reference, as far as their other fields count. None: all of them do.
    """

    def __init__(self, source: Inventory, key: Key, own: Collection[str] | None = None) -> None:
        self._source, self._key = source, key
        self._mine = {plain(ref) for ref in key.stored_in}
        self._left = {str(ref) for ref in key.stored_in if not ref.field or (own is not None and str(ref) not in own)}
        self._kinds = {row.name: row.kind is KeyKind.WEBHOOK for row in source.held}

    def concerns(self, service: Service) -> bool:
        """A service that the plan does not move, and that uses a key of that kind."""
        signs = self._key.kind is KeyKind.WEBHOOK
        return self._key.name not in service.uses and any(self._kinds[name] is signs for name in service.uses)

    def judged(self, seen: Seen, fingerprint: str, ask: Ask, until: float) -> Comparison:
        """The other holders; services that did not tell what they hold are asked for this key, until then at the latest."""
        unread = {name: why for name, why in seen.unread.items() if name not in self._left}
        unread |= {f"service {service.name}": why for service, why in seen.mute if self.concerns(service)}
        telling = [service for service in seen.telling(fingerprint) if self.concerns(service)]
        silent = [service for service in seen.silent if self.concerns(service)]
        asked = concurrency.each_within(max(until - time.monotonic(), 0.0), silent, lambda one: ask(one, fingerprint))
        for service, holds in zip(silent, asked, strict=True):
            if holds is True:
                telling.append(service)
            elif holds is not False:
                unread[f"service {service.name}"] = holds or NO_ANSWER
        return Comparison((*self._stores(seen, fingerprint), *map(_holder, telling)), unread)

    def _stores(self, seen: Seen, fingerprint: str) -> Iterator[Holder]:
        """The fields that hold the value, without those that the rotation itself replaces."""
        places = [place for place in seen.holding(fingerprint) if place not in self._mine]
        if not places:
            return
        rows = {plain(ref): (ref, key.name) for key in self._source.held for ref in key.stored_in}
        tools = {plain(ref): use for use, ref in of_this_tool(self._source, self._source.accounts)}
        for place in places:
            row, key = rows.get(place, (place, ""))
            use = tools.get(place, "a field that no key lists")
            yield Holder(str(row), "store", f"a store of key `{key}`" if key else use, key)


def _holder(service: Service) -> Holder:
    return Holder(service.name, "service", f"a service of key {', '.join(f'`{name}`' for name in service.uses)}", service.uses[0])
