"""Write `affected.csv`: the customers who have to be told."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

from ir.core.model import Json
from ir.core.secret import excerpt
from ir.storage import written_file


def write(rows: list[Json], folder: Path) -> str:
    """Customer ids with the kinds of access, first time and number of requests; returns the path, "" when there is none."""
    if not rows:
        return ""
    target = folder / "affected.csv"
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(("customer", "what", "first_seen", "requests"))
    for row in rows:
        seen = datetime.fromtimestamp(int(row["first_seen"]), UTC).isoformat()
        out.writerow([_cell(str(row["customer"])), _cell(str(row["what"])), seen, row["requests"]])
    written_file.write(target, text.getvalue())
    return str(target)


_FORMULA = re.compile(r"(^|[;|])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")


def _cell(text: str) -> str:
    """What a spreadsheet shows and never runs: of a cell, and of what another separator would make a cell, a formula is quoted."""
    return _FORMULA.sub(r"\1'", excerpt(text, 200))
