"""`ir evidence key|bundle|purge`: the key of the checkpoints, the bundle for a third party, and forgetting what was collected."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ir.cli import purging
from ir.cli.incidents import By, Name, Reason, named
from ir.cli.options import AsJson, Yes
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import Refused, UsageError
from ir.core.model import Json
from ir.evidence import checkpoints
from ir.evidence import files as evidence_files
from ir.evidence.bundle_verifier import recorded_files
from ir.incident import folding, irreversible
from ir.incident import record as incident_record
from ir.incident.record import FINAL
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.runtime import adapter_registry, lifecycle, words
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.publish import evidence_signer, publish


def key(
    inventory_file: Annotated[
        str, typer.Option("--inventory", help="Whose `evidence_key` is meant, if it names one.", metavar="FILE")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False,
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    as_json: AsJson = False,
) -> None:
    """The public key of the checkpoints, to be kept outside; this machine's is made on first use."""
    screen, kept = Screen(as_json=as_json), open_state()
    path = inventory_source.chosen(inventory_file, screen)
    opened = inventory_source.read(path) if path else None
    if opened is not None and opened.source.evidence_key is not None:
        operator = Terminal(screen, name=actor(), yes=False)
        consent = Consent(lambda: kept, operator, opened, yes=yes, pin=inventory_sha256)
        consent.ask(reading(opened.source, [opened.source.evidence_key]))
    public = _signer(kept, opened, screen).public
    if as_json:
        screen.document({"public_key": str(public), "fingerprint": public.fingerprint})
        return
    screen.say(f"{public} ir-evidence")
    screen.say(f"fingerprint {public.fingerprint}; keep one of the two outside: ir verify INC --public-key {public.fingerprint}")


def bundle(
    name: Name = "",
    output: Annotated[str, typer.Option(help="Folder; default: the incident's own.", metavar="DIR")] = "",
    as_json: AsJson = False,
) -> None:
    """Write the evidence bundle again, of a waiting incident too; `python3 DIR/verify.py` checks it."""
    from ir.engine.dbos_records import read_entries
    from ir.report.bundle import write_bundle

    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name, ended=True)
    entries, own = read_entries(kept.engine, name), kept.bundle(name)
    folder = Path(output) if output else own
    if folder.resolve() != own.resolve() and folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", next_step="name a folder that does not exist yet")
    record = folding.fold(entries)
    write_bundle(record, entries, folder, checkpoints=kept.checkpoints.of(name), signer=signer_of(kept, record, screen))
    if folder.resolve() != own.resolve():
        for digest in evidence_files.present(entries, own / "evidence"):
            (folder / "evidence").mkdir(mode=0o700, exist_ok=True)
            shutil.copy(own / "evidence" / digest, folder / "evidence" / digest)
        words.append(kept, name, actor(), {"kind": "copied", "folder": str(folder.absolute())})
    if as_json:
        screen.document({"incident": name, "folder": str(folder), "head": entries[-1]["hash"]})
    else:
        screen.say(f"{name}: {folder}; head {entries[-1]['hash']}")


def purge(
    name: Name = "",
    yes: Yes = False,
    as_json: AsJson = False,
    reason: Reason = "",
    by: By = "",
    second: Annotated[
        str, typer.Option(help="Another person who agrees; needed while a clock runs or something is still to do.", metavar="NAME")
    ] = "",
) -> None:
    """Remove what was collected about people, and say so: hashes stay, the chain goes on holding."""
    from ir.engine.dbos_records import read_entries

    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name, ended=True)
    entries, folder = read_entries(kept.engine, name), kept.bundle(name)
    record = folding.fold(entries)
    if record.status not in FINAL and record.status != "debt":
        raise Refused(f"{name} still runs or waits: it needs what it collected", safe="nothing was removed", next_step=f"ir resume {name}")
    before, scratch = _told(kept, name), folder / "scratch"
    here = evidence_files.present(entries, folder / "evidence")
    if not here and not (scratch.is_dir() and any(scratch.iterdir())):
        _nothing(name, entries, before, screen)
        return
    purging.refuse_alone(record, by, reason, second)
    operator = Terminal(screen, name=by or actor(), yes=yes)
    for copy in purging.copies(record, entries, folder):
        screen.warn(f"a copy that we know of stays: {copy}" if copy != str(folder / "evidence") else f"to be removed here: {copy}")
    if not operator.confirm_by_name(irreversible.to_purge(record, len(here))):
        raise Refused("not confirmed", safe="nothing was removed", next_step="say --yes")
    # signed and kept before anything is removed: a missing file without a word would look like tampering
    gone = [*recorded_files(entries)]
    told = {"by": operator.name, "reason": reason, "second": second, "files": gone, "copies": purging.copies(record, entries, folder)}
    signer = signer_of(kept, record, screen)
    words.append(kept, name, operator.name, {"kind": "purged", **told})
    entries = read_entries(kept.engine, name)
    record = folding.fold(entries)
    said = checkpoints.statement(entries[-1], checkpoints.tree_of(entries), purged=told)
    kept.checkpoints.add(signer.signed(said))
    evidence_files.remove(folder / "evidence")
    shutil.rmtree(scratch, ignore_errors=True)
    publish(kept, record, lambda: signer, screen.warn)
    _say(name, len(here), _told(kept, name), screen)


def _told(kept: State, name: str) -> list[Json]:
    return evidence_files.purges(kept.checkpoints.of(name))


def _nothing(name: str, entries: list[Json], told: list[Json], screen: Screen) -> None:
    """Nothing is left to remove. That is fine here, and an error where the files are on another machine.

    Raises:
        Refused: the files lie on another machine.
    """
    if recorded_files(entries) and not told:
        raise Refused(f"the evidence files of {name} are not on this machine", next_step=f"run it where {name} ran: {entries[0]['actor']}")
    _say(name, 0, told, screen)


def _say(name: str, removed: int, told: list[Json], screen: Screen) -> None:
    if screen.as_json:
        screen.document({"incident": name, "removed": removed, "purged": told})
        return
    when = f"; purged at {told[-1]['at']} by {told[-1]['by']}" if told else ""
    screen.say(f"{name}: {removed} evidence files removed{when}" if removed else f"{name}: there is nothing to remove{when}")


def signer_of(kept: State, record: incident_record.Incident, screen: Screen) -> checkpoints.Signer:
    """The signer of an incident's record now, by the inventory that it was begun with."""
    return words.signer_for(kept, record, screen.warn)


def _signer(kept: State, opened: Opened | None, screen: Screen) -> checkpoints.Signer:
    if opened is None:
        return checkpoints.own_signer(kept.folder)
    operator = lifecycle.Unattended(actor(), yes=False)
    resolver = adapter_registry.reference_resolver(opened.source, operator, opened.base)
    return evidence_signer(kept, opened.source, resolver, screen.warn)
