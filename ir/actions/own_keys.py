"""Keys of this incident's own making (no action of its own): found at the provider by their name, told apart, expired."""

from ir.core.errors import Missing, PortError, Waiting
from ir.core.model import Debt, Did, Json, KeyRow, Outcome
from ir.core.secret import Secret
from ir.incident.context import World
from ir.ports import Target


def id_of(world: World, n: int, value: Secret) -> str:
    """The provider's id of our key of try `n`; empty when it cannot be told for certain.

    One call may have minted twice under one name, so a name alone does not tell which row is the key that we hold; and what a lost machine
    left may bear another number than is known.
    """
    if world.issuer.guided:
        return ""
    rows = [row for row in world.issuer.strays(world.incident) if row.name == f"ir-{world.incident}-{n}"]
    if len(rows) == 1:
        return rows[0].id
    row = world.issuer.identify(value)
    return row.id if row else ""


def others(world: World, facts: Json) -> tuple[KeyRow, ...]:
    """Live keys of our name that are not the replacement.

    Raises:
        PortError: the provider's list cannot be read.
    """
    new = facts.get("new", {})
    return tuple(row for row in world.issuer.strays(world.incident) if not new.get("id") or row.id != new["id"])


def expire_others(world: World, facts: Json) -> tuple[Json, tuple[Debt, ...]]:
    """Ask for the death of every key of our name except the replacement.

    Returns:
        `strays` as facts, `{id: "expired"}`: asked for, not yet seen dead; and debts for those that could not be asked for.
    """
    try:
        rows = others(world, facts)
    except PortError as error:
        return {}, (unlisted(world, error),)
    asked: Json = {}
    debts = []
    for row in rows:
        why_not = _expired(world, facts, row)
        if why_not:
            debts.append(Debt("key-alive", row.id, f"an unanswered mint left it behind; {why_not}", f"ir resume {world.incident}"))
        else:
            asked[row.id] = "expired"
    return asked, tuple(debts)


def replaced(world: World, facts: Json, error: Missing) -> Outcome:
    """A replacement whose value is in no store and in no custody any more: it is expired by its id, and the step `mint` is taken again.

    Raises:
        Missing: its id is not known, so only a human can end it.
        PortError: it could not be expired.
    """
    new = facts["new"]
    if not new.get("id") or facts.get("promoted_at"):
        raise error
    expire_by_id(world, new)
    said = f"the value of the replacement {new['id']} is in no store and in no custody any more: expired by its id, another is minted"
    return Outcome(Did.FAILED, said, {"strays": {new["id"]: "expired"}, "mint": {"spoilt": {str(new["n"]): "lost"}, "again": True}})


def expire_by_id(world: World, new: Json) -> str:
    """Ask for the death of the replacement by the id and the name that this incident gave it; what was done, in words."""
    return world.issuer.retire(Target(new["id"], Secret(""), replacement=True, name=f"ir-{world.incident}-{new['n']}"))


def _expired(world: World, facts: Json, row: KeyRow) -> str:
    """Empty when its death was asked for, else why not."""
    new = facts.get("new", {})
    if new and not new.get("id") and row.name == f"ir-{world.incident}-{new.get('n')}":
        return "which of the keys of its name is the replacement cannot be told for certain"
    try:
        world.issuer.retire(Target(row.id, Secret(""), name=row.name))
    except (PortError, Waiting) as error:
        return f"it could not be expired: {error.what}"
    return ""


def spare(world: World, facts: Json, old: Secret | None = None) -> None:
    """Have the key watched that must not die while a human kills the other: the replacement, or on the way back the `old` one."""
    new = facts["new"]
    name = "" if new.get("rotated") else str(facts.get("mint", {}).get("name", ""))
    marks = {"created": float(new.get("created") or 0.0), "pasted": float(new.get("pasted") or 0.0)}
    world.issuer.watch_also(world.new_key(facts) if old is None else old, **marks, name=name)


def unlisted(world: World, error: PortError) -> Debt:
    """The provider's list could not be read, so that a stray may live."""
    about = f"strays of {world.incident}"
    why = f"whether an unanswered mint left a key behind is not known: {error.what}"
    return Debt("key-unproven", about, why, f"ir resume {world.incident}")
