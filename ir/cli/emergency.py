"""Contain a key by its incident; end the grace of a scheduled rotation in an emergency and go on to the kill."""

import sys
from dataclasses import replace
from typing import NoReturn

from ir import inventory
from ir.actions import contain as containing
from ir.cli import incidents
from ir.cli.terminal import by_name
from ir.cli.terminal.operator import Terminal
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Did, Json, Outcome, Policy
from ir.core.secret import Secret
from ir.incident import irreversible, reversibility
from ir.incident import record as incident_record
from ir.incident.action_catalog import ACTIONS
from ir.incident.context import Options
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.runtime import worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, setting_from

_QUESTION = "Contain the leaked key of {} now? Services that still use it will fail."
_OPEN = ("running", "waiting")


# ── containment ──


def confirm(kept: State, operator: Terminal, record: Incident, what: str, *, kills: bool) -> None:
    """Raises Refused: it was not confirmed."""
    if not (_confirmed_by_name(kept, operator, record) if kills else operator.confirm(_QUESTION.format(what))):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")


def _confirmed_by_name(kept: State, operator: Terminal, record: Incident) -> bool:
    """Confirm by name; of two terminals, the first answer counts."""
    about = irreversible.to_contain(record, by_name.ends_in(kept, operator, record, "old"))
    try:
        return by_name.confirmed(operator, about, by_name.settled(record, "contain", lambda: record_of(kept, record.id)))
    except by_name.Answered as answered:
        what = f"{answered.by} contained the key meanwhile"
        raise Refused(what, safe="nothing was changed from here", next_step=f"ir status {record.id}") from None


def contain(kept: State, setting: Setting, record: Incident, operator: Terminal, leaked: Secret | None, reason: str = "") -> NoReturn:
    """Acts at once, beside whatever process runs the incident, and tells it afterwards; that ends a grace, and the kill comes next."""
    world = worlds.beside(setting, kept, operator, leaked, operator.screen.progress)
    step = Step("contain", "contain", ACTIONS["contain"].danger, "contain", "", {})
    fixed = containing.prepare(world, record, step)
    incident_record.merge(record.facts, fixed)
    outcome = containing.act(world, record)
    incident_record.merge(fixed, outcome.facts)
    outcome = replace(outcome, facts=fixed)
    operator.screen.step("contain", outcome)
    ends = ends_a_grace(record)
    told: Json = {**outcome.facts, **({"emergency": {"by": operator.name, "at": world.now(), "reason": reason}} if ends else {})}
    if ends or {"containment", "new", "proof"} & set(told):  # otherwise nothing has changed that its process needs to know
        kept.signals.send(record.id, "contain", operator.name, {"said": outcome.said, "facts": told})
    for debt in outcome.debts:
        operator.screen.warn(f"still to do: {debt.why} → {debt.todo}")
    holder = kept.leases.holder(record.id)
    left = not record.ended and holder is not None and not holder.alive
    if ends and left:
        operator.screen.say(f"the grace is over, and the kill is next; look for misuse meanwhile: ir review stripe {setting.key}")
        incidents.go_on(kept, operator, record.id, "wake", {"yes": operator.agreed}, leaked, None)
    if left:
        what = "the rollout of the new key" if "new" in outcome.facts else "the kill"
        operator.screen.say(f"{what} is still to come, without waiting for an overlap: ir resume {record.id}")
    sys.exit(_told(operator, record, outcome))


def _told(operator: Terminal, record: Incident, outcome: Outcome) -> int:
    if operator.screen.as_json:
        operator.screen.document({"incident": record.id, "did": outcome.did.value, "said": outcome.said, "todo": outcome.todo})
    codes = {Did.DONE: ExitCode.DONE, Did.SKIPPED: ExitCode.DONE, Did.WAITING: ExitCode.WAITING}
    return int(ExitCode.DEBT if outcome.debts else codes.get(outcome.did, ExitCode.DEBT))


# ── grace ──


def ends_a_grace(record: Incident) -> bool:
    """Whether it is a scheduled rotation that has a replacement already, and waits, or is to wait, before the kill."""
    return record.plan.get("policy") == Policy.SCHEDULED.value and "new" in record.facts and not record.ended


def scheduled(kept: State, setting: Setting, leaked: Secret | None) -> str:
    """The scheduled rotation that is under way with this very key as its old one, "" = none.

    One that has its replacement already is nearer to the kill than anything that could be begun.
    """
    source = inventory.loads(setting.text, setting.name)
    account = source.account(source.key(setting.key).account).id
    for row in kept.index.rows(setting.key):
        told = row.summary
        same = told.get("account") == account and bool(told.get("drill")) is setting.options.drill and not told.get("rehearsal")
        if row.status in _OPEN and same and told.get("policy") == Policy.SCHEDULED.value and told.get("new"):
            return str(row.incident) if leaked is None or leaked.fingerprint == told["old"] else ""
    return ""


def take_over(kept: State, name: str, operator: Terminal, leaked: Secret | None, options: Options) -> NoReturn:
    """End the grace of a scheduled rotation, since its old key has leaked: contain it, and go on to the kill."""
    record = record_of(kept, name)
    setting = setting_from(record.id, record.opened)
    source = inventory.loads(setting.text, setting.name)
    way = reversibility.way(source.account(source.key(setting.key).account), replaces=True, made=True)
    what = f"{name}, a scheduled rotation of key {setting.key}, has its replacement already: it is taken over"
    if options.dry_run:
        operator.screen.say(f"dry run: {what}, its old key is contained, and its kill is next; nothing was changed")
        sys.exit(int(ExitCode.DONE))
    operator.screen.say(what)
    confirm(kept, operator, record, name, kills=way.kills)
    contain(kept, setting, record, operator, leaked, options.reason)


def record_of(kept: State, name: str) -> Incident:
    """Raises UsageError: there is no such incident."""
    from ir.engine.dbos_records import read_entries

    entries = read_entries(kept.engine, name) if kept.index.find(name) else []
    if not entries:
        raise UsageError(f"there is no incident {name}", next_step="ir status lists them, or name a key: ir contain KEY --inventory FILE")
    return incident_record.fold(entries)
