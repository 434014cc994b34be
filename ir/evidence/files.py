"""The evidence that a review read: files named by their SHA-256, read-only, and the statement that lists them.

The hashes stand in the audit stream (fact `evidence`), so the chain holds the files too. The files themselves can be purged:
the stream goes on holding, and a signed checkpoint says who removed them, when and why.
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from ir.core.model import Json
from ir.evidence.bundle_verifier import recorded_files, sha256_in, sha256_of

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:ir:evidence:1"


def keep(files: Iterable[tuple[str, Path]], folder: Path) -> list[Json]:
    """Copy files to `folder/<sha256>`, 0444; one of the same content is kept once.

    Args:
        files: a name for each, and where it lies now.
        folder: made when it is not there.

    Returns:
        `{name, sha256, bytes}` each, by name; empty files are left out.

    Raises:
        OSError: a file cannot be read or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = [_kept(name, source, folder) for name, source in files if source.stat().st_size]
    return sorted(rows, key=lambda row: str(row["name"]))


def _kept(name: str, source: Path, folder: Path) -> Json:
    scratch = folder / f".{secrets.token_hex(8)}"
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out, source.open("rb") as read:
            shutil.copyfileobj(read, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        digest = sha256_of(scratch)
        scratch.chmod(0o444)
        scratch.rename(folder / digest)
    finally:
        scratch.unlink(missing_ok=True)
    return {"name": name, "sha256": digest, "bytes": (folder / digest).stat().st_size}


def digests(files: Iterable[Path]) -> list[Json]:
    """`{name, sha256, bytes}` of files that are not ours to keep; one that cannot be read has no hash."""
    rows = []
    for path in files:
        try:
            if not path.is_file():
                raise OSError("a pipe or a device: what was read of it is gone")
            with path.open("rb") as stream:
                rows.append({"name": str(path), "sha256": sha256_in(stream), "bytes": path.stat().st_size})
        except OSError:
            rows.append({"name": str(path), "sha256": "", "bytes": 0})
    return rows


def manifest(entries: Sequence[Json], checkpoints: Sequence[Json] = ()) -> Json:
    """The in-toto statement about all evidence files, made from the recorded entries alone."""
    subjects = [{"name": name, "digest": {"sha256": digest}} for digest, name in recorded_files(entries).items()]
    collected = [
        {"step": step, "at": entry["at"], **told}
        for entry in entries
        for step, told in entry["body"].get("outcome", {}).get("facts", {}).get("evidence", {}).items()
    ]
    predicate = {"incident": entries[0]["incident"] if entries else "", "collected": collected, "purged": purges(checkpoints)}
    return {"_type": STATEMENT, "subject": subjects, "predicateType": PREDICATE, "predicate": predicate}


def purges(checkpoints: Iterable[Json]) -> list[Json]:
    """`{at, by, reason, files}` of each purge, oldest first; `files` are hashes."""
    found = [one["statement"] for one in checkpoints if one["statement"].get("purged")]
    return [{"at": statement["ts"], **statement["purged"]} for statement in found]


def present(entries: Sequence[Json], folder: Path) -> list[str]:
    """Hashes of the recorded files that are in `folder`."""
    return [digest for digest in recorded_files(entries) if (folder / digest).is_file()]


def remove(folder: Path) -> int:
    """Remove every kept file; returns how many. Raises OSError."""
    files = list(folder.iterdir()) if folder.is_dir() else []
    for path in files:
        path.unlink()
    return len(files)
