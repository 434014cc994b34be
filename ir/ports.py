"""What the engine asks of the outside world. The docstring is the contract; `tests/contract/` holds each to it.

Rules for every adapter:

* Only `PortError` leaves (and `Waiting` from a guided adapter). Never a vendor's exception or its text.
* A time-out, 429, 5xx or torn answer is `Unknown`. The caller looks again; the adapter never guesses.
* Every write is idempotent and guarded by an expected version; doing it twice equals doing it once.
* Nothing that is returned may hold a secret, except where the type says `Secret`.
* All calls are bounded in time (`timeout` of the adapter) and safe to make from several threads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ir.model import Finding, Json, KeyKind, KeyRow, Mode, Probe
from ir.reference import Reference
from ir.secret import Secret

# ── stores ────────────────────────────────────────────────────────────────────────────────────────────

STAGED = "staged"
"""Role of the value that waits to become current; `Store.fetch` finds it as it finds what is in custody."""


@dataclass(frozen=True)
class Held:
    """What a store holds now.

    Attributes:
        value: the key; None when the field is absent or empty.
        version: what a later write expects: version id, number, or content hash.
        siblings: names of the other fields of the same object, never their values.
    """

    value: Secret | None
    version: str
    siblings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Permission:
    """Whether we may write, found out without writing.

    Attributes:
        proven: True: yes. False: the vendor cannot tell. A plain no is raised as `Denied` instead.
        said: what was checked, or why it cannot be.
    """

    proven: bool
    said: str


@dataclass(frozen=True)
class Pending:
    """Someone's unfinished stage.

    Attributes:
        owner: whose it is, for people.
        since: epoch seconds, 0 unknown.
        version: what `drop` expects to find there still.
        incident: which incident of this tool, "" when it is another tool's.
    """

    owner: str
    since: float
    version: str
    incident: str = ""


@dataclass(frozen=True)
class Left:
    """What one incident left at a store: names and times, never a value.

    Attributes:
        roles: under which something is held: `STAGED`, `old`, `new-1` …
        owner: who wrote it (user@host), "" unknown.
        since: epoch seconds of the oldest of it, 0 unknown.
    """

    roles: tuple[str, ...] = ()
    owner: str = ""
    since: float = 0.0


class Store(Protocol):
    """A place that holds a key in one field, and that services read.

    stage → promote → discard, or undo. All take the incident id, which marks what is ours.
    Writes merge one field into the *current* value, so a neighbour's concurrent change is kept.
    """

    ref: Reference
    """Where: one field of one object."""
    guided: bool
    """A human does the writing; `promote` may raise `Waiting`."""

    @property
    def custodian(self) -> bool:
        """Whether `keep` works here."""
        ...

    def read(self) -> Held:
        """The current value, by explicit version or stage. Raises Missing when the object is not there, Denied, Unknown."""
        ...

    def check_write(self, incident: str) -> Permission:
        """Whether `stage` and `promote` would be allowed, changing no value. Raises Denied, Missing, Unknown."""
        ...

    def pending(self, incident: str) -> Pending | None:
        """A stranger's unfinished rotation on this object, None when there is none (ours does not count)."""
        ...

    def drop(self, found: Pending) -> None:
        """Take away the stage that `pending` found, and nothing else: neither custody nor the current value.

        Gone already = fine. Raises Conflict when something else lies there by now, or when it has become current.
        """
        ...

    def left(self, incident: str) -> Left:
        """What of this incident is still here; raises Denied when we may not look."""
        ...

    def incidents(self) -> tuple[str, ...]:
        """Ids of all incidents that have something here: staged, in custody, or a note. None where nothing can be kept or seen."""
        return ()

    def stage(self, incident: str, new: Secret) -> str:
        """Place the new key beside the current one, unseen by services; returns the staged version ("" = store cannot stage).

        Idempotent: what is staged by this incident already, with this value, stays.
        """
        ...

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """Make the new key current and read it back; returns the new version.

        Already current: returns without a write. Raises Conflict when the object moved on from version `expected`
        *and* the field no longer holds the value that it held then; a neighbour's change alone is merged instead.
        """
        ...

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """Put the old key back, only if the field still holds `new`; returns the version. Idempotent.

        Raises Conflict when the field holds a third value.
        """
        ...

    def discard(self, incident: str) -> None:
        """Remove everything that this incident staged or kept here. Idempotent. Never touches the current value."""
        ...

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """Custody: hold `secret` under `role` (`old`, `new-1` …) durably and addressably; returns a secret-free address.

        Idempotent. Raises Denied, Unknown; `Rejected` when this store cannot hold custody.
        """
        ...

    def fetch(self, incident: str, role: str) -> Secret | None:
        """What `keep` holds under `role`, or `stage` under `STAGED`; None when there is nothing."""
        ...


# ── issuer ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Target:
    """A key to narrow or kill: provider id (may be empty for the Dashboard) and its value for probing.

    Attributes:
        replacement: it is the incident's new key, killed on the way back: a human must not take it for the old one.
    """

    id: str
    value: Secret
    replacement: bool = False


@dataclass(frozen=True)
class MintOrder:
    """What must be fixed before a mint is called (recorded in a step of its own).

    Attributes:
        name: unique at the provider, `ir-<incident>-<n>`; a stray is found by it.
        idempotency_key: sent with the call.
        expires_old_at: Dashboard's Rotate path: epoch seconds when the provider kills the old key, 0 = never.
    """

    incident: str
    name: str
    idempotency_key: str
    kind: KeyKind
    mode: Mode
    account: str
    permissions: tuple[str, ...]
    old: Secret | None
    expires_old_at: float = 0.0


@dataclass(frozen=True)
class Minted:
    """A replacement, already in custody."""

    id: str
    value: Secret
    created: float
    kind: KeyKind
    custody: str


@dataclass(frozen=True)
class Containment:
    """How the leaked key was contained, and how to undo it.

    Attributes:
        how: `policy` | `narrowed` | `rotated` | `expired` | `none`.
        before: the permission list that it had, to be restored on undo.
    """

    how: str
    said: str
    before: tuple[str, ...] = ()


class Issuer(Protocol):
    """Mints and kills keys of one account, by API (`managed`) or with a human's clicks (`dashboard`)."""

    guided: bool
    """A human clicks; `mint`, `retire` and `contain` may raise `Waiting`."""
    seen_alive: dict[Secret, str]
    """Pastes that Stripe answered to but that were not taken, and why: a stray may be among them."""

    def probe(self, key: Secret) -> Probe:
        """One look at any key of the account. Never raises: no answer is `Liveness.UNKNOWN`."""
        ...

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """Which of the provider's rows this key is; None when that cannot be told for certain.

        Managed: the row of `known_id`, else exactly one row whose redacted token fits and whose `last_used` is not
        older than a probe of ours. Never by prefix or suffix alone. Dashboard: always None.
        """
        ...

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """Active keys that carry this incident's name, newest first (managed); empty for the Dashboard."""
        ...

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """Get a replacement, check it (mode, account, alive, not the old one), hand it to `keep`, return it.

        Raises Waiting when a human has not delivered, Rejected when the provider refuses the order for good,
        Unknown when it may have been minted: look with `strays`.
        """
        ...

    def watch_also(self, spared: Secret, *, created: float = 0.0) -> None:
        """While a guided kill waits, poll this key too: if *it* dies, the wrong row was clicked and `retire` raises Rejected.

        `created` is when the replacement came to be, in epoch seconds: it tells the two rows apart.
        """
        ...

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """Ask for the death of a key; accepted is not dead. Returns how it was asked. Gone already = fine.

        Guided: tells the human what to click and returns once the key is seen dead; raises Waiting if detached.
        `stop` is asked between polls; True ends the wait.
        """
        ...

    def contain(self, target: Target, egress: tuple[str, ...]) -> Containment:
        """Take the key away from strangers in the way that costs least, without killing it where that is possible."""
        ...

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """Undo a narrowing. Managed only; guided raises Waiting with the clicks."""
        ...

    def remove(self, key_id: str) -> str:
        """Clear away what is left at the provider of a key that is proven dead; returns what was, "" = nothing is left. Idempotent."""
        ...


# ── services ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Expected:
    """The key that a service should hold: what placeholders stand for."""

    fingerprint: str
    key_id: str = ""
    since: float = 0.0


@dataclass(frozen=True)
class Check:
    """What one verifier saw.

    Attributes:
        passed: True, False, or None when it cannot be told (no answer).
        proves: `holds-key` | `key-used` | `up`.
        said: what was seen, scrubbed and capped.
        instances: how many distinct instances answered as expected, and how many were asked for.
    """

    passed: bool | None
    proves: str
    said: str
    instances: tuple[int, int] = (1, 1)


class Verifier(Protocol):
    """Looks at one service. Changes nothing."""

    proves: str
    read_only: bool
    """False for a user's command that is not declared so: dry runs skip it."""

    def check(self, expected: Expected) -> Check:
        """Look once. Never raises for what the service does; a time-out is `passed=None`."""
        ...


class Reloader(Protocol):
    """Makes one service take up the current key. Safe to repeat."""

    def reload(self) -> str:
        """Returns what was done. Raises Unknown (time-out), Rejected (it said no)."""
        ...


class Notifier(Protocol):
    """Tells people who are not at the terminal. What it sends is free of secrets already; its address is a secret."""

    def notify(self, title: str, body: str, *, urgent: bool) -> str:
        """Send one message of plain text; returns what was done, without the address.

        Args:
            title: one line.
            body: a few lines; sent as it stands, never read as markup, template or escape sequences.
            urgent: somebody has to do something.

        Raises:
            Rejected: the address is no good, or the service refused the message for good.
            Unknown: nobody took it in time; it may have arrived.
            PortError: the address cannot be read.
        """
        ...


# ── people, time, review ──────────────────────────────────────────────────────────────────────────────


class Operator(Protocol):
    """The human at the terminal, or nobody."""

    interactive: bool
    name: str

    def tell(self, text: str) -> None:
        """Show text now (quiet when piped)."""
        ...

    def confirm(self, question: str) -> bool:
        """Yes or no; without a terminal, what `--yes` says."""
        ...

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        """One of `options`; raises Waiting without a terminal. There is no default."""
        ...

    def ask(self, question: str) -> str:
        """A line of plain text; raises Waiting without a terminal."""
        ...

    def new_key(self, prompt: str) -> Secret | None:
        """The next candidate for the new key from where the operator said it comes from; None: nothing (more) there.

        `prompt` is shown with hidden input on a terminal; other sources are read once.
        """
        ...


class Clock(Protocol):
    """Time, so that drills can bend it. What is waited for within one process is measured by `elapsed`, dates by `now`."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def elapsed(self) -> float:
        """Seconds at the pace of real time, whatever is done to the clock on the wall; compared within one process only."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True)
class ReviewRequest:
    """What to look at.

    Attributes:
        since, exposed_at, until: epoch seconds; `exposed_at` 0 = unknown.
        budget: seconds that the review may take, 0 = no limit; newest evidence first, what was not read is said.
        key: value of the leaked key where known, only for its fingerprint and id; never used for a call.
        review_key: key for reading; None = evidence from files only.
        egress, logs: globs of our own egress logs, and of other exports.
        own_requests: request ids of our own probes, to be subtracted.
        scratch: private folder for Parquet.
        own_objects: ids of what this incident made itself (its new key, or the name that it asked for), never leftovers.
        rules: folders of further rules. engine: `duckdb`, or the URL of another one.
        personal_data: keep whole records of Stripe, with names, e-mail and postal addresses; without it ids only.
        named: people stand in the results by their names; never where results are recorded, since a record cannot be purged.
    """

    account: str
    api_base: str
    since: float
    until: float
    exposed_at: float
    budget: float
    review_key: Secret | None
    key_fingerprint: str
    key_id: str
    scratch: str
    egress: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    own_requests: tuple[str, ...] = ()
    known_webhooks: tuple[str, ...] = ()
    own_objects: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    engine: str = "duckdb"
    personal_data: bool = False
    named: bool = False


@dataclass(frozen=True)
class Reviewed:
    """What a review found. Verdicts: `confirmed | suspected | none seen within coverage | cannot tell`.

    Attributes:
        verdicts: for `writes`, `reads` and `account`.
        coverage: `{source, from, to, rows, gaps, blind_to}` per source, one with 0 rows for a source not given.
        leftovers: `{kind, id, created, severity, why, undo}`.
        complete: coverage of writes is complete, so that `--policy auto` may propose `exposed`.
        hours: `{at, requests, usual}` for the picture. reasons: why a verdict cannot be better.
        affected: path of `affected.csv` in the scratch folder, "" when nobody was.
        collected: files in the scratch folder that are evidence. inputs: files that were given and read.
        exposed: whether it is known when the key got out.
        began: epoch seconds of the first misuse where that was before the stated exposure, else 0; all is then judged from there.
    """

    verdict: str
    verdicts: dict[str, str]
    score: float
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Json, ...] = ()
    blast_radius: Json = field(default_factory=dict)
    leftovers: tuple[Json, ...] = ()
    timeline: tuple[Json, ...] = ()
    complete: bool = False
    request_ids: tuple[str, ...] = ()
    hours: tuple[Json, ...] = ()
    score_parts: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    affected: str = ""
    collected: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    exposed: bool = True
    began: int = 0


@dataclass(frozen=True)
class LeftBehind:
    """What a sweep found.

    Attributes:
        rows: `{kind, id, created, severity, why, undo}`.
        looked: kinds of which everything was read (`app_*`: all that begin so): of those, what is not in `rows` is not there.
    """

    rows: tuple[Json, ...] = ()
    looked: frozenset[str] = frozenset()


class Reviewer(Protocol):
    """Reads evidence; changes nothing."""

    def review(self, request: ReviewRequest, progress: Callable[[str], None]) -> Reviewed:
        """Collect, detect, judge. Raises Unknown only when no source at all could be read."""
        ...

    def sweep(self, request: ReviewRequest, progress: Callable[[str], None]) -> LeftBehind:
        """Leftovers of an attacker. Raises Unknown when no list at all could be read."""
        ...

    def money(self, request: ReviewRequest, progress: Callable[[str], None]) -> tuple[Json, ...]:
        """Money that can still be stopped, in under two minutes: `{kind, id, created, severity, why, undo, money}`."""
        ...
