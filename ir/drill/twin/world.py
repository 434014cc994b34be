"""The twin's memory: accounts, one book of objects per account and mode, time, and names for new things."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from ir.core.model import Json, Mode
from ir.drill.twin.deliveries import Deliveries
from ir.drill.twin.error_answers import bad_request
from ir.drill.twin.keys import Key, KeyTable, letters
from ir.drill.twin.settings import Now, TwinSettings

API_VERSION = "2026-10-28.endive"
"""The version of an account's events, and of callers that send none."""


def iso(at: float) -> str:
    """A moment as v2 writes it: `2026-11-20T10:00:00.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> float:
    """The inverse of `iso`.

    Raises:
        ApiError: 400.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"Invalid timestamp: {text}") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Shelf:
    """Objects of one kind, in order of creation; an object is never changed, only replaced."""

    def __init__(self) -> None:
        self._order: list[tuple[float, int, str]] = []
        self._place: dict[str, tuple[float, int, str]] = {}
        self._object: dict[str, Json] = {}

    def __len__(self) -> int:
        return len(self._object)

    def __iter__(self) -> Iterator[Json]:
        return iter(list(self._object.values()))

    def put(self, found: Json, created: float) -> None:
        """Add, or replace what has the same id."""
        ident = found["id"]
        if ident not in self._place:
            place = (created, len(self._place), ident)
            self._place[ident] = place
            insort(self._order, place)
        self._object[ident] = found

    def get(self, ident: str) -> Json | None:
        """By id."""
        return self._object.get(ident)

    def drop(self, ident: str) -> None:
        """Forget."""
        place = self._place.pop(ident)
        del self._object[ident]
        self._order.remove(place)

    def newest_first(self, *, below: str = "", since: float = 0.0, until: float = float("inf")) -> Iterator[Json]:
        """Objects created in `[since, until]`, older than the object `below` when that is given."""
        end = bisect_left(self._order, self._place[below]) if below else len(self._order)
        end = min(end, bisect_right(self._order, (until, len(self._place), "")))
        for _, _, ident in reversed(self._order[bisect_left(self._order, (since, -1, "")) : end]):
            yield self._object[ident]

    def oldest_first(self, *, above: str) -> Iterator[Json]:
        """Objects newer than `above`, oldest first."""
        for _, _, ident in self._order[bisect_right(self._order, self._place[above]) :]:
            yield self._object[ident]


@dataclass(eq=False)
class Book:
    """The objects of one account in one mode.

    Attributes:
        money: available balance in minor units by currency.
        activity: activity logs, oldest first.
        thin: v2 events, oldest first.
        destinations: v2 event destinations, oldest first.
    """

    account: str
    mode: Mode
    shelves: dict[str, Shelf] = field(default_factory=dict)
    money: dict[str, int] = field(default_factory=lambda: {"usd": 0})
    activity: list[Json] = field(default_factory=list)
    thin: list[Json] = field(default_factory=list)
    destinations: list[Json] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """`livemode`."""
        return self.mode is Mode.LIVE

    def shelf(self, path: str) -> Shelf:
        """Objects listed under `/v1/<path>`."""
        return self.shelves.setdefault(path, Shelf())


class World:
    """All state of the twin."""

    def __init__(self, seed: int, clock: Now, settings: TwinSettings) -> None:
        self.seed, self.settings = seed, settings
        self._clock = clock
        self.rng = Random(seed)  # noqa: S311 - names and faults are to be repeatable, nothing here guards anything
        self.keys = KeyTable(self.rng)
        self.installed: dict[str, set[str]] = {}
        """App id → accounts that have it installed."""
        self.connected: dict[str, set[str]] = {}
        """Platform account → accounts that its keys may act for."""
        self.deliveries = Deliveries()
        """To webhook endpoints."""
        self._books: dict[tuple[str, Mode], Book] = {}

    def now(self) -> float:
        """Epoch seconds of the twin's clock."""
        return self._clock.now().timestamp()

    def text(self, length: int) -> str:
        """Letters and digits."""
        return letters(self.rng, length)

    def new_id(self, prefix: str, account: str) -> str:
        """An object id; characters 7-16 are the account's, as in real ids."""
        return f"{prefix}_3{self.text(5)}{account[-10:]}{self.text(8)}"

    def open_account(self, ident: str = "") -> str:
        """A new account with its books; returns its id."""
        ident = ident or f"acct_1{self.text(15)}"
        for mode in Mode:
            self._books[ident, mode] = Book(ident, mode)
        return ident

    def book(self, account: str, mode: Mode) -> Book:
        """Raises KeyError for an account that does not exist."""
        return self._books[account, mode]

    def rotate(self, old: Key, *, grace: float) -> Key:
        """A new key with the same properties; the old one expires after `grace` seconds, its id is gone when 0."""
        now = self.now()
        new = self.keys.add(old.kind, old.account, old.mode, now, name=old.name)
        new.note, new.permissions, new.connect_permissions = old.note, old.written, old.connect_permissions
        new.managed_by, new.ip_allowlist, new.app = old.managed_by, old.ip_allowlist, old.app
        old.gone = grace == 0
        old.expire(now + grace, self.settings.death_delay)
        return new

    def log_activity(self, book: Book, kind: str, actor: Json, details: Json, **extra: Any) -> Json:
        """Add one entry to the activity log; `created` may be given, in epoch seconds."""
        created = extra.pop("created", None)
        entry = {
            "id": f"accact_{self.text(24)}",
            "object": "v2.iam.activity_log",
            "created": iso(self.now() if created is None else created),
            "type": kind,
            "livemode": book.live,
            "context": book.account,
            "actor": actor,
            "details": details,
            "related_object": None,
            "request": None,
        } | extra
        book.activity.append(entry)
        book.activity.sort(key=lambda row: str(row["created"]))
        return entry
