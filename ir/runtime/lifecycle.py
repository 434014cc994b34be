"""Begin an incident and go on with one, for every caller: a command, a campaign, a schedule.

The order is always the same: the lease first, then the durable incident, then its first change. No process runs an incident whose
lease it did not take.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from ir import inventory
from ir.core.errors import AlreadyRunning, IrError, Refused, Waiting
from ir.core.model import Json
from ir.core.secret import Secret
from ir.engine import replay_check
from ir.engine.dbos_records import read_entries
from ir.engine.dbos_runner import Runner
from ir.incident import earlier, earlier_debts
from ir.incident.context import World
from ir.incident.record import Incident
from ir.ports import Irreversible
from ir.runtime import record_consent, wiring, worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, opening_entry, setting_from
from ir.runtime.worlds import ProcessContext
from ir.storage.incident_index import IncidentIndex


class Unattended:
    """`ports.Operator` without a terminal: answers yes to what was agreed in advance, and waits for everything else."""

    interactive = False

    def __init__(self, name: str, *, yes: bool) -> None:
        self.name, self._yes = name, yes

    def tell(self, text: str) -> None:
        """Show nothing; what matters is in the record."""

    def confirm(self, question: str) -> bool:
        """As agreed in advance."""
        return self._yes

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        """As agreed in advance."""
        return self._yes

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        """Raises Waiting: there is no person to choose."""
        raise Waiting(question, next_step=f"one of {', '.join(options)}")

    def ask(self, question: str) -> str:
        """Raises Waiting: there is no person to answer."""
        raise Waiting(question)

    def new_key(self, prompt: str) -> Secret | None:
        """None: there is no person to bring a key."""
        return None

    def key_or_why(self, prompt: str) -> Secret | str | None:
        """None: there is no person to give a key or a reason."""
        return None


def new_id(index: IncidentIndex) -> str:
    """`INC-YYYYMMDD-xxxxxx`, which no incident of this database has: one of another key would be taken for this one, and done."""
    while True:
        name = f"INC-{wiring.SystemClock().now():%Y%m%d}-{secrets.token_hex(3)}"
        if index.find(name) is None:
            return name


def resources(setting: Setting, leaked: Secret | None = None) -> list[str]:
    """What one incident holds alone: the key, by each name of it (`account/name`) and by fingerprint, and every store object."""
    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    stores = sorted({ref.object for ref in key.stored_in if not ref.promises.guided})
    account = source.account(key.account).id
    named = [f"key {account}/{name}" for name in sorted({key.name, *setting.plan.also})]
    return [*named, *([worlds.key_itself(leaked.fingerprint)] if leaked else []), *(f"store {name}" for name in stores)]


def begin(setting: Setting, kept: State, runner: Runner, given: ProcessContext, found: Json | None = None) -> World:
    """Lease, then the durable incident; it runs in this process when this returns.

    `found`: first facts of an incident that is adopted (`adoption.look`).

    Raises:
        AlreadyRunning: another incident holds the key or a store object; nothing was begun.
        Refused: it is a scheduled rotation, and an emergency of its key has debts.
    """
    now = wiring.SystemClock().now()
    setting.incident = setting.incident or new_id(kept.index)
    fence = kept.leases.take(kept.me, setting.incident, resources(setting, given.leaked))
    try:
        begun = runner.status(setting.incident)
        world = worlds.real(setting, kept, replace(given, handed={}) if begun else given, fence)
        if begun:
            _check(Incident(id=setting.incident), kept, given)
        elif found and found.get("adopted"):
            found = {**found, "adopted": {**found["adopted"], "signed_before": kept.checkpoints.set_aside(setting.incident)}}
        facts = {"opened_at": now.timestamp(), "exposed_at": setting.options.exposed_at, **_earlier(setting, kept), **(found or {})}
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        opening = opening_entry(setting, at, given.operator.name, facts)
        if not begun:
            record_consent.note(kept, setting.incident, opening)
    except BaseException:
        kept.leases.release(setting.incident)
        raise
    if begun:  # by a process that died before its first entry
        runner.resume(world, fence)
    else:
        world.run.fresh = not facts.get("adopted")
        runner.start(opening, world, fence)
    return world


def _earlier(setting: Setting, kept: State) -> Json:
    """The facts that the index of this key's incidents gives to a new one: the debts that it takes over, and former keys."""
    source = inventory.loads(setting.text, setting.name)
    account, drill = source.account(source.key(setting.key).account).id, setting.options.drill
    every = kept.index.rows(setting.key)
    index = [row for row in every if bool(row.summary.get("drill")) is drill]
    found = earlier_debts.taken_over(index, setting.key, account, setting.plan.policy)
    keys = {row.incident: {role: str(row.summary.get(role, "")) for role in ("old", "new")} for row in index}
    return {
        "took_over": found,
        "earlier": {name: keys[name] for name in found if name in keys},
        "past": earlier.history(every, setting.key, account, drill=drill).to_json(),
    }


ENDS = ("abort", "close")
"""Signals that end an incident: it changes nothing any more, so it does not need resources that others hold by now."""


def hold(record: Incident, kept: State, kind: str) -> int:
    """Take the incident's leases before it is sent `kind`; returns the fence.

    It takes all resources that it would act on: while debt alone kept it open, others may have taken and given back some of them.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it would act on.
    """
    leases, itself = kept.leases, [f"incident {record.id}"]
    try:
        wanted = resources(setting_from(record.id, record.opened))
    except (IrError, LookupError, TypeError, ValueError):
        wanted = itself  # it belongs to another version, and only ends here
    try:
        leases.take(kept.me, record.id, wanted)
    except AlreadyRunning as other:
        if kind not in ENDS or other.incident == record.id:
            raise
        leases.take(kept.me, record.id, itself)
    return leases.take_over(kept.me, record.id)


def go_on(record: Incident, kept: State, runner: Runner, given: ProcessContext, kind: str, body: Json) -> World:
    """Take the incident over from a dead or absent holder, tell it `kind`, and run it on in this process.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it acts on.
        Unreplayable: another version recorded what this one would not do; `unreplayable` ends it.
        Refused: a later incident took over its debts.
    """
    heir = earlier_debts.heirs(kept.index.rows(str(record.opened.get("key", "")))).get(record.id)
    if heir:
        raise Refused(f"{heir} took over what {record.id} had still to do", safe="nothing was changed", next_step=f"ir status {heir}")
    holder = kept.leases.holder(record.id)
    if holder is None or not holder.alive:  # a live process answers for itself
        _check(record, kept, given)
    fence = hold(record, kept, kind)
    setting = setting_from(record.id, record.opened)
    if body.get("yes"):
        setting.options = replace(setting.options, yes=True)
    world = worlds.real(setting, kept, given, fence)
    runner.launch()
    kept.signals.send(record.id, kind, given.operator.name, body)
    runner.resume(world, fence)
    return world


def _check(record: Incident, kept: State, given: ProcessContext) -> None:
    """Check everything before anything is sent, so that a refusal leaves no trace."""

    def world() -> World:
        return worlds.read_only(setting_from(record.id, record.opened), kept, given.operator)

    replay_check.check(kept.engine, record, read_entries(kept.engine, record.id), world)
