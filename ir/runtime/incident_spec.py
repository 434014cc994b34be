"""The settings that an incident is wired from, and their record in its opening entry."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ir import inventory
from ir.core.login import remark
from ir.core.model import Json
from ir.incident.context import Options
from ir.incident.plan import Plan, plan_from_json
from ir.inventory import Inventory, Key


@dataclass
class Setting:
    """The settings of an incident; its opening entry records all of them except `leaked` and the people.

    Attributes:
        text: the inventory as text, snapshotted.
        base: the folder that relative paths are relative to.
    """

    incident: str
    text: str
    name: str
    base: Path
    key: str
    plan: Plan
    options: Options


def opening_entry(setting: Setting, at: str, who: str, facts: Json) -> Json:
    """The first audit entry's body."""
    from ir import __version__

    return {
        "at": at,
        "actor": who,
        "version": __version__,
        "plan": setting.plan.to_json(),
        "plan_hash": setting.plan.hash,
        "options": asdict(setting.options),
        "inventory": setting.text,
        "inventory_name": setting.name,
        "inventory_base": str(setting.base),
        "inventory_sha256": inventory.digest(setting.text),
        "key": setting.key,
        "facts": facts,
        **({"environment": said} if (said := remark()) else {}),
    }


def setting_from(incident: str, body: Json) -> Setting:
    """Invert `opening_entry`, for a resumed incident. Options unknown to this version are left out: `replay_check` refuses them."""
    known = {field.name for field in fields(Options)}
    return Setting(
        incident,
        body["inventory"],
        body["inventory_name"],
        Path(body["inventory_base"]),
        body["key"],
        plan_from_json(body["plan"]),
        Options(**{name: value for name, value in body["options"].items() if name in known}),
    )


def inventory_text(source: Inventory) -> str:
    """Write an inventory that was made in memory as text that `inventory.loads` reads."""
    return json.dumps(source.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def pick_key(source: Inventory, name: str) -> Key | None:
    """The named key, or the only one; None when the choice needs more."""
    if name:
        return next((key for key in source.keys if key.name == name), None)
    return source.keys[0] if len(source.keys) == 1 else None
