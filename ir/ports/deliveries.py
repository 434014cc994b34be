"""Stripe's own record of its deliveries to a webhook endpoint: only this shows that a service has this endpoint's secret."""

from dataclasses import dataclass
from typing import Protocol

from ir.core.secret import Secret


@dataclass(frozen=True)
class Sent:
    """One event that Stripe delivers to the endpoint in question.

    Attributes:
        created: whole epoch seconds, by Stripe's clock.
        untaken: endpoints that have not answered it with 2xx, by Stripe's own count (`pending_webhooks`).
        wanted: enabled endpoints that can be seen and that want it; ours: to how many of our own it went.
    """

    id: str
    created: int
    untaken: int
    wanted: int
    ours: int

    def taken(self, *, by_all: bool) -> bool:
        """Whether an endpoint of ours was certainly answered with 2xx: fewer are left than we have. `by_all`: each of ours was."""
        return self.untaken == 0 if by_all else self.untaken < self.ours


class Deliveries(Protocol):
    """Deliveries to one webhook endpoint, and to the one that is to follow it. Raises only PortError."""

    def blind(self) -> str:
        """Why deliveries cannot be looked at, "" = they can be."""
        ...

    def problems(self) -> list[str]:
        """Reasons against a rotation, found before anything is made."""
        ...

    def floor(self) -> int:
        """The lowest number of endpoints that did not take an event, over recent events: those endpoints fail for reasons of their own."""
        ...

    def newest(self) -> int:
        """Stripe's time of the newest event; 0 = there is none."""
        ...

    def since(self, created: int) -> list[Sent]:
        """Events of this endpoint made after `created`, the newest first."""
        ...

    def still_accepted(self, secret: Secret) -> bool | None:
        """Whether a service still accepts events that are signed with it; None when that cannot be told."""
        ...

    def left(self) -> list[str]:
        """Ids of events made before the second endpoint, within three days, that the old one may not have delivered; the oldest first."""
        ...

    def replay(self, event: str, secret: Secret) -> bool | None:
        """Send an event, signed with it, to the services.

        Returns whether they took it (also: knew it already), refused it, or gave no telling answer.
        """
        ...

    def processed(self, since: float) -> list[str] | None:
        """Ids of events that the services report as processed since then, without our test events; None = no service reports any."""
        ...

    def unknown(self, events: list[str]) -> list[str]:
        """Those of these events, made in the last thirty days, that Stripe does not know."""
        ...

    def to_resend(self) -> str:
        """How a person makes Stripe deliver them again, and where the answer of the service is shown."""
        ...
