"""The files that were given, by name or by glob."""

import glob
from collections.abc import Iterable
from pathlib import Path


def expand(patterns: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files behind globs, and a note for each glob that matches nothing."""
    files: list[Path] = []
    notes: list[str] = []
    for pattern in patterns:
        hits = sorted(Path(p) for p in glob.glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207 # absolute patterns
        hits = [hit for hit in hits if hit.is_file()]
        if not hits:
            notes.append(f"{pattern}: no such file")
        files += [hit for hit in hits if hit not in files]
    return files, notes
