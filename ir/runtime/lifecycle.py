"""Begin an incident and go on with one, for every caller: a command, a campaign, a schedule.

The order is always the same: the lease first, then the durable incident, then its first change. No process runs an incident whose
lease it did not take.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from ir import inventory
from ir.core.errors import AlreadyRunning, IrError, Refused, Waiting
from ir.core.model import Json
from ir.core.secret import Secret
from ir.engine import replay_check
from ir.engine.dbos_records import read_entries
from ir.engine.dbos_runner import Runner
from ir.incident import debts, earlier
from ir.incident.context import World
from ir.incident.record import Incident
from ir.inventory import consent
from ir.ports import Irreversible, Operator
from ir.runtime import approved, wiring, write_guard
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, opening_entry, setting_from
from ir.storage.incident_store import Ledger


def _quiet(_text: str) -> None:
    return None


@dataclass(frozen=True)
class ProcessContext:
    """What belongs to the process that runs an incident and is never recorded.

    Attributes:
        lost: called when a write is about to happen although another process took the incident over; must not return.
        patient: False: long waits are handed back instead of being slept through (see `World.patient`).
        resting: as `World.resting`.
        leaked, control: keys that the operator gave.
    """

    operator: Operator
    lost: Callable[[str], None]
    say: Callable[[str], None] = _quiet
    leaked: Secret | None = None
    control: Secret | None = None
    patient: bool = True
    resting: Callable[[float], AbstractContextManager[None]] = lambda _seconds: nullcontext()


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


def new_id(ledger: Ledger) -> str:
    """A new `INC-YYYYMMDD-xxxxxx` that no incident of this database has. A second one of the same id would be taken for the first."""
    while True:
        name = f"INC-{wiring.SystemClock().now():%Y%m%d}-{secrets.token_hex(3)}"
        if ledger.find(name) is None:
            return name


def resources(setting: Setting, leaked: Secret | None = None) -> list[str]:
    """What one incident holds alone: the key, by each name of it (`account/name`) and by fingerprint, and every store object."""
    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    stores = sorted({ref.object for ref in key.stored_in if not ref.promises.guided})
    account = source.account(key.account).id
    named = [f"key {account}/{name}" for name in sorted({key.name, *setting.plan.also})]
    return [*named, *([key_itself(leaked.fingerprint)] if leaked else []), *(f"store {name}" for name in stores)]


def key_itself(fingerprint: str) -> str:
    """The resource that stands for a key, whatever an inventory calls it."""
    return f"key {fingerprint}"


def wired(setting: Setting, kept: State, given: ProcessContext, fence: int) -> World:
    """A world whose writes stop the moment another process takes the incident over."""

    def ask() -> None:
        if not kept.ledger.holds(kept.me, setting.incident, fence):
            given.lost(setting.incident)

    made = wiring.world(setting, kept, given.operator, ask=ask, leaked=given.leaked, control=given.control, say=given.say)
    places = set() if setting.plan.key_alone else consent.destinations(made.inventory, made.key)

    def note(record: Incident) -> None:
        """Tell a rotation what a search for the same value elsewhere has shown."""
        also = {row["key"] for row in record.facts.get("elsewhere", {}).get("holders", [])} if places else set()
        shown = places | consent.beyond(made.inventory, made.key, also) if also else places
        kept.ledger.note(record.id, record.status, int(record.exit_code), wiring.summary(record, shown))

    made.note = note
    made.claim = lambda fingerprint: kept.ledger.claim(kept.me, setting.incident, fence, key_itself(fingerprint))
    made.knows = known(kept)
    made.over = over(kept)
    made.removed_approvers = lambda: approved.removed(setting, made.inventory.approvers)
    made.patient, made.resting = given.patient, given.resting
    if not given.patient:  # this process shows no report while it runs: it is written once, when there is an end to tell
        made.announce = made.announce_of_many
        publish = made.publish
        made.publish = lambda record: publish(record) if record.ended else []
    return made


def known(kept: State) -> Callable[[str], bool]:
    """See `World.knows`."""
    return lambda incident: kept.ledger.find(incident) is not None


def over(kept: State) -> Callable[[str], bool]:
    """See `World.over`."""

    def look(incident: str) -> bool:
        row = kept.ledger.find(incident)
        return row is not None and debts.over(row)

    return look


def begin(setting: Setting, kept: State, runner: Runner, given: ProcessContext, found: Json | None = None) -> World:
    """Lease, then the durable incident; it runs in this process when this returns.

    `found`: first facts of an incident that is adopted (`adoption.look`).

    Raises:
        AlreadyRunning: another incident holds the key or a store object; nothing was begun.
        Refused: it is a scheduled rotation, and an emergency of its key has debts.
    """
    now = wiring.SystemClock().now()
    setting.incident = setting.incident or new_id(kept.ledger)
    fence = kept.ledger.take(kept.me, setting.incident, resources(setting, given.leaked))
    try:
        world = wired(setting, kept, given, fence)
        begun = runner.status(setting.incident)
        if begun:
            _check(Incident(id=setting.incident), kept, given)
        elif found and found.get("adopted"):
            found = {**found, "adopted": {**found["adopted"], "signed_before": kept.checkpoints.set_aside(setting.incident)}}
        took_over = {**_taken_over(setting, kept), "past": _past(setting, kept)}
        facts = {"opened_at": now.timestamp(), "exposed_at": setting.options.exposed_at, **took_over, **(found or {})}
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        opening = opening_entry(setting, at, given.operator.name, facts)
    except BaseException:
        kept.ledger.release(setting.incident)
        raise
    if begun:  # by a process that died before its first entry
        runner.resume(world, fence)
    else:
        world.fresh = not facts.get("adopted")
        runner.start(opening, world, fence)
    return world


def _taken_over(setting: Setting, kept: State) -> Json:
    source = inventory.loads(setting.text, setting.name)
    index = [row for row in kept.ledger.index(setting.key) if bool(row["summary"].get("drill")) is setting.options.drill]
    found = debts.taken_over(index, setting.key, source.account(source.key(setting.key).account).id, setting.plan.policy)
    keys = {row["incident"]: {role: str(row["summary"].get(role, "")) for role in ("old", "new")} for row in index}
    return {"took_over": found, "earlier": {name: keys[name] for name in found if name in keys}}


def _past(setting: Setting, kept: State) -> Json:
    source = inventory.loads(setting.text, setting.name)
    account = source.account(source.key(setting.key).account).id
    return earlier.history(kept.ledger.index(setting.key), setting.key, account, drill=setting.options.drill).to_json()


ENDS = ("abort", "close")
"""Signals that end an incident: it changes nothing any more, so it does not need resources that others hold by now."""


def hold(record: Incident, kept: State, kind: str) -> int:
    """Take the incident's leases before it is sent `kind`; returns the fence.

    It takes all resources that it would act on: while debt alone kept it open, others may have taken and given back some of them.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it would act on.
    """
    ledger, itself = kept.ledger, [f"incident {record.id}"]
    try:
        wanted = resources(setting_from(record.id, record.opened))
    except (IrError, LookupError, TypeError, ValueError):
        wanted = itself  # it belongs to another version, and only ends here
    try:
        ledger.take(kept.me, record.id, wanted)
    except AlreadyRunning as other:
        if kind not in ENDS or other.incident == record.id:
            raise
        ledger.take(kept.me, record.id, itself)
    return ledger.take_over(kept.me, record.id)


def go_on(record: Incident, kept: State, runner: Runner, given: ProcessContext, kind: str, body: Json) -> World:
    """Take the incident over from a dead or absent holder, tell it `kind`, and run it on in this process.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it acts on.
        Unreplayable: another version recorded what this one would not do; `unreplayable` ends it.
        Refused: a later incident took over its debts.
    """
    heir = debts.heirs(kept.ledger.index(str(record.opened.get("key", "")))).get(record.id)
    if heir:
        raise Refused(f"{heir} took over what {record.id} had still to do", safe="nothing was changed", next_step=f"ir status {heir}")
    holder = kept.ledger.holder(record.id)
    if holder is None or not holder["alive"]:  # a live process answers for itself
        _check(record, kept, given)
    fence = hold(record, kept, kind)
    setting = setting_from(record.id, record.opened)
    if body.get("yes"):
        setting.options = replace(setting.options, yes=True)
    world = wired(setting, kept, given, fence)
    runner.launch()
    kept.ledger.send(record.id, kind, given.operator.name, body)
    runner.resume(world, fence)
    return world


def _check(record: Incident, kept: State, given: ProcessContext) -> None:
    """Check everything before anything is sent, so that a refusal leaves no trace."""

    def world() -> World:
        return wiring.world(setting_from(record.id, record.opened), kept, given.operator, ask=write_guard.read_only)

    replay_check.check(kept.ledger.engine, record, read_entries(kept.ledger.engine, record.id), world)
