"""Ask for confirmation by name about an existing incident, at a terminal that need not be the one that runs it."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from ir.cli.terminal import record_prompt
from ir.cli.terminal.operator import Terminal
from ir.core.errors import IrError, UsageError
from ir.core.secret import Secret
from ir.incident import debts, irreversible
from ir.incident.context import World
from ir.incident.record import Incident
from ir.ports import Irreversible
from ir.runtime import record_consent, worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import setting_from
from ir.runtime.lifecycle import Unattended


class Answered(Exception):
    """An answer came from another terminal first; `by` is the person, and was shown."""

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
    """Tells who approved or did a step since an incident's record was `seen`; "" = not yet. `fresh` reads the record again."""

    def who() -> str:
        now = fresh()
        since = now.signals[len(seen.signals) :]
        by = next((str(row["by"]) for row in since if row["kind"] == "approve" and row.get("step") == step), "")
        run = next((run for run in now.runs if run.id == step and run.action != "approve" and now.settled(step)), None)
        return by or (run.actor if run is not None else now.actor if now.ended and not seen.ended else "")

    return who


def ends_in(kept: State, operator: Terminal, record: Incident, role: str) -> str:
    """The last four characters of the `old` or the `new` key where it has no other name; "" also where it cannot be had here."""
    if not operator.interactive or not irreversible.unnamed(record) or not record_consent.noted(kept, record):
        return ""
    try:
        world = _world(kept, operator, record)
        key = world.old_key(record.facts) if role == "old" else world.new_key(record.facts)
    except IrError:
        return ""
    return key.reveal()[-4:]


def kept_alive(kept: State, operator: Terminal, record: Incident, rows: Sequence[str]) -> dict[str, str]:
    """`KEY=REASON` pairs as what a debt about that key is about → reason.

    KEY is the key's name in the inventory (the leaked one), the name, id or fingerprint of another key of the incident, or the last four
    characters of one that can be had from here.

    Raises:
        UsageError: no reason, or no key of this incident, or several, are called that.
    """
    if not rows:
        return {}
    called = _called(kept, operator, record)
    found = {}
    for row in rows:
        name, _, reason = row.partition("=")
        if not name or not reason.strip():
            raise UsageError("--accept-alive: write KEY=REASON")
        meant = {about for about, names in called.items() if name in names}
        if len(meant) != 1:
            said = "stands for several keys" if meant else "is not a key of this incident that can be looked at from here"
            known = ", ".join(sorted({record.opened.get("key", ""), *called} - {""}))
            raise UsageError(f"--accept-alive: `{name[:40]}` {said}", next_step=f"a name or the last four characters of one of: {known}")
        found[meant.pop()] = reason.strip()
    return found


def _called(kept: State, operator: Terminal, record: Incident) -> dict[str, set[str]]:
    """The name of each key of an incident, by the subject of a debt about it."""
    facts, name = record.facts, str(record.opened.get("key", ""))
    old, new = facts.get("old", {}), facts.get("new", {})
    called = {debt.about: {debt.about} for debt in record.debts.values() if debt.kind in debts.KEYS}
    first = str(old.get("fingerprint") or name)
    called[first] = {first, name, str(old.get("id") or name)}
    if new:
        called[new["fingerprint"]] = {new["fingerprint"], f"ir-{record.id}-{new['n']}", str(new.get("id") or new["fingerprint"])}
    with suppress(IrError):
        world = _world(kept, operator, record)
        for row in world.ports.issuer.strays(record.id):
            about = new["fingerprint"] if row.id == new.get("id") else row.id
            called.setdefault(about, {row.id}).update({row.name, *([row.redacted[-4:]] if row.redacted else [])})
        for about, key in ((first, _held(lambda: world.old_key(facts))), (new.get("fingerprint", ""), _held(lambda: world.held_new(new)))):
            if about and key is not None:
                called[about].add(key.reveal()[-4:])
    return called


def _held(look: Callable[[], Secret | None]) -> Secret | None:
    try:
        return look()
    except (IrError, LookupError):  # it is nowhere, or nothing was looked at yet
        return None


def _world(kept: State, operator: Terminal, record: Incident) -> World:
    """A world for looking only. Raises Refused: this machine did not agree to what that would run."""
    record_prompt.ask(kept, operator, record)
    unapproved = Unattended(operator.name, yes=False)
    return worlds.read_only(setting_from(record.id, record.opened), kept, unapproved)
