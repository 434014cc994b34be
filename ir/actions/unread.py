"""Stores whose value no look can tell (no action of its own): written by their own mark of the last change, with custody elsewhere.

The old value lies in custody before anything is written, since the store cannot give it back. Right before a write the new value is
kept there, too, under a role of this store: a process that ended in the middle tells by it that the changed mark is its own work, and
writes the same value again. A mark that changed without such a note is another's work, and is left alone.
"""

from ir.core.errors import Conflict, PortError, Rejected
from ir.core.model import Did, Item, Json
from ir.core.secret import Secret, fingerprint
from ir.incident import reversibility
from ir.incident.context import World
from ir.ports import Permission, Store

WEAKER = "the host's own mark of its last change, which does not tell the value"
_NO_CUSTODY = "it cannot be read, and no listed store and no escrow can hold its old value: nothing could put it back"


def concerns(store: Store) -> bool:
    """Whether it is such a store."""
    return not (store.promises.reads or store.promises.guided)


def looked(world: World, store: Store, permission: Permission, mark: str) -> Item:
    """The first look at one: what stands for its value is its mark."""
    name = str(store.ref)
    facts: Json = {
        "guided": False,
        "write_only": True,
        "permission": permission.said,
        "permission_proven": permission.proven,
        "before": {"version": mark, "fingerprint": ""},
    }
    if not world.custody.possible:
        return Item(name, Did.REFUSED, _NO_CUSTODY, facts)
    readers = [service.name for service in world.services if name in map(str, service.reads_from)]
    shown = f"{', '.join(readers)} will show what it holds" if readers else f"no service reads from there: a write is shown by {WEAKER}"
    said = permission.said if permission.proven else f"write permission not proven: {permission.said}"
    return Item(name, Did.DONE, f"write-only, so not compared with the key; {shown}; {said}", facts)


def promote(world: World, store: Store, known: Json, new: Secret) -> str:
    """Write the replacement; returns the new mark. Nothing is written where it was written and is unchanged since.

    Raises:
        Rejected: the old value is not in custody. Conflict: somebody else changed it. PortError.
    """
    after = known.get("after", {})
    if after.get("fingerprint") == new.fingerprint:
        return _unchanged(store, after)
    facts = world.facts()
    if not reversibility.forward(facts) and world.custody.fetch("old") is None:
        raise Rejected(f"the old value of {store.ref} is not in custody, and the store cannot give it back: not written")
    last = after or known.get("before", {})
    return _write(world, store, "put", new, str(last.get("version", "")))


def undo(world: World, store: Store, known: Json, old: Secret, new: Secret) -> str:
    """Write the old value again, where ours was written or may have been; returns the mark. Raises Conflict, PortError."""
    before, after = known.get("before", {}), known.get("after", {})
    mark = store.read().version
    if not after and (mark == before.get("version") or world.custody.fetch(_role("put", store)) is None):
        return mark  # it was not written
    return _write(world, store, "back", old, str(after.get("version", "") or mark))


def as_written(store: Store, known: Json) -> Item:
    """Whether it is as our own last write left it, by its mark alone."""
    name = str(store.ref)
    try:
        mark = store.read().version
    except PortError as error:
        return Item(name, Did.UNKNOWN, error.what)
    if not known.get("after"):
        return Item(name, Did.FAILED, "it was not written")
    if mark != known["after"]["version"]:
        return Item(name, Did.FAILED, "it was changed since the replacement was written there, and what it holds cannot be read")
    return Item(name, Did.DONE, f"written, and not changed since, by {WEAKER}", {"version": mark})


def _unchanged(store: Store, after: Json) -> str:
    mark = store.read().version
    if mark != after["version"]:
        raise Conflict(f"{store.ref} was changed since the replacement was written there")
    return mark


def _write(world: World, store: Store, verb: str, value: Secret, expected: str) -> str:
    mark, role = store.read().version, _role(verb, store)
    if mark != expected and (not world.custody.possible or world.custody.fetch(role) != value):
        raise Conflict(f"{store.ref} was changed since it was looked at ({mark or 'no mark'}, {expected or 'none'} was expected)")
    if world.custody.possible:
        world.custody.keep(role, value)
    return store.promote(world.incident, value, expected=mark)


def _role(verb: str, store: Store) -> str:
    return f"{verb}-{fingerprint(str(store.ref))[:8]}"
