"""The issuer makes keys and kills them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ir.core.model import KeyKind, KeyRow, Mode, Probe
from ir.core.secret import Secret


@dataclass(frozen=True)
class Target:
    """A key to narrow or kill: provider id (may be empty for the Dashboard) and its value for probing.

    An id alone is never acted on: the provider's own row for it has to show this value, or the name that we gave the key.

    Attributes:
        name: our name for it from its mint, `ir-<incident>-<n>`; "" = we did not make it.
        replacement: it is the incident's new key, killed on the way back: a human must not take it for the old one.
    """

    id: str
    value: Secret
    replacement: bool = False
    name: str = ""


@dataclass(frozen=True)
class MintOrder:
    """The values that are fixed before a mint is called, recorded in a step of their own.

    Attributes:
        name: unique at the provider, `ir-<incident>-<n>`; a stray is found by it.
        idempotency_key: sent with the call.
        expires_old_at: Dashboard's Rotate path: epoch seconds when the provider kills the old key, 0 = never.
        expires_at: when the replacement dies by itself, epoch seconds, 0 = never; managed alone.
        asked_at: when the replacement was first asked for, epoch seconds; a key that is older than that was made for something else.
        rotated: the old key was rotated already, so the value is the one that the rotation made.
        kept: custody was found for the value.
        holder: the present holder of a value, in words, "" = no listed one.
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
    expires_at: float = 0.0
    asked_at: float = 0.0
    rotated: bool = False
    kept: bool = True
    holder: Callable[[Secret], str] = field(default=lambda _value: "", repr=False)


@dataclass(frozen=True)
class Minted:
    """A replacement that is already in custody.

    Attributes:
        created: epoch seconds by the provider, 0 = it does not tell.
        pasted: epoch seconds, when a human gave it; says nothing of when it was made. 0 = no human did.
        because: why it was taken although another key's place holds it already, "" = none does.
        alone: after it was made, the provider's list was read to its end, and showed no other key of its name.
    """

    id: str
    value: Secret
    created: float
    kind: KeyKind
    custody: str
    alone: bool = False
    pasted: float = 0.0
    because: str = ""


@dataclass(frozen=True)
class Rotation:
    """What a guided rotation with expiration *Now* needs. It is a mint, so its value is asked for at once.

    Attributes:
        order: of the key that it makes.
        keep: takes its value into custody; never raises, "" = it is in this process alone.
        told: a human was told to rotate before, or the old key died since it was first looked at: it may have happened already.
        sure: asked where the plan did not say that this cannot be undone.
        stop: asked while both keys are watched; True ends the wait.
        found: the value, where an earlier try took it into custody and died: it is not asked for again.
    """

    order: MintOrder
    keep: Callable[[Secret], str]
    told: bool = False
    sure: Callable[[], bool] = lambda: True
    stop: Callable[[], bool] = lambda: False
    found: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Containment:
    """How the leaked key was contained, and how to undo it.

    Attributes:
        how: `policy` | `narrowed` | `rotated` | `expired` | `none`.
        before: the permission list that it had, to be restored on undo.
        minted: what a rotation made, where its value was given.
        value: of a rotation: `taken` | `open` (not given yet) | `lost` (a human says so) | "" (no rotation was made).
    """

    how: str
    said: str
    before: tuple[str, ...] = ()
    minted: Minted | None = None
    value: str = ""


class Issuer(Protocol):
    """Mints and kills keys of one account, by API (`managed`) or by a person's clicks (`dashboard`)."""

    guided: bool
    """A human clicks; `mint`, `retire` and `contain` may raise `Waiting`."""
    seen_alive: dict[Secret, str]
    """Pastes that Stripe answered to but that were not taken, and the reason: a stray key may be among them."""

    def probe(self, key: Secret) -> Probe:
        """Look at any key of the account once. Never raises: no answer is `Liveness.UNKNOWN`."""
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

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """While a guided kill waits, poll this key too. If it dies, the person clicked the wrong row, and `retire` raises Rejected.

        `created` (by the provider, 0 = it does not tell), `pasted` (both epoch seconds) and `name` are of the replacement: they tell the
        two rows apart.
        """
        ...

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """Ask for the death of a key; accepted is not dead. Returns how it was asked. Gone already = fine.

        Guided: tells the human what to click and returns once the key is seen dead; raises Waiting if detached.
        `stop` is asked between polls; True ends the wait.
        """
        ...

    def contain(self, target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        """Make the key useless to strangers in the way that costs least, without killing it where that is possible.

        Guided without `egress`: a `rotation` with expiration *Now*, whose value is asked for at once; None: the key is killed, no other
        is wanted. Raises Waiting when a human has not done it.
        """
        ...

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """Undo a narrowing. Managed only; guided raises Waiting with the clicks."""
        ...

    def widen(self, target: Target, right: str) -> str:
        """Let a key of our own making do one thing more, and nothing else; returns how. It has it already = fine.

        Raises Waiting, with the clicks, where only a person can do that; PortError: it was not done, or (Unknown) perhaps was.
        """
        ...

    def may_read(self, key: Secret, right: str) -> bool | None:
        """Whether a key has a permission to read, by one GET of its own; None where no look tells. Nothing is ever written to find out."""
        ...

    def remove(self, key_id: str) -> str:
        """Remove what the provider still keeps of a key that is proven dead; returns what was removed, "" = nothing is left. Idempotent."""
        ...
