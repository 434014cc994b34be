"""Decide which keys are due, from the inventory, the children that the schedule began before, and the index of incidents."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ir.core.model import Json
from ir.core.secret import excerpt, scrub
from ir.core.wording import counted
from ir.fleet.campaign import Child, ChildState, state_of
from ir.fleet.campaign_child import Source, child_for, named
from ir.fleet.schedule import Decision, Known, Try, When, decide
from ir.incident import earlier_debts
from ir.incident.context import Options
from ir.incident.playbook import Playbook
from ir.inventory import Inventory, Key
from ir.runtime.notice_words import Notice
from ir.storage.incident_index import IncidentRow

Begun = tuple[Child, Json]
"""A child and the setting of its incident."""
_STATES = {ChildState.DONE: "rotated", ChildState.DEBT: "rotated", ChildState.FAILED: "nothing", ChildState.REFUSED: "nothing"}
_OPEN = ("running", "waiting", "debt")
_ASKS = ("waiting", "debt")
_ROTATED = ("done", "debt", "attested")
HELD = (When.RUNNING, When.BLOCKED)
"""The incident of the key decides when it goes on, not its date."""
SECOND_NIGHT = 20 * 3600.0
"""Seconds after the first failed try of a date from which another try belongs to the second night."""
REMIND = 7 * 86400.0
"""Seconds between reminders of a rotation whose date has come and that waits for a human."""


@dataclass(frozen=True)
class Row:
    """One key of the schedule: the decision, and the last result, as the index tells it.

    Attributes:
        stuck, stuck_as: an incident of the key that waits for a person or has debts, and its status; "" when there is none.
        why: what was decided, and what the incident that it is about says.
        failing: of a date that was tried in vain, or is late: since when, epoch seconds, how often tried, and why; 0 = neither.
        rotated_at: when it was last rotated, by the schedule or for another reason, epoch seconds; 0 = that is not on record.
    """

    key: Key
    decision: Decision
    last: str
    last_at: float
    stuck: str
    stuck_as: str
    why: str
    failing: tuple[float, int, str] = (0.0, 0, "")
    rotated_at: float = 0.0


def rows(source: Inventory, children: Sequence[Child], index: Sequence[IncidentRow], now: float) -> list[Row]:
    """Every key with `rotate_every`, the most urgent first."""
    begun: dict[str, list[Child]] = {}
    for child in children:
        begun.setdefault(child.named, []).append(child)
    known: dict[str, list[IncidentRow]] = {}
    for incident in index:
        known.setdefault(str(incident.summary.get("key")), []).append(incident)
    found = [_row(source, key, begun.get(named(source, key), []), known.get(key.name, []), now) for key in source.keys if key.rotate_every]
    order = list(When)
    return sorted(found, key=lambda row: (row.decision.when is When.LATER, row.decision.due, order.index(row.decision.when)))


def stuck(found: Iterable[Row], now: float) -> list[Row]:
    """Keys whose date has come and that do not move until a person acts."""
    return [row for row in found if row.stuck and row.decision.when in HELD and row.decision.due <= now]


def late(found: Iterable[Row], now: float) -> list[Row]:
    """Keys whose date has come and that failed, or are overdue for any reason; an open incident reports itself."""
    return [
        row
        for row in found
        if row.decision.when not in HELD and row.decision.missed <= now and (row.decision.overdue or row.decision.when is When.AGAIN)
    ]


def shut(found: Iterable[Row], now: float) -> list[tuple[Row, float]]:
    """Keys whose date has come and whose window is closed, and the time when it opens next.

    A schedule that is looked at only while the window is closed would never rotate them, and people would not hear of it.
    """
    windows = [(row, row.key.rotate_window) for row in found if row.decision.due <= now and row.decision.when in (When.CLOSED, When.LATER)]
    return [(row, window.next_after(now)[0]) for row, window in windows if window is not None and window.open_at(now) is None]


def reminder(row: Row, now: float) -> Notice:
    """For a row of `stuck`: when its date comes, then once a week. Audit entries count from 1, these down from -1."""
    about, due = row.stuck, row.decision.due
    late = f"due {moment(due)}" + (", overdue" if row.decision.overdue else "")
    kind = "debt" if row.stuck_as == "debt" else "waiting"
    body = f"{excerpt(row.why, 400)}\nNext: ir status {about}"
    return Notice(about, -1 - int((now - due) // REMIND), kind, f"{about} still holds up key {row.key.name}, {late}", scrub(body))


def again(row: Row, now: float) -> Notice | None:
    """For a key that was refused, or failed, in more than one night: once a day. None: it was not."""
    since, tries, said = row.failing
    if now - since < SECOND_NIGHT or not since:
        return None
    nights = int((now - since - SECOND_NIGHT) // 86400)
    tried = f": {counted(tries, 'try', 'tries')} since {moment(since)}" if tries else ""
    title = f"key {row.key.name} is not rotated, due {moment(row.decision.missed)}{tried}"
    about = f"key {row.key.account}/{row.key.name}"
    todo = f"ir schedule list; by hand: ir rotate stripe {row.key.name} --policy scheduled"
    return Notice(
        about, -1 - nights - 1000 * (row.decision.missed // 86400), "waiting", title, scrub(f"{excerpt(said, 400)}\nNext: {todo}")
    )


def moment(at: float) -> str:
    """Epoch seconds as people read them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def due_children(source: Source, book: Playbook, found: Iterable[Row], first: int = 0) -> list[Begun]:
    """A child for every key that may be begun now."""
    due = [row for row in found if row.decision.when is When.DUE]
    made = []
    for position, row in enumerate(due, first):
        options = Options(yes=True, reason=f"scheduled rotation, due {moment(row.decision.due)}")
        made.append(child_for(source, row.key, book, options, position, due=row.decision.due, attempt=row.decision.attempt))
    return made


def _row(source: Inventory, key: Key, begun: Sequence[Child], index: Sequence[IncidentRow], now: float) -> Row:
    """Of a key, its children, and the incidents of that name in any account."""
    incidents = [row for row in index if _about(row, source.account(key.account).id)]
    guided = source.account(key.account).issuer == "dashboard"
    known = _known(begun, incidents)
    decision = decide(key, known, now, guided=guided)
    rotated_at = max((row.at for row in known.tries if row.state == "rotated"), default=0.0)
    rotated_at = max(rotated_at, known.rotated_at)
    last, failing = max(incidents, key=lambda row: float(row.updated_at), default=None), _failing(decision, begun)
    if last is None:
        return Row(key, decision, "never", 0.0, "", "", decision.why, failing, rotated_at)
    asks = next(((row.incident, row.status) for row in incidents if row.status in _ASKS and not row.summary.get("wake_at")), ("", ""))
    said = f"{last.status} ({last.incident})"
    return Row(key, decision, said, float(last.updated_at), *asks, _why(decision, incidents), failing, rotated_at)


def _failing(decision: Decision, begun: Sequence[Child]) -> tuple[float, int, str]:
    tries = [child for child in begun if child.due >= decision.missed and child.state in (ChildState.FAILED, ChildState.REFUSED)]
    if decision.when in HELD or not (tries or decision.overdue):
        return 0.0, 0, ""
    if not tries:
        return float(decision.missed), 0, decision.why
    newest = max(tries, key=lambda child: child.attempt)
    return min(child.began_at or child.ended_at for child in tries), len(tries), newest.said


def _why(decision: Decision, incidents: Sequence[IncidentRow]) -> str:
    if decision.when not in HELD:
        return decision.why
    told = next((row for row in incidents if row.status in _OPEN), None)
    said = str(told.summary.get("said", "")).split("\n")[0] if told else ""
    return f"{decision.why}: {said}" if said else decision.why


def _about(row: IncidentRow, account: str) -> bool:
    return row.summary.get("account", "") in ("", account) and not row.summary.get("rehearsal")


def _known(children: Sequence[Child], incidents: Sequence[IncidentRow]) -> Known:
    own = {child.incident for child in children if child.incident}
    statuses = {row.incident: str(state_of(row)) if row.status == "attested" else row.status for row in incidents}
    tries = tuple(Try(row.due, row.attempt, _state(row, statuses), row.ended_at or row.began_at, row.began_at) for row in children)
    others = [row for row in incidents if row.incident not in own and row.status in _ROTATED and row.summary.get("new")]
    return Known(
        tries,
        max((float(row.opened_at) for row in others), default=0.0),
        next((row.incident for row in incidents if row.status in _OPEN and row.incident not in earlier_debts.heirs(incidents)), ""),
    )


def _state(child: Child, statuses: dict[str, str]) -> str:
    """The child's own state; where a person ended the incident by hand, the state in the index."""
    told = statuses.get(child.incident, "")
    if child.state in (ChildState.WAITING, ChildState.DEBT) and told == "done":
        return "rotated"
    if child.state in (ChildState.WAITING, ChildState.DEBT) and told in ("aborted", "rolled back", "refused"):
        return "nothing"
    return _STATES.get(child.state, "open")


def as_json(row: Row) -> Json:
    """For `--json`: times in epoch seconds."""
    return {
        **asdict(row.decision),
        "when": row.decision.when.value,
        "every": row.key.rotate_every,
        "last": row.last,
        "last_at": row.last_at,
        "why": row.why,
    }
