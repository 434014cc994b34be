"""What people who are not at the terminal are told of an incident, and when: opened, waiting, rolled back, debt, done.

Words are made from recorded entries, scrubbed, short, and inert for a chat. Each place has a thread of its own, so that one that
hangs holds up no other; what comes close together is sent together. Nothing that goes wrong there reaches the incident.
"""

import hashlib
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from ir.core.chat_text import inert
from ir.core.errors import PortError
from ir.core.model import Did
from ir.core.secret import excerpt, scrub
from ir.incident.record import Incident
from ir.ports import Notifier
from ir.storage.notice_log import NoticeLog

GATHER = 30.0
"""Seconds after a message to a place in which further news of the same incident are gathered into one."""
FLUSH = 15.0
"""Seconds that the end of a process may wait for its last messages."""
_LONGEST = 1500
_URGENT = ("waiting", "rolled-back", "debt")
_KINDS = {"done": "done", "attested": "done", "refused": "done", "debt": "debt", "aborted": "debt", "rolled back": "rolled-back"}


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
        """Stands for the words."""
        return hashlib.sha256(f"{self.kind}\n{self.title}\n{self.body}".encode()).hexdigest()[:16]


def notice_of(record: Incident) -> Notice | None:
    """The news in a record's last entry; None when nobody needs to hear of it."""
    if record.last is None:
        return None
    kind, said, todo = _news(record)
    if not kind:
        return None
    about = f"key {record.opened.get('key', '')}, policy {record.plan.get('policy', '')}"
    title = _words(f"{record.id} {_title(kind, record)}: {about}", 160)
    lines = [_words(said, 400), *([f"Next: {_words(todo, 300)}"] if todo else [])]
    if kind in ("debt", "rolled-back", "done"):
        lines += [f"Still to do: {_words(debt.why, 160)} → {_words(debt.todo, 160)}" for debt in list(record.debts.values())[:5]]
    lines.append(f"ir status {record.id}")
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
        return "debt" if kind == "done" and record.debts else kind, str(record.ended.get("said", "")), ""
    if last["kind"] == "signal" and last["body"].get("kind") == "misuse":
        return "debt", str(last["body"]["debt"]["why"]), str(last["body"]["debt"]["todo"])
    run = record.runs[-1] if last["kind"] == "step" and record.runs else None
    if run is not None and run.outcome.did is Did.WAITING:
        return "waiting", f"{run.id}: {run.outcome.said}", run.outcome.todo
    return "", "", ""


def _title(kind: str, record: Incident) -> str:
    if kind == "waiting":
        return "waits for you"
    return record.status if kind in ("done", "debt") else kind.replace("-", " ")


# ── sending ──


@dataclass(frozen=True)
class Post:
    """A destination: what it is called in records (a reference, never a URL), what it wants to hear, how it is told."""

    place: str
    when: frozenset[str]
    notifier: Notifier


@dataclass
class _Lane:
    """News of one incident on their way to one place."""

    post: Post
    waiting: list[Notice] = field(default_factory=list)
    next_at: float = 0.0


_desks: "weakref.WeakSet[Desk]" = weakref.WeakSet()


def flush_all(seconds: float = FLUSH) -> list[str]:
    """Before a process ends at once: send what any desk of it still has, within `seconds` altogether.

    Returns:
        Who was not told, and why: `place: reason`.
    """
    until = time.monotonic() + seconds
    desks = list(_desks)
    for desk in desks:
        desk.flush(max(until - time.monotonic(), 0.0))
    return sorted({f"{place}: {why}" for desk in desks for place, why in desk.untold().items()})


class Desk:
    """Sends notices for the incidents of this process. Nothing that it meets is ever raised."""

    def __init__(self, log: NoticeLog, posts: Sequence[Post], *, gather: float = GATHER) -> None:
        self._log, self._posts, self._gather = log, posts, gather
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._busy: dict[str, int] = {}
        self._failed: dict[str, str] = {}
        self._flushing = False
        self._changed = threading.Condition()
        _desks.add(self)
        self._threads: set[str] = set()
        """Places that a thread is serving."""

    def announce(self, record: Incident) -> None:
        """Tell who wants to hear of the record's last entry; returns at once, and never twice for one entry."""
        try:
            notice = notice_of(record)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return
        if notice is not None:
            self.tell(notice)

    def tell(self, notice: Notice) -> None:
        """The same for news that no entry tells; its number stands for it."""
        try:
            for post in self._posts:
                if notice.kind in post.when and self._log.claim(notice.incident, notice.entry, post.place, notice.digest):
                    self._enqueue(post, notice)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return

    def flush(self, seconds: float = FLUSH) -> None:
        """Send what waits, now; returns when all of it is sent or the time is up."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(self._busy.values()) and not any(lane.waiting for lane in self._lanes.values()), seconds)
            self._flushing = False

    def untold(self) -> dict[str, str]:
        """Places whose last message did not arrive, or is still on its way, and why."""
        with self._changed:
            late = {place for place, count in self._busy.items() if count} | {
                lane.post.place for lane in self._lanes.values() if lane.waiting
            }
            return {**self._failed, **dict.fromkeys(late - set(self._failed), "it did not take the message in time")}

    def _enqueue(self, post: Post, notice: Notice) -> None:
        with self._changed:
            lane = self._lanes.setdefault((post.place, notice.incident), _Lane(post))
            lane.waiting.append(notice)
            if post.place not in self._threads:
                self._threads.add(post.place)
                threading.Thread(target=self._send_all, args=(post.place,), daemon=True, name="ir-notices").start()
            self._changed.notify_all()

    def _send_all(self, place: str) -> None:
        while True:
            with self._changed:
                while (lane := self._due(place)) is None:
                    if not any(lane.waiting for lane in self._of(place)):
                        self._threads.discard(place)  # a worker runs many incidents: none leaves a thread behind
                        return
                    self._changed.wait(1.0)
                batch, lane.waiting = lane.waiting, []
                self._busy[place] = self._busy.get(place, 0) + 1
            self._send(lane.post, batch)
            with self._changed:
                lane.next_at = time.monotonic() + self._gather
                self._busy[place] -= 1
                self._changed.notify_all()

    def _of(self, place: str) -> list[_Lane]:
        return [lane for lane in self._lanes.values() if lane.post.place == place]

    def _due(self, place: str) -> _Lane | None:
        now = time.monotonic()
        return next((lane for lane in self._of(place) if lane.waiting and (self._flushing or now >= lane.next_at)), None)

    def _send(self, post: Post, batch: list[Notice]) -> None:
        rows = [(notice.incident, notice.entry) for notice in batch]
        try:
            title, body = _gathered(batch, self._log.held(post.place))
            sent, said = True, post.notifier.notify(title, body, urgent=any(notice.kind in _URGENT for notice in batch))
        except PortError as error:
            sent, said = False, excerpt(error.what)
        except Exception as error:  # noqa: BLE001 - a notice is never worth a rotation
            sent, said = False, type(error).__name__
        with self._changed:
            self._failed.pop(post.place, None)
            if not sent:
                self._failed[post.place] = said
        try:
            self._log.finish(rows, post.place, sent=sent, said=said)
        except Exception:  # noqa: BLE001 - the row stays claimed, and a resume sends it again
            return


def _gathered(batch: list[Notice], held: int) -> tuple[str, str]:
    """One message for all: the newest title, bodies in order, as many of the newest as one message takes."""
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
