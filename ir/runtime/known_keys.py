"""Tell whose key a pasted value is already, by comparing it with what the listed stores, services and other keys of any account hold."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ir.core import concurrency
from ir.core.errors import IrError
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.inventory import Inventory, Key, Service, Verify, references
from ir.inventory.consent import of_check, reading
from ir.ports import Expected, Operator
from ir.runtime import adapter_registry, service_adapters

WITHIN = 10.0
"""Seconds for each look; a place without an answer by then is reported as not compared."""


class KnownKeys:
    """Compared at the moment of asking, since stores change. Programs run for the incident's own key only, where a person agreed to it.

    Args:
        base: the folder of the inventory file.
        programs: whether the programs behind this key's stores may run.
    """

    def __init__(self, source: Inventory, key: Key, operator: Operator, base: Path, *, programs: bool) -> None:
        self._source, self._key, self._operator, self._base, self._programs = source, key, operator, base, programs

    def holder_of(self, value: Secret) -> str:
        """The present holder of the value, as a sentence; "" = none of the places that could be looked at.

        The operator is told the others.
        """
        looks = dict([*self._stores(value), *self._services(value)])
        found = dict(zip(looks, concurrency.each(list(looks.values()), _tried), strict=True))
        holders = [name for name, holds in found.items() if holds]
        unread = [name for name, holds in found.items() if holds is None]
        if unread:
            self._operator.tell(f"Not compared with what these hold, since they gave no answer: {', '.join(unread)}.")
        return f"This key is in use already: {', '.join(holders)}. The new one is in use nowhere yet." if holders else ""

    def _stores(self, value: Secret) -> Iterator[tuple[str, Callable[[], bool]]]:
        for name, ref in self._places():
            yield f"{name} ({ref})", lambda ref=ref: self._held(ref) == value  # type: ignore[misc]  # bound per round

    def _held(self, ref: Reference) -> Secret | None:
        return adapter_registry.store(ref, self._source, self._operator, self._base).read().value

    def _places(self) -> Iterator[tuple[str, Reference]]:
        for key in self._source.held:
            for ref in key.stored_in:
                mine = key.name == self._key.name and self._programs
                if ref.promises.reads and (mine or not reading(self._source, [ref])):
                    yield f"the store of key {key.name}", ref
        for account in self._source.accounts:
            for where, ref in references.of_account(account):
                if ref.promises.reads and not reading(self._source, [ref]):
                    yield f"the {where[-1]} of account {account.name}", ref

    def _services(self, value: Secret) -> Iterator[tuple[str, Callable[[], bool]]]:
        """The services whose check shows which key they hold and needs no consent."""
        for service in self._source.services:
            rows = [row for row in service.verify if row.http and _shows(row) and not of_check(self._source, row)]
            for row in rows[:1]:
                yield f"service {service.name}", lambda service=service, row=row: self._holds(service, row, value)  # type: ignore[misc]

    def _holds(self, service: Service, row: Verify, value: Secret) -> bool:
        """Whether a service holds it. No answer counts as no: a service that is down works with no key."""
        resolver = adapter_registry.reference_resolver(self._source, self._operator, self._base)
        return service_adapters.verifier(row, resolver, service_adapters.Incidental()).check(Expected(value.fingerprint)).passed is True


def _shows(row: Verify) -> bool:
    """Whether the check passes for one key only."""
    return any("new.fingerprint" in str(value) for value in row.expect.json_.values())


def _tried(look: Callable[[], bool]) -> bool | None:
    try:
        return concurrency.within(WITHIN, look)
    except (IrError, TimeoutError):
        return None
