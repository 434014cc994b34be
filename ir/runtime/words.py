"""Record what a person says of an incident at any time (a call, a notification, a time stamp): chained, signed, in the bundle at once.

A word needs no process that runs the incident, waits for none, and changes no step: see `docs/decisions/0028-words-of-people.md`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from ir import inventory
from ir.core.errors import IrError, Refused
from ir.core.model import Json
from ir.engine.dbos_records import read_entries
from ir.evidence import audit_log, checkpoints
from ir.evidence.bundle_verifier import SIGNED_FILES
from ir.evidence.checkpoints import Signer
from ir.evidence.hash_chain import WORD, chained
from ir.incident import folding, standing_facts
from ir.incident.record import Incident
from ir.inventory import consent
from ir.runtime import adapter_registry, record_consent, wiring
from ir.runtime.app_state import State
from ir.runtime.lifecycle import Unattended
from ir.runtime.publish import evidence_signer, publish
from ir.storage.patience import FellBack

Warn = Callable[[str], None]


def say(kept: State, name: str, actor: str, bodies: Sequence[Json], warn: Warn) -> Incident:
    """Append words `{kind, …}` of `actor`, sign a checkpoint over them, and write report and bundle again; returns the record.

    What cannot be signed or written now is told by `warn`; the words are recorded all the same.

    Raises:
        Refused: there is no record to append to, or this login may not.
    """
    for body in bodies:
        append(kept, name, actor, body)
    entries = read_entries(kept.engine, name)
    record = folding.fold(entries)
    folding.hear_late(record, kept.signals.sent(name))
    _note(kept, record)
    try:
        signer = signer_for(kept, record, warn)
        kept.checkpoints.add(signer.signed(checkpoints.statement(entries[-1], checkpoints.tree_of(entries))))
    except (OSError, IrError) as error:
        warn(f"WARNING: recorded, but not signed: {type(error).__name__}")
    _publish(kept, record, warn)
    return record


def finish_writing(kept: State, record: Incident, warn: Warn) -> None:
    """Write report and bundle of an incident that has ended again, if the process that wrote them died before it had signed them."""
    folder = kept.bundle(record.id)
    if (folder / "sha256sums").exists() and not (folder / SIGNED_FILES).exists():
        _publish(kept, record, warn)


def _publish(kept: State, record: Incident, warn: Warn) -> None:
    try:
        publish(kept, record, lambda: signer_for(kept, record, warn), warn)
    except IrError as error:
        warn(f"WARNING: recorded, but {error.what}; {error.next_step}")


def append(kept: State, name: str, actor: str, body: Json) -> Json:
    """One word, at the next free number; another writer may take a number first, then it is tried with the next.

    Raises:
        Refused: there is no record to append to, or this login may not.
    """
    engine = kept.engine
    while True:
        entries = audit_log.entries(engine, name)
        if not entries:
            older = bool(read_entries(engine, name))
            why = "was recorded by version 2 of the record, which takes no words" if older else "has no record yet"
            raise Refused(f"{name} {why}", safe="nothing was recorded", next_step=f"ir status {name}")
        at = wiring.SystemClock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {**body, "login": kept.me.actor}
        entry = chained(entries[-1], at=at, incident=name, kind=WORD, step="", actor=actor, body=said)
        try:
            if audit_log.append(engine, entry) is None:
                return entry
        except (audit_log.OtherEntry, FellBack):
            continue
        except sa.exc.ProgrammingError:
            raise Refused(
                f"this login may not write the record of {name}", safe="nothing was recorded", next_step="a login with the role ir_runner"
            ) from None


def signer_for(kept: State, record: Incident, warn: Warn = lambda _text: None) -> Signer:
    """The signer of an incident's record now, by the inventory that it was begun with.

    Raises:
        Refused: what should be a key is none.
        OSError: this machine's key can neither be read nor made.
    """
    source = inventory.loads(record.opened["inventory"], record.opened["inventory_name"])
    key = source.evidence_key
    if key is not None and consent.reading(source, [key]) and not record_consent.noted(kept, record):
        return checkpoints.own_signer(kept.folder)  # a row alone runs no program
    unattended = Unattended(kept.me.actor, yes=False)
    resolver = adapter_registry.reference_resolver(source, unattended, Path(record.opened.get("inventory_base") or "."))
    return evidence_signer(kept, source, resolver, warn)


def _note(kept: State, record: Incident) -> None:
    """The row in the index, which a status, a digest and a later rotation read."""
    row = kept.index.find(record.id)
    before = row.summary if row is not None else {}
    summary = {**before, **standing_facts.told(record), "debts": [debt.__dict__ for debt in record.debts.values()]}
    status = record.status if record.ended or row is None else str(row.status)
    kept.index.note(record.id, status, int(record.exit_code), summary)
