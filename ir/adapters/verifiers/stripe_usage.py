"""Verify by the provider's own record: the new key was used since we last used it ourselves."""

import math
from collections.abc import Callable

from ir.adapters.verifiers.expectation import declared
from ir.core.errors import PortError
from ir.core.secret import excerpt
from ir.ports import Check, Expected, Verifier


class StripeUsageVerifier(Verifier):
    """Passes when `last_used` of the new key is later than our last probe of it, so another caller must have used it.

    It can tell one service only: where several use the key, and where the provider shows no `last_used` (Dashboard keys),
    the answer is "cannot be told". The provider keeps whole seconds; a use counts from
    `late` seconds after the second of our probe.

    Args:
        last_used: epoch seconds of the new key's last use, 0 when never, None when that cannot be seen; may raise PortError.
        sole_user: exactly one service uses the key (the inventory refuses others).
        late: seconds by which the provider may count our own probe late.
        proves: as declared; empty: `key-used`.
    """

    read_only = True

    def __init__(self, *, last_used: Callable[[], float | None], sole_user: bool = True, late: float = 1.0, proves: str = "") -> None:
        self.proves = declared(proves, ()) if proves else "key-used"
        self._last_used, self._sole_user, self._late = last_used, sole_user, late

    def check(self, expected: Expected) -> Check:
        """Look once; `expected.since` is the time of our own last probe of the key, by the provider's clock."""
        if not self._sole_user:
            return self._saw(None, "cannot be told: several services use this key")
        if expected.since <= 0:
            return self._saw(None, "cannot be told: the time of our own last use is not known")
        try:
            last = self._last_used()
        except PortError as error:
            return self._saw(None, error.what)
        if last is None:
            return self._saw(None, "cannot be told: the provider shows no last use of this key")
        if math.floor(last) > math.floor(expected.since + self._late):
            return self._saw(True, "the provider saw the key used after our own last probe")
        if math.floor(last) >= math.floor(expected.since):
            return self._saw(None, "cannot be told yet: the last use may be our own probe")
        return self._saw(False, "the provider saw no use of the key since our own last probe")

    def _saw(self, passed: bool | None, said: str) -> Check:
        return Check(passed, self.proves, excerpt(said), (int(passed is True), 1))
