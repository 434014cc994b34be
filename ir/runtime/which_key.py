"""Tell which key of the inventory has leaked, by name or by the fingerprint of the given key, and what its stores hold."""

from collections.abc import Container, Iterable, Sequence
from typing import Protocol

from ir.core import concurrency, key_kind
from ir.core.errors import IrError, UsageError
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.inventory import Inventory, Key, union
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.ports import Comparison, Operator
from ir.runtime import adapter_registry
from ir.runtime.incident_spec import pick_key


class Agreement(Protocol):
    """The consent to an inventory: asked for before a program runs, or a host is told a token."""

    opened: Opened

    def ask(self, places: Iterable[str], otherwise: str = "") -> None:
        """Raises Refused: consent is missing. `otherwise`: another way out."""
        ...

    def may(self, places: Iterable[str]) -> bool:
        """The same, for what can be left out."""
        ...


def identify(consent: Agreement, name: str, leaked: Secret | None, operator: Operator) -> Key:
    """The key that is meant: by name, as the only one, or by fingerprint of the leaked key against the stores.

    Raises:
        UsageError: no such name, or none was named and there are several.
    """
    opened, source = consent.opened, consent.opened.source
    if name or leaked is None:
        found = pick_key(source, name)
        if found is None:
            names = ", ".join(key.name for key in source.keys)
            raise UsageError(
                f"there is no key `{name}`" if name else "which key?", next_step=f"one of {names}; or --leaked-key-from prompt"
            )
        return found
    if len(source.keys) == 1 and not any(ref.promises.reads for ref in source.keys[0].stored_in):
        return source.keys[0]  # none of its places can be read (or there is no inventory file): there is nothing to match it against
    refs = [ref for key in source.keys for ref in key.stored_in]
    holders = [key for key in source.keys if leaked in _held(opened, _plain(opened.source, key.stored_in), operator)]
    unread = [] if holders else _behind_programs(source, refs)
    if unread and consent.may(reading(source, unread)):
        holders, unread = [key for key in source.keys if leaked in _held(opened, _behind_programs(source, key.stored_in), operator)], []
    if holders:
        return holders[0]  # several: the others are found again by their fingerprint, and named
    kind = key_kind.kind_of(leaked)
    said = "is in none of the listed stores"
    said += f" (no person agreed to run what reads {', '.join(map(str, unread))})" if unread else ""
    raise UsageError(
        f"the leaked key {said}; {kind.credential.instruction}", next_step="name the row of the inventory, or go without --inventory"
    )


def held(opened: Opened, key: Key, operator: Operator) -> Secret | None:
    """The key itself, by what can be read without a program; None when nothing gives it, or its stores disagree."""
    found = _held(opened, _plain(opened.source, key.stored_in), operator)
    return found.pop() if len(found) == 1 else None


def stored(consent: Agreement, key: Key, operator: Operator) -> Secret | None:
    """The key itself, read from its stores where it was not given; None when none has it, or they disagree.

    Raises:
        Refused: only a program could tell, and it lacks consent.
    """
    opened = consent.opened
    found = _held(opened, _plain(opened.source, key.stored_in), operator)
    programs = _behind_programs(opened.source, key.stored_in)
    if not found and programs:
        consent.ask(reading(opened.source, programs), "--leaked-key-from prompt, which needs no store")
        found = _held(opened, programs, operator)
    return found.pop() if len(found) == 1 else None


def also_listed(source: Inventory, row: Key, found: Comparison, left_out: Container[str]) -> dict[str, list[Reference]]:
    """Other keys of the inventory that are the same key, by name: those of their stores that hold it. `left_out`: stores, as text.

    Only keys that one plan can replace together; what is found besides is left to preflight, which refuses it by name.
    """
    names = {holder.name for holder in found.holders if holder.kind == "store" and holder.name not in left_out}
    others = [key for key in source.keys if key.name != row.name and union.fit(source, row, key)]
    keys = {key.name: [ref for ref in key.stored_in if str(ref) in names] for key in others}
    return {name: refs for name, refs in sorted(keys.items()) if refs}


def _plain(source: Inventory, refs: Sequence[Reference]) -> list[Reference]:
    return [ref for ref in refs if ref.promises.reads and not reading(source, [ref])]


def _behind_programs(source: Inventory, refs: Sequence[Reference]) -> list[Reference]:
    """Places that need consent to read: a program runs, or a host is told a token."""
    return [ref for ref in refs if ref.promises.reads and reading(source, [ref])]


def _held(opened: Opened, refs: Sequence[Reference], operator: Operator) -> set[Secret]:
    """The values that places hold; what cannot be read tells nothing."""

    def look(ref: Reference) -> Secret | None:
        try:
            return adapter_registry.store(ref, opened.source, operator, opened.base).read().value
        except IrError:
            return None

    return {value for value in concurrency.each(refs, look) if value is not None}
