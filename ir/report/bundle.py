"""The evidence bundle: everything that a third party needs to check an incident, in one private folder.

audit.jsonl        the audit entries, one canonical JSON object per line, in order
checkpoints.jsonl  what was signed of them, one `{statement, signature}` per line (`ir.evidence.checkpoints`)
manifest.json      the evidence files by name and hash, as an in-toto statement (`ir.evidence.files`)
evidence/          the evidence files, each named by its SHA-256; empty once they were purged
findings.json      the review part: verdicts, coverage, findings, blast radius, leftovers
evidence.db        SQLite: `entries`, `events`, `affected`, `timeline`, `deadlines`, one for each list; no name needs quotes
README.md          what is in the folder, and which file answers which question
affected.csv       customers by id; timeline.jsonl: the time line in Timesketch's form
notice-TO.md       drafts of notifications
report.html, report.md, report.json
checkpoint-N.json, checkpoint-N.tsr  a checkpoint over N entries and its time stamp, for `openssl ts -verify -data … -in …`;
                   of a purge: checkpoint-N-purge
verify.py          checks the bundle with the Python standard library alone
sha256sums         of all of these files but the evidence files, as `sha256sum -c` reads it
signature.json     the hashes of all of these, `sha256sums` included, signed when they were written: the report names the chain's head,
                   so no checkpoint inside the chain could cover it
"""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ir import report
from ir.core.model import Json
from ir.core.secret import scrub
from ir.evidence import bundle_verifier, hash_chain, timestamps
from ir.evidence import files as evidence_files
from ir.evidence.bundle_verifier import FILES_NAMESPACE, SIGNED_FILES
from ir.evidence.checkpoints import Signer
from ir.incident.record import Incident
from ir.report import notices
from ir.report.bundle_database import database
from ir.report.handover import Handover
from ir.report.source import as_object, as_rows

_REVIEW = (
    "incident",
    "verdict",
    "verdicts",
    "review",
    "coverage",
    "proposed",
    "regular",
    "findings",
    "blast_radius",
    "leftovers",
    "moving_money",
)
_TABLES = (
    *("findings", "coverage", "leftovers", "services", "stores", "outages", "ladder", "deadlines", "notifications", "approvals", "debts"),
)


def write_bundle(
    incident: Incident,
    entries: Sequence[Json],
    folder: Path,
    *,
    anchor: str = "",
    checkpoints: Sequence[Json] = (),
    signer: Signer | None = None,
) -> list[Path]:
    """Write the bundle, or write it again. Files are 0600, the folder is 0700, and each file is replaced as a whole.

    Evidence files are where a review put them; they are not touched.

    Args:
        incident: the fold of `entries`.
        entries: all audit entries of the incident, in order.
        folder: where to; created when it is not there, foreign files in it are left alone.
        anchor: head hash that is kept outside, empty when there is none.
        checkpoints: what was signed of the entries.
        signer: signs the files; None: they stay unsigned.

    Returns:
        The files written, in order.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    texts = {f"report.{fmt}": text for fmt, text in report.render_all(incident, entries, anchor=anchor, checkpoints=checkpoints).items()}
    lines = [_line(entry) for entry in entries]
    told = json.loads(texts["report.json"])
    people = Handover(told, [json.loads(line) for line in lines], _reviewed(incident), folder)
    tables = _tables(lines, told, checkpoints, people)
    contents = {
        "README.md": report.readme(told, people.state, list(tables)).encode(),
        **people.files(),
        **{f"notice-{to}.md": notices.draft(told, to).encode() for to in notices.DRAFTS},
        "audit.jsonl": b"".join(lines),
        "checkpoints.jsonl": b"".join(hash_chain.canonical(one) + b"\n" for one in checkpoints),
        "manifest.json": _pretty(evidence_files.manifest(entries, checkpoints)),
        "findings.json": _pretty({name: told[name] for name in _REVIEW}),
        "evidence.db": database(tables),
        **{name: text.encode() for name, text in texts.items()},
        **_stamps(checkpoints),
        "verify.py": Path(bundle_verifier.__file__).read_bytes(),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    contents["sha256sums"] = sums.encode()
    (folder / SIGNED_FILES).unlink(missing_ok=True)  # a process that dies here leaves files without a signature, not with a wrong one
    written = [_replace(folder / name, data) for name, data in contents.items()]
    if signer is not None:
        written.append(_replace(folder / SIGNED_FILES, _pretty(signer.signed(_statement(entries, contents), FILES_NAMESPACE))))
    return written


def _statement(entries: Sequence[Json], contents: Mapping[str, bytes]) -> Json:
    """The statement that is signed about the files: their hashes, and the stream that they belong to."""
    last, files = entries[-1], {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"incident": last["incident"], "size": len(entries), "head_hash": last["hash"], "ts": ts, "files": files}


def _stamps(checkpoints: Sequence[Json]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for one in (one for one in checkpoints if "timestamp" in one):
        statement = one["statement"]  # a purge is signed over as many entries as the end before it
        name = f"checkpoint-{statement['size']}" + ("-purge" if statement.get("purged") else "")
        files |= {f"{name}.json": timestamps.stamped(one), f"{name}.tsr": base64.b64decode(one["timestamp"])}
    return files


def _pretty(data: Json) -> bytes:
    return (scrub(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode()) + "\n").encode()


def _line(entry: Json) -> bytes:
    """An entry as it was hashed. A key in it would break a promise; it is then taken out, and the chain shows that."""
    line = hash_chain.canonical(entry).decode(errors="surrogatepass")
    return (scrub(line) + "\n").encode(errors="surrogatepass")


def _reviewed(incident: Incident) -> list[Json]:
    """The time line of the widest review, as recorded."""
    told = as_object(incident.facts.get("review") or incident.facts.get("triage"))
    return [row for row in as_rows(told.get("timeline")) if isinstance(row, dict)]


def _tables(lines: Sequence[bytes], told: Json, checkpoints: Sequence[Json], people: Handover) -> dict[str, Sequence[Json]]:
    rows = [json.loads(line) for line in lines]
    files = bundle_verifier.recorded_files(rows)
    return {
        "entries": [{**row, "body": json.dumps(row["body"], sort_keys=True)} for row in rows],
        "checkpoints": [{**one["statement"], "signature": one["signature"]} for one in checkpoints],
        "evidence_files": [{"sha256": digest, "name": name} for digest, name in files.items()],
        **people.tables(),
        **{name: told[name] for name in _TABLES},
    }


def _replace(path: Path, data: bytes) -> Path:
    """Write beside the file, flush to disk, rename over it: a reader sees the old file or the new one, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
