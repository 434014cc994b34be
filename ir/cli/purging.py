"""Before evidence is purged: who may allow it while notifications are open, and which copies stay."""

from collections.abc import Sequence
from pathlib import Path

from ir.core.errors import Refused, UsageError
from ir.core.model import Json
from ir.incident import deadlines
from ir.incident.record import Incident


def refuse_alone(record: Incident, by: str, reason: str, second: str) -> None:
    """While a clock runs or something is to do, evidence goes by two people, or by one with name and reason.

    Raises:
        Refused: neither. UsageError: the second person is the first.
    """
    if second and second.strip().lower() in (by.strip().lower(), ""):
        raise UsageError("--second names another person than --by", next_step="--by NAME --second OTHER")
    clocks = [f"tell {row.clock.to} ({row.clock.article})" for row in deadlines.open_ones(record)] if deadlines.concerns(record) else []
    pressing = [*clocks, *(debt.why for debt in record.debts.values())]
    if not pressing or (by.strip() and (reason.strip() or second.strip())):
        return
    more = f", and {len(pressing) - 3} more" if len(pressing) > 3 else ""
    raise Refused(
        f"evidence of {record.id} is still needed: {'; '.join(pressing[:3])}{more}",
        safe="nothing was removed",
        next_step="--by NAME with --second OTHER, or with --reason TEXT",
    )


def copies(record: Incident, entries: Sequence[Json], folder: Path) -> list[str]:
    """Where what is purged lies, as far as the record tells: here, in bundles that were handed out, and in the files that were read."""
    handed = [str(word["folder"]) for word in record.words if word.get("kind") == "copied"]
    collected = [told for entry in entries for told in entry["body"].get("outcome", {}).get("facts", {}).get("evidence", {}).values()]
    read = [str(row["name"]) for told in collected for row in told.get("inputs", [])]
    return list(dict.fromkeys([str(folder / "evidence"), *handed, *read]))
