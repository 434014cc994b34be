"""How a campaign stands: as a table, a document and a page of Markdown."""

import time
from collections.abc import Mapping, Sequence

from ir.core.durations import spoken
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.wording import counted
from ir.fleet import standing
from ir.fleet.campaign import KEPT, Child, ChildState, counts, exit_code, time_left
from ir.fleet.campaign_store import CampaignLedger
from ir.runtime.app_state import State

_STANDS = (ChildState.QUEUED, ChildState.WAITING)
ORDER = tuple(ChildState[name] for name in ("RUNNING", "RESTING", "FAILED", "REFUSED", "DEBT", "WAITING", "QUEUED", "DONE"))
"""States as they are listed: what moves and what needs a person first."""


def table_rows(children: Sequence[Child], now: float, workers: Sequence[Json] = ()) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and lines of the table; which account a key belongs to is said where there are several."""
    several = len({child.account for child in children}) > 1
    names, lines = {row["executor"]: row["name"] for row in workers}, []
    for child in children:
        took = spoken((child.ended_at or now) - child.began_at) if child.began_at and child.state not in _STANDS else ""
        said = "" if child.state is ChildState.DONE else child.said
        lines.append(
            (child.key, *((child.account,) if several else ()), child.state.value, child.incident, took, *_worker(child, names), said)
        )
    return ("key", *(("account",) if several else ()), "state", "incident", "took", *(("worker",) if names else ()), "last"), lines


def _worker(child: Child, names: Mapping[str, str]) -> tuple[str, ...]:
    """The worker of a child; no column where no worker lives."""
    return (names.get(child.owner, "") if child.state in KEPT else "",) if names else ()


def title(row: Json, children: list[Child], now: float) -> str:
    """One line: its state, the number of keys in each state, and the time that is left."""
    there = counts(children)
    left = time_left(children, now)
    words = ", ".join(f"{there[state.value]} {state.value}" for state in ORDER if state.value in there)
    time_said = f", about {spoken(left)} left" if left else ""
    said = f": {row['said']}" if row["said"] else ""
    return f"{row['campaign']} {row['status']}{said} · {counted(len(children), 'key')}: {words}{time_said}"


def document(kept: State, book: CampaignLedger, row: Json, children: list[Child] | None = None) -> Json:
    """How a campaign stands. `children` None: they are read here."""
    children = standing.settled(kept.index, book, row["campaign"]) if children is None else children
    return {
        "campaign": row["campaign"],
        "kind": row["kind"],
        "status": row["status"],
        "said": row["said"],
        "exit_code": int(code_of(kept, row, children)),
        "counts": counts(children),
        "seconds_left": time_left(children, time.time()),
        "about": row["about"],
        "limits": row["limits"],
        "keys": [{**child.__dict__, "state": child.state.value} for child in children],
        "workers": book.workers.living(),
    }


def code_of(kept: State, row: Json, children: list[Child]) -> ExitCode:
    """The exit code of a campaign, 4 while it runs."""
    under_way = any(child.state in (ChildState.QUEUED, *KEPT) for child in children)
    return exit_code(children, sleeping=standing.sleeping(kept.index, children, time.time()), paused=under_way)


def markdown(row: Json, children: list[Child]) -> str:
    """One page about a campaign."""
    from ir.report.escape import Tamer, escape

    tame = Tamer()

    def safe(value: object) -> str:
        return escape(tame(str(value)))

    created = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(row["created_at"]))
    lines = [f"# Campaign {row['campaign']}", "", safe(title(row, children, time.time())), ""]
    lines += [f"- begun {created} by {safe(row['actor'])}"] + [
        f"- {name}: {safe(value)}" for name, value in row["about"].items() if value and name != "breach"
    ]
    heads, rows = table_rows(children, time.time())
    lines += ["", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(map(safe, cells)) + " |" for cells in rows]
    return "\n".join(lines)
