"""The evidence bundle: everything that a third party needs to check an incident, in one private folder.

audit.jsonl     the audit entries, one canonical JSON object per line, in order
findings.json   the review part: verdicts, coverage, findings, blast radius, leftovers
evidence.db     SQLite: tables `entries`, `findings`, `coverage`, `leftovers`, `services`, `stores`
report.html, report.md, report.json
verify.py       checks the bundle with the Python standard library alone
sha256sums      of all of these, as `sha256sum -c` reads it
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ir import evidence, report
from ir.incident import Incident
from ir.model import Json
from ir.secret import scrub
from ir.shipped_files import shipped_folder

_REVIEW = ("incident", "verdict", "verdicts", "review", "coverage", "findings", "blast_radius", "leftovers", "moving_money")
_TABLES = ("findings", "coverage", "leftovers", "services", "stores")


def write_bundle(incident: Incident, entries: Sequence[Json], folder: Path, *, anchor: str = "") -> list[Path]:
    """Write (or write anew) the bundle; files are 0600, the folder is 0700, each file is replaced as a whole.

    Args:
        incident: the fold of `entries`.
        entries: all audit entries of the incident, in order.
        folder: where to; created when it is not there, foreign files in it are left alone.
        anchor: head hash that somebody outside keeps, empty when there is none.

    Returns:
        The files written, `sha256sums` last.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    texts = {f"report.{fmt}": text for fmt, text in report.render_all(incident, entries, anchor=anchor).items()}
    lines = [_line(entry) for entry in entries]
    told = json.loads(texts["report.json"])
    contents = {
        "audit.jsonl": b"".join(lines),
        "findings.json": (json.dumps({name: told[name] for name in _REVIEW}, indent=2, ensure_ascii=False) + "\n").encode(),
        "evidence.db": _database(lines, told, folder),
        **{name: text.encode() for name, text in texts.items()},
        "verify.py": (shipped_folder("templates") / "verify.py").read_bytes(),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    return [_replace(folder / name, data) for name, data in {**contents, "sha256sums": sums.encode()}.items()]


def _line(entry: Json) -> bytes:
    """An entry as it was hashed. A key in it would be a broken promise; it is then taken out, and the chain shows that."""
    line = evidence.canonical(entry).decode()
    return (scrub(line) + "\n").encode()


def _database(lines: Sequence[bytes], told: Json, folder: Path) -> bytes:
    """The bytes of a SQLite file; nested values are JSON text."""
    import sqlite_utils

    with tempfile.TemporaryDirectory(dir=folder, prefix=".evidence-") as scratch:
        path = Path(scratch) / "evidence.db"
        database = sqlite_utils.Database(path)
        rows = (json.loads(line) for line in lines)
        database.table("entries", pk="n").insert_all({**row, "body": json.dumps(row["body"], sort_keys=True)} for row in rows)
        for name in _TABLES:
            if told[name]:
                database.table(name).insert_all(told[name], alter=True)
        database.close()
        return path.read_bytes()


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
