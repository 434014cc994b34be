"""The people whom an incident asks and tells, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ir.core.secret import Secret


@dataclass(frozen=True)
class Irreversible:
    """A step that cannot be undone, as it is put to a person for confirmation.

    Attributes:
        warning: what dies, what fails meanwhile, and which services were not looked at.
        name: what a person types to confirm it; may be the end of a key, so it is never recorded.
        asks_for: how the question calls that name.
        approves: the step whose approval the same answer is, when it is sent from another terminal; "" = it is given here alone.
    """

    warning: str = field(repr=False)
    name: str = field(repr=False)
    asks_for: str
    approves: str = ""


class Operator(Protocol):
    """The person at the terminal; without a terminal, the rules for unattended runs."""

    interactive: bool
    name: str

    def tell(self, text: str) -> None:
        """Show text now (quiet when piped)."""
        ...

    def confirm(self, question: str) -> bool:
        """Yes or no; without a terminal, what `--yes` says."""
        ...

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        """Whether the person typed the name, after the warning; without a terminal, what `--yes` says.

        `elsewhere` names the person who has answered at another terminal, "" = no answer yet. With a name the question ends, answered no.
        """
        ...

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        """One of `options`; raises Waiting without a terminal. There is no default."""
        ...

    def ask(self, question: str) -> str:
        """A line of plain text; raises Waiting without a terminal."""
        ...

    def new_key(self, prompt: str) -> Secret | None:
        """The next candidate for the new key, from the source that the operator named; None: the source has no more.

        `prompt` is shown with hidden input on a terminal; other sources are read once.
        """
        ...

    def key_or_why(self, prompt: str) -> Secret | str | None:
        """As `new_key`, from the terminal alone. A line of several words is not a key but the reason why the last one is to be taken."""
        ...


class Clock(Protocol):
    """The clock, a port so that drills can shift it. Waits within one process are measured by `elapsed`, dates by `now`."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def elapsed(self) -> float:
        """Seconds at the pace of real time, unaffected by changes of the wall clock; comparable within one process only."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Notifier(Protocol):
    """Tells people who are not at the terminal. Messages are free of secrets already; the address is a secret."""

    def notify(self, title: str, body: str, *, urgent: bool) -> str:
        """Send one message of plain text; returns what was done, without the address.

        Args:
            title: one line.
            body: a few lines; sent as it stands, never read as markup, template or escape sequences.
            urgent: a person has to act.

        Raises:
            Rejected: the address is no good, or the service refused the message for good.
            Unknown: the service gave no answer in time; the message may have arrived.
            PortError: the address cannot be read.
        """
        ...
