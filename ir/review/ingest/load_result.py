"""The result of loading the files of a review."""

from dataclasses import dataclass, field

from ir.core.model import Json


@dataclass
class Loaded:
    """The result of loading one set of files.

    Attributes:
        rows, bad: per kind (`egress`, `request-log`, `webhook-log`, `events`, `activity`): readable rows, unreadable lines.
        examples: `{source, file, line, why, text}` of the first unreadable lines.
        notes: per kind, one sentence for each file that was not read as it should be.
        files: how many files were read. names: which.
    """

    rows: dict[str, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    examples: list[Json] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    files: int = 0
    names: list[str] = field(default_factory=list)

    def say(self, source: str, note: str) -> None:
        """Add a note."""
        self.notes.setdefault(source, []).append(note)
