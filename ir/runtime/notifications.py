"""Tell people who are not at the terminal of an incident: opened, waiting, rolled back, debt, done.

Words are made from recorded entries, scrubbed, short, and inert for a chat. Each destination has a thread of its own, so that one that
hangs does not delay another; news that come close together are sent together. No failure there reaches the incident.
"""

import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

from ir.core.errors import PortError
from ir.core.secret import excerpt
from ir.incident.record import Incident
from ir.ports import Notifier
from ir.runtime.notice_words import BY_ITSELF, Notice, gathered, notice_of
from ir.storage.notice_log import PERSON, NoticeLog, Words

GATHER = 30.0
"""Seconds after a message to a place in which further news of the same incident are gathered into one."""
FLUSH = 15.0
"""Seconds that the end of a process may wait for its last messages."""
_ALSO = {"failed": "done", "digest": "done"}
"""Kind → another kind whose subscribers also get it."""
_LOOK_AGAIN = 30.0
"""Seconds between looks for undelivered messages that are due again."""


@dataclass(frozen=True)
class Post:
    """A destination: its name in records (a reference, never a URL), the kinds that it wants, and the way to send."""

    place: str
    when: frozenset[str]
    notifier: Notifier

    def wants(self, kind: str) -> bool:
        """Whether it wants that kind."""
        return bool({kind, _ALSO.get(kind, kind)} & self.when)


@dataclass
class _Lane:
    """News of one incident on their way to one destination."""

    post: Post
    waiting: list[Notice] = field(default_factory=list)
    next_at: float = 0.0


_desks: "weakref.WeakSet[Desk]" = weakref.WeakSet()


def flush_all(seconds: float = FLUSH) -> list[str]:
    """Before a process ends, send what its desks still hold, within `seconds` altogether.

    Returns:
        The destinations that were not reached, and the reason: `place: reason`.
    """
    until = time.monotonic() + seconds
    desks = list(_desks)
    for desk in desks:
        desk.flush(max(until - time.monotonic(), 0.0))
    return sorted({f"{place}: {why}" for desk in desks for place, why in desk.untold().items()})


class Desk:
    """Sends notices for the incidents of this process. It never raises."""

    def __init__(self, log: NoticeLog, posts: Sequence[Post], *, gather: float = GATHER) -> None:
        self._log, self._posts, self._gather = log, posts, gather
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._busy: dict[str, int] = {}
        self._failed: dict[str, str] = {}
        self._looked: dict[str, float] = {}
        self._flushing = False
        self._changed = threading.Condition()
        _desks.add(self)
        self._threads: set[str] = set()
        """Places that a thread is serving."""

    def announce(self, record: Incident) -> None:
        """Send the record's last entry to those who want its kind; returns at once, and never twice for one entry."""
        try:
            notice = notice_of(record)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return
        if notice is not None:
            self.tell(notice)

    def announce_of_many(self, record: Incident) -> None:
        """As `announce`, for one of many keys that a campaign or the schedule reports together: only what needs a person, or failed."""
        try:
            notice = notice_of(record)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return
        if notice is not None and notice.kind not in BY_ITSELF:
            self.tell(notice)

    def again(self) -> None:
        """Send undelivered and held-back messages that are due, of other processes, too."""
        for post in self._posts:
            self._take_again(post)

    def tell(self, notice: Notice) -> None:
        """As `announce`, for news without an entry; their number stands for one."""
        try:
            for post in self._posts:
                words = Words(notice.kind, notice.title, notice.body)
                if post.wants(notice.kind) and self._log.claim(notice.incident, notice.entry, post.place, notice.digest, words):
                    self._enqueue(post, notice)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return

    def flush(self, seconds: float = FLUSH) -> None:
        """Send all that waits now; returns when it is sent or the time is up."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(self._busy.values()) and not any(lane.waiting for lane in self._lanes.values()), seconds)
            self._flushing = False

    def untold(self) -> dict[str, str]:
        """Destinations whose last message did not arrive or is still under way, and the reason."""
        with self._changed:
            late = {place for place, count in self._busy.items() if count} | {
                lane.post.place for lane in self._lanes.values() if lane.waiting
            }
            return {**self._failed, **dict.fromkeys(late - set(self._failed), "it did not take the message in time")}

    def _take_again(self, post: Post) -> None:
        try:
            found = [Notice(incident, entry, said.kind, said.title, said.body) for incident, entry, said in self._log.again(post.place)]
            for notice in found:
                if notice.kind in PERSON:
                    self._enqueue(post, notice)
            self._enqueue(post, *(notice for notice in found if notice.kind not in PERSON), late=True)
        except Exception:  # noqa: BLE001 - a notice is never worth a rotation
            return

    def _enqueue(self, post: Post, *notices: Notice, late: bool = False) -> None:
        """Queue news of one incident. `late`: together with all other late ones, whatever they are about."""
        if not notices:
            return
        with self._changed:
            lane = self._lanes.setdefault((post.place, "" if late else notices[0].incident), _Lane(post))
            lane.waiting += notices
            if post.place not in self._threads:
                self._threads.add(post.place)
                threading.Thread(target=self._send_all, args=(post.place,), daemon=True, name="ir-notices").start()
            self._changed.notify_all()

    def _send_all(self, place: str) -> None:
        while True:
            batch = list[Notice]()
            with self._changed:
                lane = self._due(place)
                if lane is not None:
                    batch, lane.waiting = lane.waiting, []
                    self._busy[place] = self._busy.get(place, 0) + 1
                elif not any(lane.waiting for lane in self._of(place)) and place not in self._failed:
                    self._threads.discard(place)  # a worker runs many incidents, so no thread may stay behind for each
                    return
                else:
                    self._changed.wait(1.0)
            if lane is None:
                self._look_again(place)
                continue
            self._send(lane.post, batch)
            with self._changed:
                lane.next_at = time.monotonic() + self._gather
                self._busy[place] -= 1
                self._changed.notify_all()

    def _look_again(self, place: str) -> None:
        """As long as this process lives, try undelivered messages again."""
        if place in self._failed and time.monotonic() > self._looked.get(place, 0.0) + _LOOK_AGAIN:
            self._looked[place] = time.monotonic()
            for post in self._posts:
                if post.place == place:
                    self._take_again(post)

    def _of(self, place: str) -> list[_Lane]:
        return [lane for lane in self._lanes.values() if lane.post.place == place]

    def _due(self, place: str) -> _Lane | None:
        now = time.monotonic()
        return next((lane for lane in self._of(place) if lane.waiting and (self._flushing or now >= lane.next_at)), None)

    def _send(self, post: Post, batch: list[Notice]) -> None:
        rows = [(notice.incident, notice.entry) for notice in batch]
        try:
            title, body = gathered(batch, self._log.held(post.place))
            sent, said = True, post.notifier.notify(title, body, urgent=any(notice.kind in PERSON for notice in batch))
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
