"""`ir inventory drift` and `ir inventory check --live`: an inventory, compared with what stores, services and Stripe show. Reads only."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ir.cli.options import AsJson, InventoryFile
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core import concurrency
from ir.core.errors import ExitCode, IrError, PortError
from ir.core.model import Json
from ir.core.ownership import Owner
from ir.core.reference import Reference, other_field
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.fleet import drift as drifting
from ir.fleet import probing
from ir.fleet.drift import Holding, KeyDrift, Reading
from ir.fleet.probing import Probed
from ir.incident.earlier import history
from ir.inventory import Inventory, Key
from ir.inventory.consent import comparison
from ir.inventory.opened import Opened
from ir.ports import Check, Expected, Store
from ir.runtime import adapter_registry, listed_ids, service_adapters
from ir.runtime.app_state import actor, open_state
from ir.runtime.owning import Owning
from ir.storage.incident_index import IncidentRow


def drift(
    file: InventoryFile = "",
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False,
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    probe: Annotated[bool, typer.Option("--probe", help="Ask Stripe which of the keys live; each is used once.")] = False,
    terraform_state: Annotated[list[str] | None, typer.Option(help="What Terraform writes, too.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare each key's copies in stores and services: which differ, which are dead, what would revert them. Exit 5 if any is wrong."""
    screen = Screen(as_json=as_json)
    opened = inventory_source.default(file, screen)
    compare(opened, screen, yes=yes, pin=inventory_sha256, probe=probe, states=terraform_state or ())


def compare(
    opened: Opened, screen: Screen, *, yes: bool, pin: str, head: Json | None = None, probe: bool = False, states: Sequence[str] = ()
) -> NoReturn:
    """Look, report the faults, and end: 5 when there are any. `head` comes first in a JSON document; `states` are Terraform's.

    Raises:
        Refused: it would run or reach something without consent.
    """
    source, operator = opened.source, Terminal(screen, name=actor(), yes=False)
    consent = Consent(open_state, operator, opened, yes=yes, pin=pin)
    consent.ask({place for key in source.held for place in comparison(source, key) | listed_ids.asks(source, key)})
    owning = Owning(source, opened.base, states)
    found = _Look(source, operator, opened.base, open_state().index.rows(), owning, probe=probe).all()
    wrong = [row for row in found if row.problems]
    if screen.as_json:
        screen.document({"file": opened.name, **(head or {}), "keys": [row.to_json() for row in found], "drift": bool(wrong)})
    else:
        _say(screen, found, wrong)
    sys.exit(int(ExitCode.DEBT if wrong else ExitCode.DONE))


def _say(screen: Screen, found: Sequence[KeyDrift], wrong: Sequence[KeyDrift]) -> None:
    for row in wrong:
        screen.say(f"{row.key}:")
        for problem in row.problems:
            screen.say(f"  {problem}")
    for said in dict.fromkeys(line for row in found for line in drifting.owned(row.readings)):
        screen.say(said)
    unseen = [f"{h.service} ({h.said})" for row in found for h in row.holdings if not h.fingerprint and not h.said.startswith("does not")]
    if unseen:
        screen.say(f"cannot tell which key they hold: {', '.join(unseen)}")
    for row in found:
        for what in row.unknown:
            screen.say(f"cannot tell about {row.key}: {what}")
    screen.say(f"the same everywhere: {len(found) - len(wrong)} of {counted(len(found), 'key')}")


class _Look:
    """At all keys of one inventory; values stay here, by their fingerprints."""

    def __init__(
        self, source: Inventory, operator: Terminal, base: Path, index: Sequence[IncidentRow], owning: Owning, *, probe: bool
    ) -> None:
        self._source, self._operator, self._base, self._index, self._probe = source, operator, base, index, probe
        self._owning = owning
        self._held: dict[str, Secret] = {}

    def all(self) -> list[KeyDrift]:
        """Each key, in the order of the file."""
        places = {ref: None for key in self._source.held for ref in key.stored_in}
        by_ref = dict(zip(places, concurrency.each(list(places), self._read), strict=True))
        read = {key.name: [by_ref[ref] for ref in key.stored_in] for key in self._source.held}
        shared = drifting.shared(self._source, read)
        return concurrency.each(self._source.held, lambda key: self._key(key, read, shared[key.name]))

    def _key(self, key: Key, read: Mapping[str, Sequence[Reading]], shared: Sequence[str]) -> KeyDrift:
        own = {row.ref: row for row in read[key.name]}
        past = history(self._index, key.name, self._source.account(key.account).id)
        everywhere = [row.fingerprint for rows in read.values() for row in rows if row.fingerprint] + [*past.dead, *past.left.values()]
        holdings = [self._holding(key, name, own[ref], own, everywhere) for name, ref in drifting.stores_of(self._source, key).items()]
        found = drifting.judge(key, read[key.name], holdings)
        marks = list(dict.fromkeys(row.fingerprint for row in own.values() if row.fingerprint))
        wrong, unknown = self._id(key, marks)
        probed = Probed()
        if self._probe:
            probed = probing.look(self._source, key, {mark: self._held[mark] for mark in marks}, past, self._operator, self._base)
        life = drifting.lifeless(key, read[key.name], holdings, past, probed.seen)
        life += [f"doubled: {name} lives, which an earlier rotation made, and no store has it: expire it" for name in probed.beside]
        problems = (*found.problems, *life, *shared, *wrong)
        return replace(found, problems=problems, unknown=(*unknown, *probed.unknown), seen=probed.seen)

    def _holding(self, key: Key, name: str, store: Reading, own: Mapping[str, Reading], everywhere: Sequence[str]) -> Holding:
        """By its own key's values; where it tells that of another key, by that."""
        service = next(s for s in self._source.services if s.name == name)
        checks = service_adapters.verifiers(service, self._source, self._operator, self._base, key, self._held)
        values = list(dict.fromkeys(mark for mark in (store.fingerprint, *(row.fingerprint for row in own.values())) if mark))
        seen: dict[str, list[Check]] = {}
        for value in values:
            seen[value] = [check.check(Expected(value)) for check in checks]
            if all(check.passed for check in seen[value]):
                break
        else:
            told = " ".join(check.said for rows in seen.values() for check in rows)
            for value in dict.fromkeys(mark for mark in everywhere if mark in told and mark not in seen):
                values.append(value)
                seen[value] = [check.check(Expected(value)) for check in checks]
        return drifting.held_by(name, store, values, seen)

    def _id(self, key: Key, marks: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is wrong with its id, and why that cannot be told."""
        if not marks:
            return (), ()
        try:
            said = listed_ids.problem(self._source, key, self._held[marks[0]], self._operator, self._base)
        except IrError as error:
            return (), (f"`id: {key.id}`: {error.what}",)
        return ((said,) if said else ()), ()

    def _read(self, ref: Reference) -> Reading:
        """What one store holds, and who else writes it."""
        try:
            store = adapter_registry.store(ref, self._source, self._operator, self._base)
            owners, untold = self._owners(store)
            if not store.promises.reads:
                return Reading(str(ref), human=store.guided, untold=not store.guided, owners=owners, owners_unknown=untold)
            held = store.read()
        except IrError as error:
            return Reading(str(ref), why_not=error.what)
        if held.value is not None:
            self._held[held.value.fingerprint] = held.value
        others = tuple((other_field(ref, name), mark) for name, mark in held.others)
        mark = held.value.fingerprint if held.value else ""
        return Reading(str(ref), mark, owners=owners, owners_unknown=untold, others=others)

    def _owners(self, store: Store) -> tuple[tuple[Owner, ...], str]:
        """Who else writes it, and why that cannot be told."""
        try:
            return self._owning.of(store), ""
        except PortError as error:
            return self._owning.by_states(store.ref), error.what
