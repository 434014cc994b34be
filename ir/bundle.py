"""The evidence bundle: everything that a third party needs to check an incident, in one private folder.

audit.jsonl        the audit entries, one canonical JSON object per line, in order
checkpoints.jsonl  what was signed of them, one `{statement, signature}` per line (`ir.checkpoints`)
manifest.json      the evidence files by name and hash, as an in-toto statement (`ir.evidence_files`)
evidence/          the evidence files, each named by its SHA-256; empty once they were purged
findings.json      the review part: verdicts, coverage, findings, blast radius, leftovers
evidence.db        SQLite: tables `entries`, `checkpoints`, `evidence_files`, `findings`, `coverage`, `leftovers`, `services`, `stores`
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
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ir import evidence, evidence_check, evidence_files, report, timestamps
from ir.checkpoints import Signer
from ir.evidence_check import FILES_NAMESPACE, SIGNED_FILES
from ir.incident import Incident
from ir.model import Json
from ir.secret import scrub

_REVIEW = ("incident", "verdict", "verdicts", "review", "coverage", "findings", "blast_radius", "leftovers", "moving_money")
_TABLES = ("findings", "coverage", "leftovers", "services", "stores")
_KEYS = {"entries": "n", "evidence_files": "sha256"}


def write_bundle(
    incident: Incident,
    entries: Sequence[Json],
    folder: Path,
    *,
    anchor: str = "",
    checkpoints: Sequence[Json] = (),
    signer: Signer | None = None,
) -> list[Path]:
    """Write (or write anew) the bundle; files are 0600, the folder is 0700, each file is replaced as a whole.

    Evidence files are where a review put them; they are not touched.

    Args:
        incident: the fold of `entries`.
        entries: all audit entries of the incident, in order.
        folder: where to; created when it is not there, foreign files in it are left alone.
        anchor: head hash that somebody outside keeps, empty when there is none.
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
    contents = {
        "audit.jsonl": b"".join(lines),
        "checkpoints.jsonl": b"".join(evidence.canonical(one) + b"\n" for one in checkpoints),
        "manifest.json": _pretty(evidence_files.manifest(entries, checkpoints)),
        "findings.json": _pretty({name: told[name] for name in _REVIEW}),
        "evidence.db": _database(lines, told, checkpoints),
        **{name: text.encode() for name, text in texts.items()},
        **_stamps(checkpoints),
        "verify.py": Path(evidence_check.__file__).read_bytes(),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    contents["sha256sums"] = sums.encode()
    (folder / SIGNED_FILES).unlink(missing_ok=True)  # whoever dies on the way leaves files without a signature, not with a wrong one
    written = [_replace(folder / name, data) for name, data in contents.items()]
    if signer is not None:
        written.append(_replace(folder / SIGNED_FILES, _pretty(signer.signed(_statement(entries, contents), FILES_NAMESPACE))))
    return written


def _statement(entries: Sequence[Json], contents: Mapping[str, bytes]) -> Json:
    """What is signed of the files: their hashes, and the stream that they belong to."""
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
    return (scrub(json.dumps(data, indent=2)) + "\n").encode()


def _line(entry: Json) -> bytes:
    """An entry as it was hashed. A key in it would be a broken promise; it is then taken out, and the chain shows that."""
    line = evidence.canonical(entry).decode(errors="surrogatepass")
    return (scrub(line) + "\n").encode(errors="surrogatepass")


def _database(lines: Sequence[bytes], told: Json, checkpoints: Sequence[Json]) -> bytes:
    """The bytes of a SQLite file, made in memory; nested values are JSON text."""
    entries = [json.loads(line) for line in lines]
    files = [{"sha256": digest, "name": name} for digest, name in evidence_check.recorded_files(entries).items()]
    tables = {
        "entries": [{**entry, "body": json.dumps(entry["body"], sort_keys=True)} for entry in entries],
        "checkpoints": [{**one["statement"], "signature": one["signature"]} for one in checkpoints],
        "evidence_files": files,
        **{name: told[name] for name in _TABLES},
    }
    with closing(sqlite3.connect(":memory:")) as db:
        for name, rows in tables.items():
            _fill(db, name, rows)
        db.commit()
        return db.serialize()


def _fill(db: sqlite3.Connection, table: str, rows: Sequence[Json]) -> None:
    """A column for each field that any row has, in the order of their first appearance; no table for no rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return
    described = ", ".join(f"{_quoted(name)} {_kind(row[name] for row in rows if name in row)}" for name in columns)
    key = f", PRIMARY KEY ({_quoted(_KEYS[table])})" if table in _KEYS else ""
    db.execute(f"CREATE TABLE {_quoted(table)} ({described}{key})")
    places = ", ".join("?" * len(columns))
    add = f"INSERT INTO {_quoted(table)} VALUES ({places})"  # noqa: S608 - the name is one of ours, and quoted
    db.executemany(add, [[_cell(row.get(name)) for name in columns] for row in rows])


def _kind(values: Iterable[object]) -> str:
    kinds = {type(value) for value in values if value is not None}
    return "INTEGER" if kinds and kinds <= {int, bool} else "REAL" if kinds and kinds <= {int, bool, float} else "TEXT"


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else value


def _quoted(name: str) -> str:
    """A field's name may be a stranger's."""
    return '"' + name.replace('"', '""') + '"'


def _replace(path: Path, data: bytes) -> Path:
    """Write beside, flush to disk, rename over: a reader sees the old file or the new one, never a part."""
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
