"""`ir rotate stripe --discard-pending REASON`: show unfinished stages of other incidents, clear those that the operator gives up."""

from collections.abc import Collection
from dataclasses import asdict, replace

from ir.actions.store_check import whose
from ir.cli.terminal.operator import Terminal
from ir.core.errors import PortError, Refused
from ir.core.model import Json
from ir.ports import Irreversible, Pending, Store
from ir.runtime import worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting


def show(setting: Setting, kept: State, operator: Terminal) -> Json:
    """First facts, `{pending: {REF: …}}`: exactly what was shown is cleared later, and nothing else. Looks only, and asks.

    Raises:
        Refused: the operator does not give it up.
    """
    world = worlds.read_only(replace(setting, incident=setting.incident or "INC-rehearsal"), kept, operator)
    found = world.each(list(world.ports.stores.values()), lambda store: _pending(store, world.incident))
    pending = {str(store.ref): one for store, one in zip(world.ports.stores.values(), found, strict=True) if one is not None}
    for name, one in pending.items():
        operator.screen.warn(f"{name}: {whose(one, world.now())}")
    if not pending:
        operator.screen.say("The stores hold no unfinished rotation, so there is nothing to discard.")
    elif not setting.options.dry_run and not operator.confirm_by_name(_about(setting, pending)):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    return {"pending": {name: asdict(one) for name, one in pending.items()}}


def _about(setting: Setting, pending: Collection[str]) -> Irreversible:
    return Irreversible(
        f"What others staged in {', '.join(pending)} is deleted, and its rotation cannot continue. It cannot be brought back. "
        "No service fails: nothing that is in use is touched. Not looked at: whether the rotation that staged it still runs elsewhere.",
        setting.key,
        f"the key's name, {setting.key},",
    )


def _pending(store: Store, incident: str) -> Pending | None:
    """None also where it cannot be told: preflight says why."""
    try:
        return store.pending(incident)
    except PortError:
        return None
