"""Frozen value types that every room shares. Plain data: no IO, no vendor, and no secret in anything that is recorded."""

from dataclasses import asdict, dataclass, field, is_dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
"""A JSON object: the only thing that is ever recorded."""


class Mode(StrEnum):
    """Stripe's two worlds."""

    LIVE = "live"
    TEST = "test"


class KeyKind(StrEnum):
    """The rights of a key: all, or those on its permission list; or it signs the events that Stripe sends."""

    SECRET = "secret"  # noqa: S105  # a kind of key, not a key
    RESTRICTED = "restricted"
    WEBHOOK = "webhook"


class Policy(StrEnum):
    """How much outage the operator accepts: see docs/words.md."""

    EXPOSED = "exposed"
    EXPLOITED = "exploited"
    SCHEDULED = "scheduled"


class Danger(StrEnum):
    """What a step does to the world; dry run, confirmation and retry follow from it."""

    READ = "read"
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


class Did(StrEnum):
    """How a step ended. `unknown` is never turned into yes or no."""

    DONE = "done"
    SKIPPED = "skipped"
    WAITING = "waiting"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Liveness(StrEnum):
    """What one probe of a key showed (docs/stripe-facts.md, 4).

    `alive` 200 · `narrow` 403, alive without that permission · `blocked` 401 by address or access policy, says
    nothing about death · `expired` 401 `api_key_expired` · `invalid` 401 otherwise · `unknown` 429, 5xx, time-out.
    """

    ALIVE = "alive"
    NARROW = "narrow"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    UNKNOWN = "unknown"

    @property
    def answers(self) -> bool:
        """The key is certainly alive."""
        return self in (Liveness.ALIVE, Liveness.NARROW)

    @property
    def dead(self) -> bool:
        """A dead key answers so; `invalid` proves it only for bytes once seen alive or found in a store."""
        return self in (Liveness.EXPIRED, Liveness.INVALID)


@dataclass(frozen=True)
class Probe:
    """One look at a key: `GET /v1/balance`.

    Attributes:
        liveness: what it showed.
        status: HTTP status, 0 when there was no answer.
        mode: from `livemode` where readable.
        account: `acct_…` where readable (body, or the text of a 403).
        missing_permission: the permission that a 403 names, such as `balance_read`.
        request_id: Stripe's id of our own request, so that the review can subtract it.
        at: epoch seconds, UTC, of the answer.
        why: what stood in the way of an answer; not recorded.
        date: the same by Stripe's own clock, in whole seconds (its `Date` header); 0 = it gave none.
    """

    liveness: Liveness
    status: int = 0
    mode: Mode | None = None
    account: str = ""
    missing_permission: str = ""
    request_id: str = ""
    at: float = 0.0
    why: str = ""
    date: float = 0.0


@dataclass(frozen=True)
class KeyRow:
    """One row of the provider's key list, narrowed: it never holds a token.

    Attributes:
        id: provider's id, `mk_…`.
        redacted: what the provider shows of the token, for matching only; never recorded.
        created, last_used: epoch seconds, 0 when absent.
    """

    id: str
    name: str
    active: bool
    mode: Mode
    created: float = 0.0
    last_used: float = 0.0
    permissions: tuple[str, ...] = ()
    redacted: str = field(default="", repr=False)


@dataclass(frozen=True)
class Item:
    """One thing a step touched: a store, a service, a key; the unit of tables in status and report."""

    name: str
    did: Did
    said: str = ""
    facts: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Debt:
    """Something still to do after the run; it stays in `ir status` and in the exit code.

    Attributes:
        kind: `key-alive` | `key-unproven` | `key-waits` (wanted, and in no service yet) |
            `store-behind` | `service-behind` | `leftover` | `custody` | `misuse` |
            `unknown-use` (of the old key, up to its death) | `undelivered` (events) |
            `right-lacking`, `right-learned` (a permission of the replacement: a service is refused without it; it was added, and is to be
            confirmed).
        about: what it concerns (key id or fingerprint, store, service).
        todo: the command or click that settles it.
    """

    kind: str
    about: str
    why: str
    todo: str


@dataclass(frozen=True)
class Finding:
    """One detection with its evidence; severity is `informational | low | medium | high | critical`.

    Attributes:
        first_seen, last_seen: epoch seconds.
        evidence: event and request ids; object ids only where there is no event.
        money: `[{"currency": "usd", "amount": minor units}]`.
        told: an earlier review of the same account told all of it.
        proposed: it rests on an exposure time that is proposed, not known.
    """

    rule: str
    severity: str
    title: str
    why: str
    usual: str
    first_seen: int
    last_seen: int
    count: int
    evidence: tuple[str, ...]
    money: tuple[Json, ...]
    next_action: str
    proposed: bool = False
    told: bool = False


_PLAIN = (str, int, float, type(None))
"""What most parts of a JSON value are; they cannot be changed, so they need no copy."""


def copied(value: Any) -> Any:
    """A JSON value that shares nothing with `value`; a dataclass in it becomes an object."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    if isinstance(value, list):
        return [copied(part) for part in value]
    if isinstance(value, tuple):
        return tuple(copied(part) for part in value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@dataclass(frozen=True)
class Outcome:
    """What a step hands to the runner; all of it is recorded, so none of it may be secret.

    Attributes:
        said: one plain sentence for the screen and the report.
        facts: merged into the incident's record, for later steps (ids, versions, fingerprints, times).
        paid: `about` of debts that this step settled.
        todo: for `waiting`, `refused`, `failed`, `unknown`: what the human does next.
    """

    did: Did
    said: str
    facts: Json = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    debts: tuple[Debt, ...] = ()
    paid: tuple[str, ...] = ()
    todo: str = ""

    def to_json(self) -> Json:
        """A JSON object; `from_json` reads it back. Whatever is done to our facts later, it stays."""
        return {
            "did": self.did,
            "said": self.said,
            "facts": copied(self.facts),
            "items": tuple({**vars(item), "facts": copied(item.facts)} for item in self.items),
            "debts": tuple(dict(vars(debt)) for debt in self.debts),
            "paid": self.paid,
            "todo": self.todo,
        }

    @classmethod
    def from_json(cls, data: Json) -> "Outcome":
        """Inverse of `to_json`."""
        return cls(
            did=Did(data["did"]),
            said=data["said"],
            facts=data["facts"],
            items=tuple(Item(i["name"], Did(i["did"]), i["said"], i["facts"]) for i in data["items"]),
            debts=tuple(Debt(**d) for d in data["debts"]),
            paid=tuple(data["paid"]),
            todo=data["todo"],
        )
