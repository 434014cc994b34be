"""Stores whose value no look can tell (no action of its own): written by their own mark of the last change, with custody elsewhere.

The old value lies in custody before anything is written, since the store cannot give it back. Right before a write the new value is
kept there, too, under a role of this store: a process that ended in the middle tells by it that the changed mark is its own work, and
writes the same value again. A mark that changed without such a note is another's work, and is left alone: a person is told, and the run
goes on when it changes after that, as with a store that only people can set. Who changed it, and to what, no look tells: so it is still
to do at the end, until a person says so by name.

Facts of such a store: `settled`, fingerprint and mark at which it was last taken to hold a value; `unsettled`, fingerprint of the
value that a person was told to set, and the mark at that moment; `by_hand`: it is settled by a change that was not ours.
"""

from collections.abc import Iterable
from dataclasses import replace

from ir.core.errors import Conflict, PortError, Rejected, Unknown
from ir.core.model import Did, Item, Json
from ir.core.secret import Secret, fingerprint
from ir.incident import reversibility
from ir.incident.context import World
from ir.incident.facts import StoreFacts
from ir.ports import Permission, Store

WEAKER = "the host's own mark of its last change, which does not tell the value"
_NO_CUSTODY = "it cannot be read, and no listed store and no escrow can hold its old value: nothing could put it back"
_BY_OTHERS = "this incident did not write it, others changed it since the first look, and what it holds cannot be read"
_MAY_HOLD_IT = "a person was told to set the replacement there, and it was changed since: set it by hand to the old key {old}"
BY_HAND = "it was changed after a person was told to set it, and what it holds cannot be read"


def concerns(store: Store) -> bool:
    """Whether the store is such a one."""
    return not (store.promises.reads or store.promises.guided)


def told(items: Iterable[Item]) -> Json:
    """The facts from looks at such stores; none of the other kinds."""
    rows = {item.name: {name: item.facts[name] for name in ("settled", "unsettled", "by_hand") if name in item.facts} for item in items}
    found = {name: row for name, row in rows.items() if row}
    return {"stores": found} if found else {}


def looked(world: World, store: Store, permission: Permission, mark: str) -> Item:
    """The first look at one: its mark stands for its value."""
    name = str(store.ref)
    facts: Json = {
        "guided": False,
        "write_only": True,
        "permission": permission.said,
        "permission_proven": permission.proven,
        "before": {"version": mark, "fingerprint": ""},
    }
    if not world.ports.custody.possible:
        return Item(name, Did.REFUSED, _NO_CUSTODY, facts)
    readers = [service.name for service in world.services if name in map(str, service.reads_from)]
    shown = f"{', '.join(readers)} will show what it holds" if readers else f"no service reads from there: a write is shown by {WEAKER}"
    said = permission.said if permission.proven else f"write permission not proven: {permission.said}"
    return Item(name, Did.DONE, f"write-only, so not compared with the key; {shown}; {said}", facts)


def promote(world: World, store: Store, known: StoreFacts, new: Secret) -> Item:
    """Write the replacement, unless it was written and is unchanged since, or a person has set it."""
    name = str(store.ref)
    try:
        found = as_written(store, known, new)
        if found.did is not Did.FAILED:
            return found
        if _settled(known, new):
            return found
        forward = reversibility.forward(world.run.facts())
        if not forward and world.ports.custody.fetch("old") is None:
            raise Rejected(f"the old value of {name} is not in custody, and the store cannot give it back: not written")
        version = _write(world, store, "put", new, _last(known))
    except PortError as error:
        return _failed(store, new, error)
    facts: Json = {"after": {"version": version, "fingerprint": new.fingerprint}}
    return Item(name, Did.DONE, "written; it cannot be read back", {**facts, **_ours(known, new, version)})


def undo(world: World, store: Store, known: StoreFacts, old: Secret, new: Secret) -> Item:
    """Write the old value again, where ours was written or may have been."""
    name = str(store.ref)
    try:
        mark, before = store.read().version, known.get("before", {})
        ours = _settled(known, new)
        if not known.get("settled") and mark == before.get("version"):
            return Item(name, Did.DONE, "it was not written")
        if not known.get("settled") and world.ports.custody.fetch(_role("put", store)) is None:
            return _of_others(store, known, old, new, mark)
        if (found := as_written(store, known, old)).did is Did.DONE:
            return found
        version = _write(world, store, "back", old, ours or mark)
    except PortError as error:
        return _failed(store, old, error)
    return Item(name, Did.DONE, "the old key was written again", _ours(known, old, version))


def _of_others(store: Store, known: StoreFacts, old: Secret, new: Secret, mark: str) -> Item:
    """A store that others changed and we never wrote. Where a person was told to set the replacement, it may stand there since."""
    name = str(store.ref)
    told, _, then = str(known.get("unsettled", "")).partition(" ")
    if told == old.fingerprint:
        return as_written(store, known, old)
    if told == new.fingerprint and mark != then:
        return Item(name, Did.FAILED, _MAY_HOLD_IT.format(old=old.fingerprint), {"unsettled": _note(old, mark)})
    return Item(name, Did.DONE, _BY_OTHERS)


def as_written(store: Store, known: StoreFacts, value: Secret) -> Item:
    """Whether it is as our own last write of `value`, or a person who was told, left it; by its mark alone."""
    name = str(store.ref)
    try:
        mark = store.read().version
    except PortError as error:
        return Item(name, Did.UNKNOWN, error.what)
    if mark == _settled(known, value):
        return Item(name, Did.DONE, f"written, and not changed since, by {WEAKER}", {"version": mark})
    asked, _, then = str(known.get("unsettled", "")).partition(" ")
    if asked == value.fingerprint and mark != then:
        return Item(name, Did.DONE, BY_HAND, {"version": mark, "settled": _note(value, mark), "unsettled": "", "by_hand": True})
    changed = "it was changed since it was written, and what it holds cannot be read: set it by hand"
    said = changed if _settled(known, value) else "it was not written: set it by hand"
    return Item(name, Did.FAILED, said, {"unsettled": _note(value, mark)})


def at_the_end(store: Store, known: StoreFacts, value: Secret) -> Item:
    """As `as_written`; but a change that was not ours proves nothing, and stays to do."""
    found = as_written(store, known, value)
    if found.did is not Did.DONE or not is_by_hand(found, known):
        return found
    return replace(found, did=Did.FAILED, said=BY_HAND)


def is_by_hand(item: Item, known: StoreFacts) -> bool:
    """Whether it is settled by a change that was not ours, and no service has shown what that was."""
    return bool(item.facts.get("by_hand", known.get("by_hand")))


def shown(item: Item) -> Item:
    """A service that was reloaded since then holds the value, so it is there."""
    return replace(item, said="set by hand, as what reads it shows", facts={**item.facts, "by_hand": False})


def not_shown(item: Item, value: Secret) -> Item:
    """No service that was reloaded since then holds the value: it is to be set again, and the next change counts."""
    said = f"what reads it was reloaded and does not show the replacement: set it by hand to the key {value.fingerprint}"
    return replace(item, did=Did.FAILED, said=said, facts={"settled": "", "unsettled": _note(value, str(item.facts.get("version", "")))})


def is_shown(item: Item) -> bool:
    """Whether a store that is as it should be is known to hold the value."""
    return item.said not in (BY_HAND, _BY_OTHERS)


def word(incident: str, name: str) -> str:
    """The command by which a person states what no look can tell."""
    return f"if it holds the replacement: ir close {incident} --debt '{name}' --attest REASON --by NAME"


def _ours(known: StoreFacts, value: Secret, mark: str) -> Json:
    """The result of our own write."""
    return {"settled": _note(value, mark), **({"by_hand": False} if known.get("by_hand") else {})}


def _failed(store: Store, value: Secret, error: PortError) -> Item:
    """The failure, with the present mark where it can be told: a value that is set after this is a person's."""
    name, did = str(store.ref), Did.UNKNOWN if isinstance(error, Unknown) else Did.FAILED
    try:
        facts = {} if did is Did.UNKNOWN else {"unsettled": _note(value, store.read().version)}
    except PortError:
        facts = {}
    by_hand = f"somebody else changed it: {error.what}; set it by hand to the key {value.fingerprint}"
    return Item(name, did, by_hand if isinstance(error, Conflict) else error.what, facts)


def _write(world: World, store: Store, verb: str, value: Secret, expected: str) -> str:
    mark, role = store.read().version, _role(verb, store)
    if mark != expected and (not world.ports.custody.possible or world.ports.custody.fetch(role) != value):
        raise Conflict(f"{store.ref} was changed since it was looked at ({mark or 'no mark'}, {expected or 'none'} was expected)")
    if world.ports.custody.possible:
        world.ports.custody.keep(role, value)
    return store.promote(world.incident, value, expected=mark)


def _settled(known: StoreFacts, value: Secret) -> str:
    """The mark at which it was last known to hold that value, "" = it was not."""
    held, _, mark = str(known.get("settled", "")).partition(" ")
    return mark if held == value.fingerprint else ""


def _last(known: StoreFacts) -> str:
    """The last mark that we have seen."""
    return str(known.get("settled", "")).partition(" ")[2] or str(known.get("before", {}).get("version", ""))


def _note(value: Secret, mark: str) -> str:
    return f"{value.fingerprint} {mark}"


def _role(verb: str, store: Store) -> str:
    return f"{verb}-{fingerprint(str(store.ref))[:8]}"
