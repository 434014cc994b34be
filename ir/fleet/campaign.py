"""Many keys at once: the choice, the order, the number side by side, and when to stop. Pure decisions.

A campaign has one child per key; a child is a normal incident with its own lease, record and report. Canary keys (tag `canary`)
go first and must be through before any other begins. Two keys of one store object are never under way together: one incident at a
time holds an object.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ir.core.errors import ExitCode, UsageError
from ir.core.model import Json
from ir.core.reference import Reference
from ir.core.wording import counted
from ir.incident import earlier_debts
from ir.inventory import Inventory, Key, Webhook, references
from ir.storage.incident_index import IncidentRow

CANARY = "canary"


class ChildState(StrEnum):
    """The state of a child.

    `resting`: a process keeps it, and it waits for a time; `waiting`: for a human or a time, and no process keeps it; `refused`: nothing
    was changed; `failed`: rolled back or given up.
    """

    QUEUED = "queued"
    RUNNING = "running"
    RESTING = "resting"
    WAITING = "waiting"
    DONE = "done"
    DEBT = "debt"
    FAILED = "failed"
    REFUSED = "refused"


_UNENDED = (ChildState.QUEUED, ChildState.RUNNING, ChildState.RESTING, ChildState.WAITING)
KEPT = (ChildState.RUNNING, ChildState.RESTING)
"""A process has it."""
FAILURES = (ChildState.DEBT, ChildState.FAILED, ChildState.REFUSED)
_OF_INCIDENT = {
    "done": ChildState.DONE,
    "attested": ChildState.DONE,
    "debt": ChildState.DEBT,
    "waiting": ChildState.WAITING,
    "refused": ChildState.REFUSED,
}


def state_of(row: IncidentRow) -> ChildState:
    """The state of a child whose incident no process runs at the moment, from the incident's own row of the index."""
    if row.status == "attested" and earlier_debts.counts(row) and row.summary.get("debts"):
        return ChildState.DEBT
    return _OF_INCIDENT.get(row.status, ChildState.FAILED)


@dataclass(frozen=True)
class Limits:
    """The number of children side by side, and of failures after which to pause; 0 = no limit."""

    at_once: int = 8
    per_account: int = 4
    per_store: int = 8
    stop_after: int = 3


@dataclass(frozen=True)
class Child:
    """One key of a campaign.

    Attributes:
        named: `acct_…/name`. stores: servers that its stores are on. objects: store objects that it holds alone.
        due: of a scheduled one, whole epoch seconds, 0 otherwise. owner: executor that has it now or had it last.
        not_before: epoch seconds before which it is not begun. postponed: how often it could not begin.
    """

    id: int
    campaign: str
    position: int
    key: str
    named: str
    account: str
    stores: tuple[str, ...]
    objects: tuple[str, ...]
    canary: bool
    incident: str = ""
    due: int = 0
    attempt: int = 1
    state: ChildState = ChildState.QUEUED
    owner: str = ""
    said: str = ""
    exit_code: int = 4
    not_before: float = 0.0
    postponed: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0


# ── choosing ──


@dataclass(frozen=True)
class Choice:
    """The chosen keys: those that fit every kind of condition that is given."""

    everything: bool = False
    accounts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    stored_in: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether a campaign was asked for at all."""
        return bool(self.everything or self.accounts or self.tags or self.stored_in or self.names)


def chosen(source: Inventory, choice: Choice) -> list[Key]:
    """The keys of a campaign, canaries first, then in the order of the inventory.

    Raises:
        UsageError: a name that is not listed, or no key fits.
    """
    known = {key.name for key in source.keys}
    accounts = {name for account in source.accounts for name in (account.name, account.id)}
    for flag, asked, there in (("--keys-from", choice.names, known), ("--account", choice.accounts, accounts)):
        missing = [name for name in asked if name not in there]
        if missing:
            raise UsageError(f"{flag}: `{missing[0]}` is not listed", next_step=f"one of {', '.join(sorted(there))}")
    found = [key for key in source.keys if _fits(source, key, choice)]
    if not found:
        raise UsageError("no key of the inventory fits", next_step="look at ir inventory graph")
    return sorted(found, key=lambda key: CANARY not in key.tags)


def _fits(source: Inventory, key: Key, choice: Choice) -> bool:
    account = source.account(key.account)
    return (
        (not choice.accounts or account.name in choice.accounts or account.id in choice.accounts)
        and (not choice.tags or bool(set(choice.tags) & set(key.tags)))
        and (not choice.names or key.name in choice.names)
        and (not choice.stored_in or any(_lies_in(ref, place) for ref in key.stored_in for place in choice.stored_in))
    )


def _lies_in(ref: Reference, place: str) -> bool:
    """Whether a reference is at or below a place, such as `vault://secret/prod`; a name is never cut in the middle."""
    text, place = str(ref), place.rstrip("/")
    return text == place or text.startswith((place + "/", place + "#")) or (place.endswith(":") and text.startswith(place + "//"))


def server(ref: Reference) -> str:
    """The server that a limit per store counts: the scheme with its region, mount or account."""
    return f"{ref.scheme}://{ref.host}"


def sliced(source: Inventory, key: Key) -> Inventory:
    """The inventory as far as one key is concerned, for its incident's snapshot, so that its cost does not grow with the others."""
    services = []
    for service in source.services_of(key.name):
        places = [ref for ref in service.reads_from if ref in key.stored_in]
        services.append(service.model_copy(update={"uses": [key.name], "reads_from": places}))
    alone = key.model_copy(update={"rotate_every": None, "rotate_window": None, "rotate_from": None})
    group = {"keys": [], "webhooks": [alone]} if isinstance(key, Webhook) else {"keys": [alone], "webhooks": []}
    rows = {"accounts": [source.account(key.account)], **group, "services": services}
    made = source.model_copy(update=rows)
    named = {ref.path for _, ref in references.every(made) if ref.scheme == "command"}
    return made.model_copy(update={"commands": [row for row in source.commands if row.name in named]})


# ── running ──


def next_child(rows: Sequence[Child], limits: Limits, now: float, *, gated: bool = True) -> Child | None:
    """The child that may begin now, None when there is none.

    `gated`: other keys wait for the canaries; one that failed has paused the campaign, and the resume goes on without it.
    """
    running = [row for row in rows if row.state is ChildState.RUNNING]
    if limits.at_once and len(running) >= limits.at_once:
        return None
    accounts = Counter(row.account for row in running)
    stores = Counter(store for row in running for store in set(row.stores))
    held = {thing for row in rows if row.state in (*KEPT, ChildState.WAITING) for thing in row.objects}
    canaries = gated and any(row.canary and row.state in _UNENDED for row in rows)
    for row in sorted(rows, key=lambda row: row.position):
        if row.state is not ChildState.QUEUED or row.not_before > now or held & set(row.objects) or (canaries and not row.canary):
            continue
        full = limits.per_account and accounts[row.account] >= limits.per_account
        if not full and not (limits.per_store and any(stores[store] >= limits.per_store for store in row.stores)):
            return row
    return None


def must_pause(rows: Iterable[Child], limits: Limits, forgiven: int, *, gated: bool = True) -> str:
    """The reason why a campaign stops beginning children, empty when it goes on; `forgiven` failures were seen when it was last resumed."""
    rows = list(rows)
    failed = [row for row in rows if row.state in FAILURES]
    new = len(failed) - forgiven
    if limits.stop_after and new >= limits.stop_after:
        return f"{counted(new, 'key')} failed, the last of them {failed[-1].key}: {failed[-1].said}"
    if gated and new > 0 and any(row.canary and row.state in FAILURES for row in rows):
        name = next(row.key for row in rows if row.canary and row.state in FAILURES)
        return f"canary key {name} failed"
    return ""


def exit_code(rows: Iterable[Child], *, sleeping: Iterable[str] = (), paused: bool = False) -> ExitCode:
    """The exit code of a command: debts come before waits, waits before refusals.

    `sleeping`: incidents that wait for a time, not for a human.
    """
    rows, asleep = list(rows), set(sleeping)
    states = {row.state for row in rows if row.incident not in asleep}
    if states & {ChildState.DEBT, ChildState.FAILED}:
        return ExitCode.DEBT
    if ChildState.WAITING in states or paused:
        return ExitCode.WAITING
    if ChildState.REFUSED in states:
        return ExitCode.REFUSED if states == {ChildState.REFUSED} else ExitCode.DEBT
    return ExitCode.DONE


def time_left(rows: Sequence[Child], now: float) -> float | None:
    """Seconds until all have begun and ended at the pace so far; None while there is no pace."""
    ended = [row for row in rows if row.ended_at and row.began_at]
    left = [row for row in rows if row.state in (ChildState.QUEUED, *KEPT)]
    if not ended or not left:
        return 0.0 if not left else None
    since = now - min(row.began_at for row in rows if row.began_at)
    return since / len(ended) * len(left)


def counts(rows: Iterable[Child]) -> Json:
    """The number of children in each state that occurs."""
    return dict(Counter(row.state.value for row in rows))
