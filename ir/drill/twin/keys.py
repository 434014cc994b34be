"""Keys of every kind, and the times at which acts on them take effect."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from ir.core.model import Mode
from ir.drill.twin.error_answers import ApiError, expired_key, invalid_key
from ir.drill.twin.settings import DeathText, Masking

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ALPHABET = (_LETTERS * 5)[:256]


def letters(rng: Random, length: int) -> str:
    """Letters and digits; cheap, because every request needs some."""
    return rng.randbytes(length).translate(_ALPHABET).decode()


class Token:
    """A key's characters on the provider's side.

    On purpose not an `ir.core.secret.Secret`: making one teaches `scrub` the value, and then a tool that forgot to
    wrap what it received would still look clean in the same process.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The characters, as a human would copy them."""
        return self._text

    @property
    def fingerprint(self) -> str:
        """The same as `ir.core.secret.fingerprint`."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Token({self.fingerprint})"


class Kind(StrEnum):
    """The kinds of keys; each has a prefix."""

    SECRET = "sk"  # noqa: S105 - a prefix, not a password
    RESTRICTED = "rk"
    PUBLISHABLE = "pk"
    ORGANIZATION = "sk_org"


@dataclass(eq=False)
class Key:
    """One row of the key table.

    Attributes:
        permissions: None = everything.
        managed_by: id of the app that created it.
        app: id of the app that this key speaks for; such a key may call the key API for others.
        expires_at: what the row says; the token lives until `dies_at`.
        narrowing: a list of permissions that will hold from a moment on.
        gone: answers 404 when asked for by id (rotated away).
    """

    id: str
    account: str
    mode: Mode
    kind: Kind
    token: Token = field(repr=False)
    created: float
    name: str = ""
    note: str = ""
    permissions: frozenset[str] | None = None
    connect_permissions: tuple[str, ...] = ()
    managed_by: str = ""
    app: str = ""
    ip_allowlist: tuple[str, ...] = ()
    last_used: int = 0
    expires_at: float | None = None
    dies_at: float | None = None
    death_text: DeathText = DeathText.EXPIRED
    narrowing: tuple[float, frozenset[str]] | None = None
    gone: bool = False

    def alive(self, now: float) -> bool:
        """Whether the token is accepted at this moment."""
        return self.dies_at is None or now < self.dies_at

    def active(self, now: float) -> bool:
        """Whether the row says `active`; an expired row's token may live on for a while."""
        return self.expires_at is None or now < self.expires_at

    def granted(self, now: float) -> frozenset[str] | None:
        """The permissions that hold at this moment."""
        if self.narrowing and now >= self.narrowing[0]:
            return self.narrowing[1]
        return self.permissions

    @property
    def written(self) -> frozenset[str] | None:
        """The permissions that the row shows: what was last asked for, though it may not bite yet."""
        return self.narrowing[1] if self.narrowing else self.permissions

    def change_permissions(self, names: frozenset[str], now: float, delay: float) -> None:
        """Other permissions, biting after `delay`."""
        self.permissions = self.granted(now)
        self.narrowing = (now + delay, names)

    def expire(self, at: float, delay: float, text: DeathText = DeathText.EXPIRED) -> None:
        """Expires at a moment, dead `delay` later; never later than promised before."""
        if self.expires_at is None or at < self.expires_at:
            self.expires_at = at
        dies = at + delay
        if self.dies_at is None or dies < self.dies_at:
            self.dies_at, self.death_text = dies, text

    def obituary(self) -> ApiError:
        """What the dead token hears."""
        say = expired_key if self.death_text is DeathText.EXPIRED else invalid_key
        return say(self.token.reveal())

    def redacted(self, style: Masking) -> str:
        """The token with its middle hidden."""
        text = self.token.reveal()
        if style is Masking.STARS:
            return f"{text[:8]}*****{text[-6:]}"
        if style is Masking.ELLIPSIS:
            return f"{text[:12]}\u2026{text[-4:]}"
        return f"{text[: text.index('_', 3) + 1]}...{text[-4:]}"


class KeyTable:
    """All keys of all accounts, by id and by token."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._by_id: dict[str, Key] = {}
        self._by_token: dict[str, Key] = {}

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._by_id.values()))

    def add(self, kind: Kind, account: str, mode: Mode, created: float, *, name: str = "") -> Key:
        """A new key with a new id and token."""
        key = Key(f"mk_{self._text(24)}", account, mode, kind, self._token(kind, account, mode), created, name)
        self._by_id[key.id] = key
        self._by_token[key.token.reveal()] = key
        return key

    def by_token(self, text: str) -> Key | None:
        """Exactly these characters."""
        return self._by_token.get(text)

    def by_id(self, ident: str) -> Key | None:
        """`mk_…`."""
        return self._by_id.get(ident)

    def find(self, which: "str | Token | Key") -> Key:
        """By key, id, token, or a token's text.

        Raises:
            KeyError: there is no such key; nothing of it is repeated.
        """
        if isinstance(which, Key):
            return which
        text = which.reveal() if isinstance(which, Token) else which
        key = self._by_id.get(text) or self._by_token.get(text)
        if key is None:
            raise KeyError("the twin has no such key")
        return key

    def _text(self, length: int) -> str:
        return letters(self._rng, length)

    def _token(self, kind: Kind, account: str, mode: Mode) -> Token:
        # The modern body: 99 characters, the account's own 16 in the second place (facts: key formats).
        if kind is Kind.ORGANIZATION:
            return Token(f"{kind}_{mode}_{self._text(205)}")
        return Token(f"{kind}_{mode}_5{account.removeprefix('acct_')}{self._text(72)}00{self._text(8)}")
