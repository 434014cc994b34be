"""Tell which services still accept a webhook's signing secret, from the services alone, with another secret as the control."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ir.core.model import Json
from ir.core.secret import Secret


class SecretUse(StrEnum):
    """How the services answer to events that are signed with one secret."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNTOLD = "untold"
    UNASKED = "unasked"


@dataclass(frozen=True)
class WebhookServices:
    """The services of one webhook.

    Args:
        accepted: what each service makes of an event signed so: True, False, or None when it gave no telling answer; empty when there
            is none that could be asked.
        other: another secret of the same incident that services may accept, None when there is none.
        facts: the incident's facts so far.
    """

    accepted: Callable[[Secret], Sequence[bool | None]]
    other: Callable[[Secret], Secret | None]
    facts: Callable[[], Json]

    def of(self, secret: Secret) -> SecretUse:
        """`refused` only where each service that refuses it accepts the other one at that moment: a broken service refuses everything."""
        seen = self.accepted(secret)
        if not seen:
            return SecretUse.UNASKED
        if any(seen):
            return SecretUse.ACCEPTED
        other = self.other(secret)
        if None in seen or other is None:
            return SecretUse.UNTOLD
        return SecretUse.REFUSED if all(self.accepted(other)) else SecretUse.UNTOLD

    def is_new(self, secret: Secret) -> bool:
        """Whether it is this incident's replacement."""
        return bool(self.facts().get("new", {}).get("fingerprint") == secret.fingerprint)

    @property
    def given_up(self) -> bool:
        """Whether the old secret's death was asked for: from then on, only the services' answers count."""
        return bool(self.facts().get("retire_asked_at"))
