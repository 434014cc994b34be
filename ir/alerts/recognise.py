"""Tell which key of the inventory an alert is about: by its value, by a hash, or by the ends that a scanner left visible."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ir.alerts.alert import Alert, Ends
from ir.core.secret import Secret

SHORTEST_BEGINNING = 30
"""Characters of a beginning that tell one key from another: the first 25 are the same for all keys of one account."""
_CUT_HASH = 32
"""Characters of a Stripe key that detect-secrets hashes, however long it is."""
_WHOLE_KEY = 107


@dataclass(frozen=True)
class StoredKey:
    """A value that stores of the inventory hold, and the names of its rows."""

    secret: Secret
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Recognised:
    """Attributes: by: `value`, `hash`, `beginning` or `ends`."""

    held: StoredKey
    by: str


def cut(secret: Secret) -> bool:
    """Whether it looks like a key of today that was cut: some scanners stop after 24 or 32 characters."""
    value = secret.reveal()
    return value.startswith(("sk_live_51", "rk_live_51", "sk_test_51", "rk_test_51")) and len(value) < _WHOLE_KEY


def _sha256(value: str) -> list[str]:
    return [hashlib.sha256(value.encode()).hexdigest()]


def _sha1(value: str) -> list[str]:
    return [hashlib.sha1(part.encode(), usedforsecurity=False).hexdigest() for part in dict.fromkeys((value, value[:_CUT_HASH]))]


def _hmsl(value: str) -> list[str]:
    """The hash that ggshield makes (verticals/hmsl/crypto.py): scrypt with a pepper that is public."""
    pepper = hashlib.sha256(b"GitGuardian").digest()
    return [hashlib.scrypt(value.encode(), salt=pepper, n=2048, r=8, p=1, dklen=32).hex()]


def _ggshield(value: str) -> list[str]:
    """The `ignore_sha` of a finding with one match, which is called `apikey` for a Stripe key."""
    return _sha256(f"{value},apikey")


_MADE: dict[str, Callable[[str], list[str]]] = {"sha256": _sha256, "sha1": _sha1, "hmsl": _hmsl, "ggshield": _ggshield}


@dataclass(frozen=True)
class Holdings:
    """All known values, to find the one that an alert is about."""

    values: Sequence[StoredKey]
    _made: dict[str, dict[str, list[StoredKey]]] = field(default_factory=dict)

    def find(self, alert: Alert) -> Recognised | None:
        """The one value that the alert is about; None when none fits, or several do."""
        whole = self._by_value.get(alert.secret.fingerprint) if alert.secret else None
        if whole:
            return Recognised(whole, "value")
        for one in alert.hashes:
            found = _only(self._hashed(one.made).get(one.hex, ()))
            if found:
                return Recognised(found, "hash")
        if alert.secret:
            return self._by_ends(Ends(alert.secret.reveal()), "beginning")
        return self._by_ends(alert.ends, "ends") if alert.ends else None

    def _by_ends(self, ends: Ends, by: str) -> Recognised | None:
        if len(ends.head) < SHORTEST_BEGINNING and not ends.tail:
            return None
        found = _only(one for one in self.values if _fits(one.secret.reveal(), ends))
        return Recognised(found, by) if found else None

    @cached_property
    def _by_value(self) -> dict[str, StoredKey]:
        return {one.secret.fingerprint: one for one in self.values}

    def _hashed(self, made: str) -> dict[str, list[StoredKey]]:
        """The hash of each value, made when it is first needed: scrypt takes its time."""
        if made not in self._made:
            index: dict[str, list[StoredKey]] = {}
            for one in self.values:
                for digest in _MADE[made](one.secret.reveal()) if made in _MADE else ():
                    index.setdefault(digest, []).append(one)
            self._made[made] = index
        return self._made[made]


def _fits(value: str, ends: Ends) -> bool:
    return len(value) > len(ends.head) + len(ends.tail) and value.startswith(ends.head) and value.endswith(ends.tail)


def _only(found: Iterable[StoredKey]) -> StoredKey | None:
    several = list(found)
    return several[0] if len(several) == 1 else None
