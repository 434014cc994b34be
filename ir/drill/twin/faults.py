"""The fates of a request other than an answer, chosen by rule, by callback, or by seeded chance."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random

from ir.drill.twin.message import Request


class What(StrEnum):
    """The ways in which a call can go wrong."""

    REFUSED = "refused"
    SLOW = "slow"
    HANG = "hang"
    LOST = "lost"
    TWICE = "twice"
    TOO_MANY = "too-many"
    BROKEN = "broken"
    TORN = "torn"
    WRONG_TYPE = "wrong-type"


@dataclass(frozen=True)
class Fate:
    """One fate; the functions and constants below make them.

    Attributes:
        acted: the work was done before the answer went wrong.
        seconds: real seconds, for `slow`.
        reason: `Stripe-Rate-Limited-Reason`; None = without the header.
        should_retry: `Stripe-Should-Retry`; None = without the header.
    """

    what: What
    acted: bool = False
    seconds: float = 0.0
    reason: str | None = None
    should_retry: bool | None = None


REFUSED = Fate(What.REFUSED)
"""The connection is reset; nothing was done."""
HANG = Fate(What.HANG)
"""No answer ever; nothing was done."""
HANG_AFTER = Fate(What.HANG, acted=True)
"""It was done, and there is no answer ever."""
LOST = Fate(What.LOST, acted=True)
"""It was done, then the connection closes without an answer."""
TWICE = Fate(What.TWICE, acted=True)
"""It was done twice, idempotency key or not; the second answer goes back."""
TORN = Fate(What.TORN, acted=True)
"""It was done; half of the body arrives."""
WRONG_TYPE = Fate(What.WRONG_TYPE, acted=True)
"""It was done; a proxy's page of HTML arrives with status 200."""


def slow(seconds: float) -> Fate:
    """Done at once, answered after real seconds."""
    return Fate(What.SLOW, acted=True, seconds=seconds)


def too_many(reason: str | None = "global-rate") -> Fate:
    """429; nothing was done."""
    return Fate(What.TOO_MANY, reason=reason)


def broken(should_retry: bool | None = None, *, acted: bool = False) -> Fate:
    """500, after the work or instead of it."""
    return Fate(What.BROKEN, acted=acted, should_retry=should_retry)


ALL = (
    *(REFUSED, slow(0.2), HANG, HANG_AFTER, LOST, TWICE, TORN, WRONG_TYPE, too_many(), too_many(None)),
    *(broken(should_retry=True), broken(should_retry=False), broken(should_retry=False, acted=True)),
)
"""One of each."""

Decide = Callable[[Request], Fate | None]
"""Looks at a request and chooses its fate; None = answer as usual. Called in order of arrival, one at a time."""


@dataclass
class On:
    """A rule: the requests that match, after `skip` of them, `times` in number, meet `fate`.

    Attributes:
        method: empty = any.
        path: shell pattern such as `/v2/iam/api_keys*`.
        key: only requests that carry exactly this token; empty = any.
        times: 0 = for ever.
    """

    fate: Fate
    method: str = ""
    path: str = "*"
    key: str = field(default="", repr=False)
    skip: int = 0
    times: int = 1
    met: int = field(default=0, init=False)

    def __call__(self, request: Request) -> Fate | None:
        """See `Decide`."""
        if self.method not in ("", request.method) or not fnmatchcase(request.path, self.path):
            return None
        if self.key and self.key != request.credential():
            return None
        self.met += 1
        late = self.times and self.met > self.skip + self.times
        return None if self.met <= self.skip or late else self.fate


class Chance:
    """Each request meets one of `fates` with probability `rate`.

    The draw depends on the seed, the request's method, path and key, and how many such there were, so that callers
    who race each other do not change each other's fates.
    """

    def __init__(self, seed: int, rate: float, fates: Iterable[Fate] = ALL, path: str = "*") -> None:
        self._seed, self._rate, self._fates, self._path = seed, rate, tuple(fates), path
        self._seen: dict[str, int] = {}

    def __call__(self, request: Request) -> Fate | None:
        """See `Decide`."""
        if not fnmatchcase(request.path, self._path):
            return None
        like = f"{request.method} {request.path} {request.headers.get('authorization', '')}"
        count = self._seen[like] = self._seen.get(like, 0) + 1
        draw = Random(f"{self._seed} {like} {count}")  # noqa: S311 - a repeatable draw, nothing secret
        return draw.choice(self._fates) if draw.random() < self._rate else None
