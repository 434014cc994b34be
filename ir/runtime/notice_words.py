"""Put news of an incident into words: from recorded entries, scrubbed, short, inert in a chat, always with the next command."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from ir.core.chat_text import inert
from ir.core.model import Did, Policy
from ir.core.secret import excerpt, scrub
from ir.incident import deadlines
from ir.incident.record import Incident

_LONGEST = 1500
_KINDS = {"done": "done", "attested": "done", "refused": "failed", "debt": "debt", "aborted": "debt", "rolled back": "rolled-back"}
BY_ITSELF = ("opened", "done")
"""Kinds that a campaign or the schedule reports for all its keys in one digest."""


@dataclass(frozen=True)
class Notice:
    """News of one incident, free of secrets.

    Attributes:
        entry: number of the audit entry that it tells.
        kind: one of `inventory.NOTICE_KINDS`.
    """

    incident: str
    entry: int
    kind: str
    title: str
    body: str

    @property
    def digest(self) -> str:
        """Stands for the words, to recognise a repeated notice."""
        return hashlib.sha256(f"{self.kind}\n{self.title}\n{self.body}".encode()).hexdigest()[:16]


def notice_of(record: Incident) -> Notice | None:
    """The news in a record's last entry; None when it is of no interest to people."""
    if record.last is None:
        return None
    kind, said, todo = _news(record)
    if not kind:
        return None
    about = f"key {record.opened.get('key', '')}, policy {record.plan.get('policy', '')}"
    title = _words(f"{record.id} {_title(kind, record)}: {about}", 160)
    lines = [_words(said, 400), f"Next: {_words(todo or _next(kind, record), 300)}"]
    if kind in ("debt", "rolled-back", "failed", "done"):
        lines += [f"Still to do: {_words(debt.why, 160)} → {_words(debt.todo, 160)}" for debt in list(record.debts.values())[:5]]
    if kind != "opened":
        at = datetime.fromisoformat(str(record.last["at"])).timestamp()  # of the entry: told again, it is the same notice
        lines += [f"Still to do: {_words(line, 160)}" for line in deadlines.countdown(deadlines.rows(record), at)[:5]]
    lines += [] if f"ir status {record.id}" in lines[1] else [f"ir status {record.id}"]
    return Notice(record.id, int(record.last["n"]), kind, title, scrub("\n".join(lines))[:_LONGEST])


def _words(text: str, limit: int) -> str:
    """One line of at most `limit` characters. Scrubbed before it is changed: a changed secret would not be recognised."""
    return excerpt(inert(excerpt(text, limit)), limit)


def _news(record: Incident) -> tuple[str, str, str]:
    """Kind ("" = none), what happened, what to do."""
    last = record.last or {}
    if last["kind"] == "opened":
        reason = record.opened.get("options", {}).get("reason", "")
        return "opened", f"opened by {record.actor}" + (f": {reason}" if reason else ""), ""
    if last["kind"] == "ended":
        kind = _KINDS.get(record.status, "")
        kind = "failed" if kind == "rolled-back" and record.plan.get("policy") == Policy.SCHEDULED.value else kind
        return "debt" if kind == "done" and record.debts else kind, str(record.ended.get("said", "")), ""
    if last["kind"] == "signal" and last["body"].get("kind") == "misuse":
        return "debt", str(last["body"]["debt"]["why"]), str(last["body"]["debt"]["todo"])
    run = record.runs[-1] if last["kind"] == "step" and record.runs else None
    if run is not None and run.outcome.did is Did.WAITING and not run.outcome.facts.get("wake_at"):  # otherwise it waits for no person
        return "waiting", f"{run.id}: {run.outcome.said}", run.outcome.todo
    return "", "", ""


def _title(kind: str, record: Incident) -> str:
    if kind == "waiting":
        return "waits for you"
    return record.status if kind in ("done", "debt", "failed") else kind.replace("-", " ")


def _next(kind: str, record: Incident) -> str:
    """The next command where nothing else names one."""
    if kind in ("debt", "rolled-back") and record.debts:
        return next(iter(record.debts.values())).todo
    words = {"opened": "status {} --follow", "waiting": "resume {}", "done": "report {}"}
    return "ir " + words.get(kind, "status {}").format(record.id)


def gathered(batch: list[Notice], held: int) -> tuple[str, str]:
    """Join messages into one: the newest title, and bodies in order, as many of the newest as one message takes."""
    if len(batch) == 1:
        parts = [batch[0].body]
    else:
        texts = [f"{notice.title}\n{notice.body}" for notice in batch]
        fits = max(1, sum(room <= _LONGEST for room in accumulate(len(text) + 2 for text in reversed(texts))))
        parts = texts[-fits:]
        if fits < len(texts):
            parts.insert(0, f"{len(texts) - fits} earlier messages are left out: ir status {batch[-1].incident}")
    if held:
        parts.append(f"{held} more messages were held back: ir status")
    return batch[-1].title, "\n\n".join(parts)
