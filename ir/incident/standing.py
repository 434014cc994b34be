"""The state of an incident: one word out of a closed list, its start, the leaked key, the outage, the next command. Pure.

`status` is what the record says; a record cannot tell that its process was killed, or which person it waits for. The state word can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ir.core import command_text
from ir.core.model import Json
from ir.incident import earlier_debts
from ir.incident.record import FINAL
from ir.storage.incident_index import IncidentRow
from ir.storage.leases import Lease
from ir.storage.open_questions import OpenQuestion

STATES: dict[str, str] = {
    "running": "a process works on it",
    "waiting for you": "it stands still until you act",
    "waiting for NAME": "it stands still until these people act, or the person at another terminal",
    "waiting for its time": "it goes on by itself: at a time, in a window, by the next `ir schedule run`",
    "interrupted": "its process ended in the middle; nothing acts until `ir resume`",
    "still to do": "it has ended, and something is left to do",
    "done": "the leaked key is dead, and nothing is left to do",
    "rolled back": "the old key is in use again, and it is the leaked one",
    "aborted": "it was given up; nothing acts any more",
    "attested": "a person ended it by name: attested, not proven",
    "refused": "it ended before anything was changed",
    "taken over": "a later incident of the same key took over what was left to do",
}
"""The closed list, with meanings; NAME stands for one or several names."""
_LEFT = ("debt", "reopened")
_ANSWERED = "answer at the terminal that asks"
_LEAVES = ("still to do", "rolled back", "aborted", "attested", "interrupted")
"""States in which debts are left that no process works on."""


@dataclass(frozen=True)
class Standing:
    """One row of `ir status`.

    Attributes:
        status: as recorded, see `Incident.status`. state: a word of `STATES`.
        since, of the state: epoch seconds.
        leaked: `{state, since}` of the leaked key, `alive | contained | dead | unknown`; since 0 = not known.
        outage: `{since, until, services}` of services on a key that does not work; {} = none, until 0 = it lasts.
        said, todo: what it waits for or does, and what a person does about it.
        left: debts as JSON, those about keys first.
        next: one command, as it can be typed.
        accepted: living keys that a person keeps, as `Incident.accepted`.
        clocks: deadlines that run and are not answered (`deadlines.rows`).
        question: what is asked at a terminal just now (`OpenQuestion`); {} = nothing.
    """

    incident: str
    key: str
    policy: str
    status: str
    state: str
    since: float
    leaked: Json
    outage: Json
    said: str
    todo: str
    left: tuple[Json, ...]
    next: str
    accepted: Json
    clocks: tuple[Json, ...] = ()
    question: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """What `--json` adds to the recorded `status`."""
        row = {"state": self.state, "since": self.since, "leaked": self.leaked, "outage": self.outage}
        return {**row, "next": self.next, "accepted": self.accepted, "clocks": list(self.clocks), "question": self.question}


def stand(
    row: IncidentRow,
    holder: Lease | None,
    *,
    people: Sequence[str] = (),
    heir: str = "",
    me: str = "",
    now: float = 0.0,
    question: OpenQuestion | None = None,
) -> Standing:
    """Where an incident stands.

    Args:
        row: of the index; its summary with all of `told`.
        holder: the process that holds it (`Leases.holder`), None when none does.
        people: who has still to approve, where it waits for several people.
        heir: the later incident that took over what was left, "" = none.
        me: who asks, as `Lease.actor` is written.
        now: epoch seconds.
        question: what is asked just now at the terminal of `holder`.
    """
    summary, alive = row.summary, bool(holder and holder.alive)
    actor = str(holder.actor) if holder and alive else ""
    asked = question if alive and row.status == "running" else None
    waits = _waits_for(summary, people, actor if actor != me else "", now)
    state = _state(row, heir, waits, alive=alive, asked=asked is not None)
    said, todo = (asked.said, _ANSWERED) if asked and state == waits else _told(summary, state)
    left = tuple(sorted(summary.get("debts", []), key=lambda debt: not str(debt["kind"]).startswith("key-"))) if _leaves(row, state) else ()
    return Standing(
        incident=str(row.incident),
        key=str(summary.get("key", "")),
        policy=str(summary.get("policy", "")),
        status=str(row.status),
        state=state,
        since=asked.since if asked and state == waits else _since(row, state, holder),
        leaked=summary.get("leaked") or {"state": "unknown", "since": 0.0},
        outage=summary.get("outage") or {},
        said=said,
        todo=todo,
        left=left,
        next=_next(row, state, todo or (str(left[0]["todo"]) if left else ""), heir, alive=alive),
        accepted=summary.get("accepted") or {},
        clocks=tuple(summary.get("clocks", [])),
        question=asked.to_json() if asked and state == waits else {},
    )


def _leaves(row: IncidentRow, state: str) -> bool:
    return state in _LEAVES and earlier_debts.counts(row)


def _state(row: IncidentRow, heir: str, waits: str, *, alive: bool, asked: bool) -> str:
    status = str(row.status)
    if heir:
        return "taken over"
    if status in FINAL:
        return status
    if status in _LEFT:
        return "still to do"
    if status == "waiting" or asked:
        return waits
    return "running" if alive else "interrupted"


def _waits_for(summary: Json, people: Sequence[str], elsewhere: str, now: float) -> str:
    if float(summary.get("wake_at") or 0.0) > now:
        return "waiting for its time"
    return f"waiting for {', '.join(people) or elsewhere or 'you'}"


def _since(row: IncidentRow, state: str, holder: Lease | None) -> float:
    if state == "running":
        return float(row.opened_at)
    seen = float(holder.heartbeat) if holder and state == "interrupted" else 0.0
    return max(float(row.updated_at), float(row.opened_at), seen)


def _told(summary: Json, state: str) -> tuple[str, str]:
    """What it waits for or does, and the next act of a person."""
    if state.startswith("waiting"):
        asks = summary.get("asks") or {}
        return str(asks.get("said", "")), str(asks.get("todo", ""))
    return (str(summary.get("said", "")), "") if state in ("running", "interrupted") else ("", "")


def _next(row: IncidentRow, state: str, todo: str, heir: str, *, alive: bool) -> str:
    name, summary = str(row.incident), row.summary
    again = str(summary.get("again") or f"ir rotate stripe {summary.get('key', '')}").strip()
    if heir:
        return f"ir status {heir}"
    if state == "interrupted":  # it goes on with whatever is left, of it or of those that it took over
        return f"ir resume {name}"
    if state == "running" or (alive and state.startswith("waiting")):
        return f"ir status {name} --follow"
    if state.startswith("waiting") and (summary.get("asks") or {}).get("action") == "approve":
        # resume asks you by itself; once all have approved, it goes on without a question
        return f"ir {'resume' if state == 'waiting for you' else 'approve'} {name}"
    if state in ("refused", "rolled back", "aborted") or (state == "attested" and todo):
        return command_text.first(todo) or again
    return command_text.first(todo) or f"ir {'report' if state in ('done', 'attested') else 'resume'} {name}"


# ── what the record says of it ──
