"""A service uses a key: how it is checked, and how it is made to read the key again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Expected:
    """The key that a service should hold; placeholders of the inventory are filled from it.

    Attributes:
        since: when we used the key ourselves last, by the provider's clock; 0 = not known.
    """

    fingerprint: str
    key_id: str = ""
    since: float = 0.0


@dataclass(frozen=True)
class Check:
    """The result of one look of a verifier.

    Attributes:
        passed: True, False, or None when it cannot be told (no answer).
        proves: `holds-key` | `key-used` | `up`.
        said: what was seen, scrubbed and capped.
        instances: how many distinct instances answered as expected, and how many were asked for.
        lacks: permissions for want of which Stripe refused calls of the service since it took up the key that it holds, with the time of
            the last refusal (epoch seconds, 0 = not told); "" = one that is not named. None: this check does not tell.
    """

    passed: bool | None
    proves: str
    said: str
    instances: tuple[int, int] = (1, 1)
    lacks: Mapping[str, float] | None = None


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

    def ready(self) -> None:
        """Whether `reload` can be called, found without calling it.

        Raises PortError where not: a header without a value, no such program.
        """
        ...

    def reload(self) -> str:
        """Make the service take up the current key; returns what was done. Raises Unknown (time-out), Rejected (the service refused)."""
        ...
