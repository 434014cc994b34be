"""Beginning an incident and going on with one, whoever asks: a command, a campaign, a schedule.

The order is always the same: the lease first, then the durable incident, then its first change. Nobody runs an incident whose
lease he did not take.
"""

import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

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
from ir.runtime.same_value import Noted
from ir.storage.incident_store import Ledger


def _quiet(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Given:
    """What belongs to the process that runs an incident and is never recorded.

    Attributes:
        lost: called when a write is about to happen although another process took the incident over; must not return.
        patient: False: long waits are handed back instead of being slept through (see `World.patient`).
        resting: as `World.resting`.
        leaked, control: keys that the operator gave.
        handed: stores by reference that were read just now: the first look of an incident that begins need not read them again.
    """

    operator: Operator
    lost: Callable[[str], None]
    say: Callable[[str], None] = _quiet
    leaked: Secret | None = None
    control: Secret | None = None
    patient: bool = True
    resting: Callable[[float], AbstractContextManager[None]] = lambda _seconds: nullcontext()
    handed: Mapping[str, Noted] = field(default_factory=dict)


class Unattended:
    """`ports.Operator` where nobody sits: says yes to what was agreed to in advance, waits for everything else."""

    interactive = False

    def __init__(self, name: str, *, yes: bool) -> None:
        self.name, self._yes = name, yes

    def tell(self, text: str) -> None:
        """Nobody listens; what matters is in the record."""

    def confirm(self, question: str) -> bool:
        """As agreed in advance."""
        return self._yes

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        """As agreed in advance."""
        return self._yes

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        """Raises Waiting: nobody chooses."""
        raise Waiting(question, next_step=f"one of {', '.join(options)}")

    def ask(self, question: str) -> str:
        """Raises Waiting: nobody answers."""
        raise Waiting(question)

    def new_key(self, prompt: str) -> Secret | None:
        """Nobody brings one."""
        return None

    def key_or_why(self, prompt: str) -> Secret | str | None:
        """Nobody says why."""
        return None


def new_id(ledger: Ledger) -> str:
    """`INC-YYYYMMDD-xxxxxx`, which no incident of this database has: one of another key would be taken for this one, and done."""
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
    """The resource that a key is, whatever an inventory calls it."""
    return f"key {fingerprint}"


def wired(setting: Setting, kept: State, given: Given, fence: int) -> World:
    """A world whose writes are stopped the moment another process took the incident over."""

    def ask() -> None:
        if not kept.ledger.holds(kept.me, setting.incident, fence):
            given.lost(setting.incident)

    made = wiring.world(
        setting, kept, given.operator, ask=ask, leaked=given.leaked, control=given.control, say=given.say, handed=given.handed
    )
    places = set() if setting.plan.key_alone else consent.destinations(made.inventory, made.key)

    def note(record: Incident) -> None:
        """What a find of the same key elsewhere showed is known to the rotation that takes it in."""
        also = {row["key"] for row in record.facts.get("elsewhere", {}).get("holders", [])} if places else set()
        shown = places | consent.beyond(made.inventory, made.key, also) if also else places
        kept.ledger.note(record.id, record.status, int(record.exit_code), wiring.summary(record, shown))

    made.note = note
    made.claim = lambda fingerprint: kept.ledger.claim(kept.me, setting.incident, fence, key_itself(fingerprint))
    made.knows = known(kept)
    made.over = over(kept)
    made.removed_approvers = lambda: approved.removed(setting, made.inventory.approvers)
    made.patient, made.resting = given.patient, given.resting
    if not given.patient:  # nobody reads along: the report is written once, when it has an end to tell
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


def begin(setting: Setting, kept: State, runner: Runner, given: Given, found: Json | None = None) -> World:
    """Lease, then the durable incident; it runs in this process when this returns.

    `found`: first facts of an incident that is adopted (`adoption.look`).

    Raises:
        AlreadyRunning: another incident holds the key or a store object; nothing was begun.
        Refused: it is a scheduled rotation, and an emergency of its key still owes something.
    """
    now = wiring.SystemClock().now()
    setting.incident = setting.incident or new_id(kept.ledger)
    fence = kept.ledger.take(kept.me, setting.incident, resources(setting, given.leaked))
    try:
        begun = runner.status(setting.incident)
        world = wired(setting, kept, replace(given, handed={}) if begun else given, fence)
        if begun:
            _check(Incident(id=setting.incident), kept, given)
        elif found and found.get("adopted"):
            found = {**found, "adopted": {**found["adopted"], "signed_before": kept.checkpoints.set_aside(setting.incident)}}
        facts = {"opened_at": now.timestamp(), "exposed_at": setting.options.exposed_at, **_earlier(setting, kept), **(found or {})}
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


def _earlier(setting: Setting, kept: State) -> Json:
    """What the index of this key's incidents tells the one that begins: what it takes over, and what became of former keys."""
    source = inventory.loads(setting.text, setting.name)
    account, drill = source.account(source.key(setting.key).account).id, setting.options.drill
    every = kept.ledger.index(setting.key)
    index = [row for row in every if bool(row["summary"].get("drill")) is drill]
    found = debts.taken_over(index, setting.key, account, setting.plan.policy)
    keys = {row["incident"]: {role: str(row["summary"].get(role, "")) for role in ("old", "new")} for row in index}
    return {
        "took_over": found,
        "earlier": {name: keys[name] for name in found if name in keys},
        "past": earlier.history(every, setting.key, account, drill=drill).to_json(),
    }


ENDS = ("abort", "close")
"""Signals that end an incident: it acts on nothing any more, so it need not have what others hold by now."""


def hold(record: Incident, kept: State, kind: str) -> int:
    """Take the incident's leases, to tell it `kind`; returns the fence.

    All that it would act on: what it was only kept open for by debt, others may have taken and given back meanwhile.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it would act on.
    """
    ledger, itself = kept.ledger, [f"incident {record.id}"]
    try:
        wanted = resources(setting_from(record.id, record.opened))
    except (IrError, LookupError, TypeError, ValueError):
        wanted = itself  # another version's, which only ends here
    try:
        ledger.take(kept.me, record.id, wanted)
    except AlreadyRunning as other:
        if kind not in ENDS or other.incident == record.id:
            raise
        ledger.take(kept.me, record.id, itself)
    return ledger.take_over(kept.me, record.id)


def go_on(record: Incident, kept: State, runner: Runner, given: Given, kind: str, body: Json) -> World:
    """Take the incident over from a dead or absent holder, tell it `kind`, and run it on in this process.

    Raises:
        AlreadyRunning: its process lives, or another incident holds what it acts on.
        Unreplayable: another version recorded what this one would not do; `unreplayable` ends it.
        Refused: a later incident took over what it owed.
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


def _check(record: Incident, kept: State, given: Given) -> None:
    """Before anything is sent, so that a refusal leaves no trace."""

    def world() -> World:
        return wiring.world(setting_from(record.id, record.opened), kept, given.operator, ask=write_guard.read_only)

    replay_check.check(kept.ledger.engine, record, read_entries(kept.ledger.engine, record.id), world)
