"""The coverage as a table, with what could not be read."""

from ir.core.model import Json
from ir.review.detect.source_holes import DUE
from ir.review.ingest.load_result import Loaded
from ir.review.judge import coverage

_EXAMPLES = 3
_CLEARING = ("events", "activity", "request-log")
"""Sources whose silence clears an account."""


def note_loaded(seen: dict[str, coverage.SourceCoverage], loaded: Loaded) -> None:
    """Assign unreadable lines and files to their source: a dozen such lines may hide something."""
    for label, bad in loaded.bad.items():
        if bad >= DUE and label in _CLEARING:
            seen[label].full = False
            seen[label].lacks = seen[label].lacks or f"{bad:,} lines of it could not be read"
        if bad and label in seen:
            shown = [f"{e['file']}:{e['line']} ({e['why']})" for e in loaded.examples if e["source"] == label][:_EXAMPLES]
            seen[label].gaps.append(coverage.gap(0, 0, f"{bad:,} unreadable line(s), kept in aside.jsonl: {', '.join(shown)}".rstrip(": ")))
    for label, notes in loaded.notes.items():
        seen[label].gaps += [coverage.gap(0, 0, note) for note in notes]


def table(seen: dict[str, coverage.SourceCoverage]) -> tuple[Json, ...]:
    """The coverage table; a source without rows says what the review cannot see without it."""
    rows = []
    for name, one in seen.items():
        blind = one.blind_to or ("" if one.rows or one.full else coverage.ABSENT.get(name, ""))
        answers = [*coverage.ANSWERS.get(name, ())] if (one.rows or one.full) and one.carries else []
        row = {"source": name, "from": one.first, "to": one.last, "rows": one.rows, "gaps": one.gaps, "blind_to": blind}
        rows.append({**row, "answers": answers})
    return tuple(rows)
