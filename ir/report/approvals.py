"""The approvals of each step: the person, the way, and whether it was the one who opened the incident."""

from ir.core.model import Json
from ir.incident.approvers import is_requester
from ir.report.formatting import iso
from ir.report.people import by_flag
from ir.report.source import Story, words

PERSON, FLAG, SIGNED = "a person, not signed", "--yes: no person was asked", "a person, signed"


def approvals(story: Story) -> list[Json]:
    """`{step, by, at, how, person, same_as_opener, note, entry}` of every approval that was sent or given."""
    numbers = {entry["hash"]: entry["n"] for entry in story.entries}
    rows = [entry for entry in story.shown_entries if entry.get("kind") == "signal" and entry["body"].get("kind") == "approve"]
    return [_row(story, entry["body"], entry, numbers.get(entry.get("hash", ""))) for entry in rows]


def _row(story: Story, body: Json, entry: Json, number: int | None) -> Json:
    by = words(entry.get("actor"))
    same = is_requester(words(story.tamer(story.incident.actor)), (), by, words(body.get("name")))
    how = FLAG if by_flag(body) else SIGNED if body.get("signature") else PERSON
    note = "the one who opened the incident approved it; nobody else looked" if same else ""
    row = {"step": words(body.get("step")), "by": by, "at": iso(entry.get("at")), "how": how, "person": how != FLAG}
    return {**row, "same_as_opener": same, "note": note, "entry": number if number is not None else entry.get("n")}
