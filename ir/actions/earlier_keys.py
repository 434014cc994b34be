"""Replacements that earlier incidents of this key made and that live beside ours (no action of its own): named, never killed."""

from ir.core.errors import PortError
from ir.core.model import Debt, KeyKind, KeyRow
from ir.incident.context import World
from ir.incident.facts import of_role
from ir.incident.record import Incident


def alive(world: World, record: Incident) -> tuple[list[KeyRow], list[Debt]]:
    """The living ones in Stripe's list, and a debt for each; without such a list, a debt for one that a revert had hidden."""
    facts = record.facts
    known = facts.get("past", {})
    ours = {mark for role in ("old", "new") for mark in (of_role(facts, role).get("fingerprint"), of_role(facts, role).get("id"))}
    left = {name: mark for name, mark in known.get("left", {}).items() if mark not in ours}
    if not left or world.key.kind is KeyKind.WEBHOOK:
        return [], []
    if world.ports.issuer.guided:
        reverted = facts["old"]["fingerprint"] in known.get("dead", {})
        return [], [_unseen(world, name, mark) for name, mark in left.items()] if reverted else []
    rows, debts = list[KeyRow](), list[Debt]()
    for name, mark in left.items():
        try:
            found = [row for row in world.ports.issuer.strays(name) if row.id not in ours]
        except PortError as error:
            debts.append(Debt("key-unproven", mark, f"whether the replacement of {name} lives is not known: {error.what}", _again(world)))
            continue
        rows += found
        debts += [_lives(world, name, row) for row in found]
    return rows, debts


def _lives(world: World, name: str, row: KeyRow) -> Debt:
    why = f"{row.name}, a replacement that {name} made, lives, and no store of this key holds it: what it replaced had been put back"
    return Debt("key-alive", row.id, why, f"expire {row.name} ({row.id}) in the Dashboard once nothing uses it, then: {_again(world)}")


def _unseen(world: World, name: str, mark: str) -> Debt:
    why = f"the replacement that {name} made ({mark}) was in no store any more, and was not seen dead: what it replaced had been put back"
    return Debt("key-unproven", mark, why, f"expire it in the Dashboard, then: ir close {world.incident} --attest REASON --by NAME")


def _again(world: World) -> str:
    return f"ir resume {world.incident}"
