"""One builder of a world for each mode: run an incident, only look at it, or contain at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from ir import inventory
from ir.core.model import Json
from ir.core.secret import Secret
from ir.evidence import files as evidence_files
from ir.evidence.checkpoints import Checkpointer
from ir.incident import earlier_debts
from ir.incident.context import World
from ir.incident.record import Incident
from ir.incident.world_parts import Hooks, KeysAtHand, Run
from ir.inventory import Inventory, Key, consent
from ir.ports import Operator
from ir.runtime import approved, index_summary, wiring, write_guard
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting
from ir.runtime.noted_store import Noted
from ir.runtime.publish import evidence_signer, publish
from ir.storage import state_folder


def quiet(_told: object) -> None:
    """For a hook or a screen without a person to tell."""


def resting_alone(_seconds: float) -> AbstractContextManager[Callable[[], bool]]:
    """`Hooks.resting` of a process that runs one incident: no other works while this one waits."""
    return nullcontext(lambda: True)


@dataclass(frozen=True)
class ProcessContext:
    """What belongs to the process that runs an incident and is never recorded.

    Attributes:
        lost: called when a write is about to happen although another process took the incident over; must not return.
        say, resting: see `Hooks`.
        patient: False: long waits are handed back instead of being slept through (see `Run`).
        leaked, control: keys that the operator gave.
        handed: stores by reference that were read just now: the first look of a new incident need not read them again.
    """

    operator: Operator
    lost: Callable[[str], None]
    say: Callable[[str], None]
    resting: Callable[[float], AbstractContextManager[Callable[[], bool]]]
    patient: bool = True
    leaked: Secret | None = None
    control: Secret | None = None
    handed: Mapping[str, Noted] = field(default_factory=dict)


def real(setting: Setting, kept: State, given: ProcessContext, fence: int) -> World:
    """A world of the process that runs the incident: its writes stop the moment another process takes it over."""
    name = setting.incident

    def ask() -> None:
        if not kept.leases.holds(kept.me, name, fence):
            given.lost(name)

    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    places = set() if setting.plan.key_alone else consent.destinations(source, key)
    resolver = wiring.resolver_of(setting, given.operator)
    signer = cache(lambda: evidence_signer(kept, source, resolver, given.say))
    announce: Callable[[Incident], None] = quiet
    if source.notify and not setting.options.drill:  # no notice goes out of a drill
        desk = wiring.desk(source, kept, resolver)
        announce = desk.announce if given.patient else desk.announce_of_many  # a digest reports everything that a worker runs

    def written(record: Incident) -> list[str]:
        """Publish for a worker, which has no reader beside it: the report is written once, when there is an end to tell."""
        return publish(kept, record, signer, given.say) if given.patient or record.ended else []

    hooks = Hooks(
        say=given.say,
        publish=written,
        note=partial(_note, kept, source, key, places),
        announce=announce,
        witness=Checkpointer(kept.checkpoints, signer, given.say),
        keep=partial(_keep, kept.bundle(name) / "evidence"),
        claim=lambda fingerprint: kept.leases.claim(kept.me, name, fence, key_itself(fingerprint)),
        knows=partial(known, kept),
        over=partial(over, kept),
        removed_approvers=lambda: approved.removed(setting, source.approvers),
        used=partial(kept.own_uses.note, name),
        resting=given.resting,
    )
    run, keys = Run(_scratch(setting, kept), given.patient), KeysAtHand(given.leaked)
    return wiring.world(setting, kept, given.operator, ask=ask, hooks=hooks, run=run, keys=keys, control=given.control, handed=given.handed)


def read_only(
    setting: Setting,
    kept: State,
    operator: Operator,
    *,
    leaked: Secret | None = None,
    control: Secret | None = None,
    say: Callable[[str], None] = quiet,
    claim: Callable[[str], None] = quiet,
) -> World:
    """A world to look at, and of a dry run: every write is refused, and nothing is kept, noted or told.

    `claim`: raises AlreadyRunning when the key with that fingerprint belongs to another incident.
    """
    hooks, run = _unrecorded(setting, kept, say, claim), Run(_scratch(setting, kept), patient=True)
    keys = KeysAtHand(leaked)
    return wiring.world(setting, kept, operator, ask=write_guard.read_only, hooks=hooks, run=run, keys=keys, control=control)


def beside(setting: Setting, kept: State, operator: Operator, leaked: Secret | None, say: Callable[[str], None]) -> World:
    """A world for containing at once, whatever process runs the incident: it writes without the lease, and that process records."""
    hooks, run = _unrecorded(setting, kept, say, quiet), Run(_scratch(setting, kept), patient=True)
    return wiring.world(setting, kept, operator, ask=lambda: None, hooks=hooks, run=run, keys=KeysAtHand(leaked))


def _unrecorded(setting: Setting, kept: State, say: Callable[[str], None], claim: Callable[[str], None]) -> Hooks:
    """The hooks of a process that does not run the incident."""
    return Hooks(
        say=say,
        publish=lambda _record: [],
        note=quiet,
        announce=quiet,
        witness=quiet,
        keep=lambda _files, _inputs: {"files": [], "inputs": []},
        claim=claim,
        knows=partial(known, kept),
        over=partial(over, kept),
        removed_approvers=lambda: approved.removed(setting, inventory.loads(setting.text, setting.name).approvers),
        used=lambda _asked, _answered: None,
        resting=resting_alone,
    )


def _scratch(setting: Setting, kept: State) -> str:
    return str(state_folder.private(kept.bundle(setting.incident) / "scratch"))


def key_itself(fingerprint: str) -> str:
    """The resource that stands for a key, whatever an inventory calls it."""
    return f"key {fingerprint}"


def known(kept: State, incident: str) -> bool:
    """See `Hooks.knows`."""
    return kept.index.find(incident) is not None


def over(kept: State, incident: str) -> bool:
    """See `Hooks.over`."""
    row = kept.index.find(incident)
    return row is not None and earlier_debts.over(row)


def _note(kept: State, source: Inventory, key: Key, places: set[str], record: Incident) -> None:
    """Tell a rotation what a search for the same value elsewhere has shown."""
    also = {row["key"] for row in record.facts.get("elsewhere", {}).get("holders", [])} if places else set()
    shown = places | consent.beyond(source, key, also) if also else places
    kept.index.note(record.id, record.status, int(record.exit_code), index_summary.summary(record, shown))


def _keep(folder: Path, files: Sequence[str], inputs: Sequence[str]) -> Json:
    """Keep copies of the evidence. A full disk costs the copies, not the review, and the operator is told."""
    read = evidence_files.digests(map(Path, inputs))
    try:
        return {"files": evidence_files.keep(((Path(file).name, Path(file)) for file in files), folder), "inputs": read}
    except OSError as error:
        return {"files": [], "inputs": read, "not_kept": type(error).__name__}
