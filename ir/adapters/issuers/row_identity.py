"""Tell which row of Stripe's list a key is. Two independent facts must agree, because acting on the wrong row would kill another key."""

from collections.abc import Callable

from ir.adapters.issuers.key_api import KeyApi
from ir.adapters.issuers.key_rows import MatchedRow, redacted_of, shows_token
from ir.adapters.issuers.token_match import fits
from ir.clients.stripe_api import StripeApi, probe
from ir.core.errors import Missing, Unknown
from ir.core.model import KeyRow, Liveness, Probe
from ir.core.secret import Secret
from ir.ports import Clock

_LOOKS = 6
_BETWEEN_LOOKS = 0.5
_NEXT_SECOND = 1.1


def rows_of(api: StripeApi, account_id: str, app_key: Callable[[], Secret], clock: Clock) -> Callable[[Secret], KeyRow | None]:
    """Tells the row of any key of the account, where an app's key may read Stripe's list."""
    return Identity(KeyApi(api, account_id, app_key), lambda key: probe(api, key), clock).of


class _NoSecondFact(Unknown):
    """Our probe was not answered, so it can have touched no row."""


class Identity:
    """Finds the row of a key. Raises what `KeyApi` raises."""

    def __init__(self, keys: KeyApi, look: Callable[[Secret], Probe], clock: Clock) -> None:
        self._keys, self._look, self._clock = keys, look, clock
        self._told: set[tuple[str, str]] = set()
        """Fingerprint and id of rows that were told from all others once: from then on each is only read again."""

    def of(self, key: Secret, known_id: str = "") -> KeyRow | None:
        """The row of `known_id` where it can be this key's and no other row can, else the one row that fits and that our probe touched.

        A dead row is not that of a key that answers. Where rows show their tokens (test mode), equality decides at once.
        """
        try:
            if known_id:
                return self._believed(key, known_id)
            return self._found(key)
        except _NoSecondFact:
            return None

    def certain(self, key: Secret, known_id: str, probed_at: float) -> KeyRow | None:
        """The row to act on: that of `known_id` if two facts of this very step confirm it, else the row that `of` finds without the id.

        The two facts: only this row shows this key's characters, and Stripe counts a use of it no earlier than our latest probe of this
        key. A key of another owner that shows the same characters may be in use all the time; a dead one never is.

        Args:
            key: what is to be acted on.
            known_id: where to look first, "" = nowhere.
            probed_at: Stripe's own time of that probe; 0 = there was none.

        Raises:
            Unknown: Stripe gave no answer when it was asked.
        """
        seen = self._seen(key, known_id) if known_id else None
        if seen is not None and seen.same:
            return seen.row
        touched = seen is not None and seen.row.redacted and probed_at and self._used_since(key, known_id, probed_at)
        if seen is not None and not seen.row.active and (touched or self._dead(key)):
            return seen.row
        if seen is not None and touched and self._others(key, known_id) == []:
            return seen.row
        return self._found(key)

    def _believed(self, key: Secret, known_id: str) -> KeyRow | None:
        seen = self._seen(key, known_id)
        if seen is None or seen.same or (key.fingerprint, known_id) in self._told:
            return seen.row if seen else None
        if not seen.row.active:
            return seen.row if self._dead(key) else None
        if self._others(key, known_id):
            found = self._found(key)
            if found is None or found.id != known_id:
                return None
        self._told.add((key.fingerprint, known_id))
        return seen.row

    def _dead(self, key: Secret) -> bool:
        """Whether it is refused as a dead key is. Raises Unknown: without Stripe's answer there is no fact about any row."""
        liveness = self._look(key).liveness
        if liveness is Liveness.UNKNOWN:
            raise _NoSecondFact("Stripe gave no answer about the key, so its row cannot be told")
        return liveness.dead

    def _others(self, key: Secret, known_id: str) -> list[str]:
        """Ids of further rows that may be this key's."""
        return [seen.row.id for seen in self._candidates(key) if seen.row.id != known_id]

    def _used_since(self, key: Secret, key_id: str, moment: float) -> bool:
        for look in range(_LOOKS):
            if look:
                self._clock.sleep(_BETWEEN_LOOKS)
            row = self._known(key, key_id)
            if row is not None and row.last_used >= moment:
                return True
        return False

    def _found(self, key: Secret) -> KeyRow | None:
        before = self._candidates(key)
        certain = [seen.row for seen in before if seen.same]
        if certain or not before:
            return certain[0] if len(certain) == 1 else None
        return self._touched(key, {seen.row.id: seen.row.last_used for seen in before})

    def _known(self, key: Secret, known_id: str) -> KeyRow | None:
        seen = self._seen(key, known_id)
        return seen.row if seen else None

    def _seen(self, key: Secret, known_id: str) -> MatchedRow | None:
        """The row of an id; None when the id has no row, or its row shows another key."""
        try:
            seen = self._keys.one(known_id, key)
        except Missing:
            return None
        another = seen.same is False or (seen.row.redacted and not fits(seen.row.redacted, key))
        return None if another else seen

    def _candidates(self, key: Secret) -> list[MatchedRow]:
        every = self._keys.every(key, wanted=lambda data: shows_token(data) or fits(redacted_of(data), key))
        return [seen for seen in every if seen.same or (seen.same is None and fits(seen.row.redacted, key))]

    def _touched(self, key: Secret, before: dict[str, float]) -> KeyRow | None:
        # `last_used` counts whole seconds: after this wait, a use in our probe's second is told from an earlier one
        self._clock.sleep(_NEXT_SECOND)
        if self._look(key).liveness is Liveness.UNKNOWN:
            raise _NoSecondFact("Stripe gave no answer about the key, so its row cannot be told")
        fresh: list[KeyRow] = []
        for _ in range(_LOOKS):
            fresh = self._fresh(key, before)
            if fresh:
                break
            self._clock.sleep(_BETWEEN_LOOKS)
        if len(fresh) == 1 and len(before) > 1:
            # another row fits as well: wait for a use of it, or for a late update of the right one
            self._clock.sleep(_NEXT_SECOND)
            fresh = self._fresh(key, before)
        return fresh[0] if len(fresh) == 1 else None

    def _fresh(self, key: Secret, before: dict[str, float]) -> list[KeyRow]:
        """Read rows one by one: an account may have many pages of keys, and few of them fit."""
        rows = (self._known(key, key_id) for key_id in before)
        return [row for row in rows if row is not None and row.active and row.last_used > before[row.id]]
