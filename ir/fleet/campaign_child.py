"""The record of a child's incident before it is begun, and how a worker reads it back."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ir.core.model import Json
from ir.fleet.campaign import CANARY, Child, server, sliced
from ir.incident.context import Options
from ir.incident.plan import compile_plan, plan_from_json
from ir.incident.playbook import Playbook
from ir.inventory import Inventory, Key
from ir.runtime.incident_spec import Setting, inventory_text


@dataclass(frozen=True)
class Source:
    """The source of children: an inventory, its name in errors, and the folder that its relative paths start from."""

    inventory: Inventory
    name: str
    base: Path


def new_name(now: str) -> str:
    """`CAM-YYYYMMDD-xxxx`; `now` is ISO 8601."""
    return f"CAM-{now[:10].replace('-', '')}-{secrets.token_hex(2)}"


def named(source: Inventory, key: Key) -> str:
    """A key's name among all accounts: `acct_…/name`."""
    return f"{source.account(key.account).id}/{key.name}"


def children_for(source: Source, keys: Sequence[Key], book: Playbook, options: Options) -> list[tuple[Child, Json]]:
    """One child per key, in order, each with the setting of its incident."""
    return [child_for(source, key, book, options, position) for position, key in enumerate(keys)]


def child_for(
    source: Source, key: Key, book: Playbook, options: Options, position: int, *, due: int = 0, attempt: int = 1
) -> tuple[Child, Json]:
    """The child of one key; its incident knows the inventory as far as that key is concerned."""
    alone = sliced(source.inventory, key)
    child = Child(
        id=0,
        campaign="",
        position=position,
        key=key.name,
        named=named(source.inventory, key),
        account=source.inventory.account(key.account).id,
        stores=tuple(sorted({server(ref) for ref in key.stored_in if not ref.promises.guided})),
        objects=tuple(sorted({ref.object for ref in key.stored_in if not ref.promises.guided})),
        canary=CANARY in key.tags,
        due=due,
        attempt=attempt,
    )
    setting: Json = {
        "text": inventory_text(alone),
        "name": source.name,
        "base": str(source.base),
        "key": key.name,
        "plan": compile_plan(book, alone, alone.key(key.name)).to_json(),
        "options": asdict(options),
    }
    return child, setting


def surrounded(children: Sequence[tuple[Child, Json]], around: str) -> list[tuple[Child, Json]]:
    """The same children, each of which compares its key with what lies around it, by name (`runtime.surroundings`)."""
    return [(child, {**row, "options": {**row["options"], "around": around}}) for child, row in children]


def setting_of(child: Child, row: Json) -> Setting:
    """Inverse of `child_for`, for the worker that runs it."""
    plan = plan_from_json(row["plan"])
    return Setting(child.incident, row["text"], row["name"], Path(row["base"]), row["key"], plan, Options(**row["options"]))
