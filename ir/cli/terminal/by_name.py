"""What cannot be undone, asked about an incident that exists, at a terminal that need not be the one that runs it."""

from collections.abc import Callable

from ir.cli.terminal.operator import Terminal
from ir.core.errors import IrError
from ir.incident import irreversible
from ir.incident.record import Incident
from ir.ports import Irreversible
from ir.runtime import wiring, write_guard
from ir.runtime.app_state import State
from ir.runtime.incident_spec import setting_from
from ir.runtime.lifecycle import Unattended


class Answered(Exception):
    """Somebody answered at another terminal first; `by` is who, and was shown."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


def confirmed(operator: Terminal, about: Irreversible, elsewhere: Callable[[], str]) -> bool:
    """Whether the name was typed. Raises Answered."""
    said = ""

    def asked() -> str:
        nonlocal said
        said = said or elsewhere()
        return said

    yes = operator.confirm_by_name(about, elsewhere=asked)
    if said and not yes:
        raise Answered(said)
    return yes


def settled(seen: Incident, step: str, fresh: Callable[[], Incident]) -> Callable[[], str]:
    """Tells who approved a step, or did it, since an incident's record was `seen`; "" = nobody yet. `fresh` reads the record anew."""

    def who() -> str:
        now = fresh()
        since = now.signals[len(seen.signals) :]
        by = next((str(row["by"]) for row in since if row["kind"] == "approve" and row.get("step") == step), "")
        run = next((run for run in now.runs if run.id == step and run.action != "approve" and now.settled(step)), None)
        return by or (run.actor if run is not None else now.actor if now.ended and not seen.ended else "")

    return who


def ends_in(kept: State, operator: Terminal, record: Incident, role: str) -> str:
    """The last four characters of the `old` or the `new` key where it has no other name; "" also where it cannot be had here."""
    if not operator.interactive or not irreversible.unnamed(record):
        return ""
    nobody = Unattended(operator.name, yes=False)
    try:
        world = wiring.world(setting_from(record.id, record.opened), kept, nobody, ask=write_guard.read_only)
        key = world.old_key(record.facts) if role == "old" else world.new_key(record.facts)
    except IrError:
        return ""
    return key.reveal()[-4:]
