"""`affected.csv`: who has to be told."""

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

from ir.model import Json


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
            # A cell that begins with =, +, - or @ would be run by a spreadsheet.
            out.writerow([_cell(str(row["customer"])), _cell(str(row["what"])), seen, row["requests"]])
    return str(target)


def _cell(text: str) -> str:
    return "'" + text if text[:1] in "=+-@\t" else text
