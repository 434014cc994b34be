"""Write an incident's report and evidence bundle into the state folder, and sign them."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ir.core.errors import IrError, PortError, Unknown
from ir.core.secret import Secret
from ir.evidence import checkpoints
from ir.evidence.bundle_verifier import Broken, read_checkpoint
from ir.evidence.checkpoints import Signer
from ir.incident import folding
from ir.incident.record import Incident
from ir.inventory import Inventory
from ir.runtime.app_state import State


def publish(kept: State, record: Incident, signer: Callable[[], Signer], say: Callable[[str], None]) -> list[str]:
    """Write report and bundle into the state folder; returns the paths, the HTML report first.

    Without a key to sign with, they are written unsigned, with a warning.

    Raises:
        Unknown: the disk did not take them, or not whole.
    """
    from ir.engine.dbos_records import read_entries
    from ir.report.bundle import write_bundle

    try:
        with _alone(kept.bundle(record.id)) as folder:
            entries = read_entries(kept.engine, record.id)
            if entries[-1]["hash"] != record.head:  # a word came since
                record = folding.fold(entries)
            paths = write_bundle(record, entries, folder, checkpoints=kept.checkpoints.of(record.id), signer=_perhaps(signer, say))
    except OSError as error:
        again = f"make room in {kept.folder}, then: ir report {record.id}"
        raise Unknown(f"the report was not written ({os.strerror(error.errno or 0)})", next_step=again) from None
    return [str(path) for path in sorted(paths, key=lambda p: p.suffix != ".html")]


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Let one process at a time write a bundle: a person's word may come while the incident's own process writes it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(handle)


def _perhaps(signer: Callable[[], Signer], say: Callable[[str], None]) -> Signer | None:
    try:
        return signer()
    except (OSError, IrError) as error:
        say(f"WARNING: the report is not signed: {type(error).__name__}")
        return None


def evidence_signer(
    kept: State, source: Inventory, resolver: Callable[[str], Secret], say: Callable[[str], None] = lambda _text: None
) -> Signer:
    """The team's key that the inventory names. Where none is named or it cannot be read now, this machine's.

    Raises:
        Refused: what should be a key is none.
        OSError: this machine's can neither be read nor made.
    """
    if source.evidence_key is not None:
        try:
            return checkpoints.signer(resolver(str(source.evidence_key)).reveal().encode(), str(source.evidence_key))
        except PortError as error:
            say(f"WARNING: checkpoints are signed with this machine's key: {source.evidence_key}: {error.what}")
    return checkpoints.own_signer(kept.folder)


def signer_of(kept: State, incident: str) -> str:
    """Fingerprint of the key that signed the last checkpoint of an incident, "" when no checkpoint is valid."""
    made = kept.checkpoints.of(incident)
    try:
        return read_checkpoint(made[-1], len(made))[1] if made else ""
    except Broken:
        return ""
