"""Contain a key within its incident; or end the wait of a rotation whose two keys both live, and kill the old key now."""

import sys
from typing import NoReturn

from ir import inventory
from ir.cli import incidents
from ir.cli.terminal import by_name, record_prompt
from ir.cli.terminal.onlooker import look_on
from ir.cli.terminal.operator import Terminal
from ir.core.errors import ExitCode, Refused
from ir.core.model import Did, Outcome
from ir.core.secret import Secret
from ir.incident import irreversible, reversibility
from ir.incident.context import Options
from ir.incident.record import Incident
from ir.inventory.opened import Opened
from ir.runtime import emergency, following, record_consent, worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, setting_from

_QUESTION = "Contain the leaked key of {} now? Services that still use it will fail."


# ── containment ──


def confirm(kept: State, operator: Terminal, record: Incident, what: str, *, kills: bool) -> None:
    """Raises Refused: it was not confirmed."""
    if not (_confirmed_by_name(kept, operator, record) if kills else operator.confirm(_QUESTION.format(what))):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")


def _confirmed_by_name(kept: State, operator: Terminal, record: Incident) -> bool:
    """Confirm by name; of two terminals, the first answer counts."""
    about = irreversible.to_contain(record, by_name.ends_in(kept, operator, record, "old"))
    try:
        return by_name.confirmed(operator, about, by_name.settled(record, "contain", lambda: incidents.record_of(kept, record.id)))
    except by_name.Answered as answered:
        what = f"{answered.by} contained the key meanwhile"
        raise Refused(what, safe="nothing was changed from here", next_step=f"ir status {record.id}") from None


def contain(
    kept: State, setting: Setting, record: Incident, operator: Terminal, leaked: Secret | None, *, ends: bool, reason: str = ""
) -> NoReturn:
    """Acts at once, beside whatever process runs the incident, and tells it afterwards; `ends`: the kill comes next."""
    world = worlds.beside(setting, kept, operator, leaked, operator.screen.progress)
    outcome = emergency.contain(kept, world, record, operator.name, ends=ends, reason=reason)
    operator.screen.step("contain", outcome)
    for debt in outcome.debts:
        operator.screen.warn(f"still to do: {debt.why} → {debt.todo}")
    holder = kept.leases.holder(record.id)
    left = not record.ended and holder is not None and not holder.alive
    if ends and left:
        operator.screen.say(f"nothing is waited for, and the kill is next; look for misuse meanwhile: ir review stripe {setting.key}")
        incidents.go_on(kept, operator, record.id, "wake", {"yes": operator.agreed}, leaked, None)
    if left:
        what = "the rollout of the new key" if "new" in outcome.facts else "the kill"
        operator.screen.say(f"{what} is still to come, without waiting for an overlap: ir resume {record.id}")
    if ends and not left and not record.ended:
        operator.screen.say(f"{record.id} runs in another process, which goes on to the kill")
        record = look_on(operator, kept, record.id)
        if operator.screen.as_json:
            operator.screen.document(following.document(record, record.exit_code))
        sys.exit(int(record.exit_code))
    sys.exit(_told(operator, record, outcome))


def _told(operator: Terminal, record: Incident, outcome: Outcome) -> int:
    if operator.screen.as_json:
        operator.screen.document({"incident": record.id, "did": outcome.did.value, "said": outcome.said, "todo": outcome.todo})
    codes = {Did.DONE: ExitCode.DONE, Did.SKIPPED: ExitCode.DONE, Did.WAITING: ExitCode.WAITING}
    return int(ExitCode.DEBT if outcome.debts else codes.get(outcome.did, ExitCode.DEBT))


# ── both keys live ──


def take_over(kept: State, name: str, operator: Terminal, leaked: Secret | None, options: Options, own: Opened) -> NoReturn:
    """End the wait of a rotation before the kill, since its old key has leaked: contain it, and go on to the kill."""
    record = incidents.record_of(kept, name)
    record_prompt.ask(kept, operator, record, record_consent.removing, own)
    setting = setting_from(record.id, record.opened)
    source = inventory.loads(setting.text, setting.name)
    way = reversibility.way(source.account(source.key(setting.key).account), replaces=True, made=True)
    what = f"{name}, a rotation of key {setting.key} (policy {record.plan['policy']}), has its replacement already: it is taken over"
    if options.dry_run:
        operator.screen.say(f"dry run: {what}, its old key is contained, and its kill is next; nothing was changed")
        sys.exit(int(ExitCode.DONE))
    operator.screen.say(what)
    confirm(kept, operator, record, name, kills=way.kills)
    contain(kept, setting, record, operator, leaked, ends=True, reason=options.reason)
