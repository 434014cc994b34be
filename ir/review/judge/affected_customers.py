"""`affected.csv`: who has to be told."""

import csv
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from ir.core.model import Json
from ir.core.secret import excerpt


def write(rows: list[Json], folder: Path) -> str:
    """Customer ids with what was read or written, first time and number of requests; returns the path, "" for nobody."""
    if not rows:
        return ""
    target = folder / "affected.csv"
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("customer", "what", "first_seen", "requests"))
        for row in rows:
            seen = datetime.fromtimestamp(int(row["first_seen"]), UTC).isoformat()
            out.writerow([_cell(str(row["customer"])), _cell(str(row["what"])), seen, row["requests"]])
    return str(target)


_FORMULA = re.compile(r"(^|[;|])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")


def _cell(text: str) -> str:
    """What a spreadsheet shows and never runs: of a cell, and of what another separator would make a cell, a formula is quoted."""
    return _FORMULA.sub(r"\1'", excerpt(text, 200))
