"""The form that the alerts of all scanners are brought to."""

from dataclasses import dataclass, field

from ir.core.key_kind import Credential, CredentialKind, kind_of
from ir.core.secret import Secret


@dataclass(frozen=True)
class Location:
    """Where a secret was found; parts that an alert does not name are empty.

    Attributes:
        source: a repository, bucket, image, channel …
        file: a path inside it.
        commit: the commit that brought it in.
        url: where a human can look.
    """

    source: str = ""
    file: str = ""
    line: int = 0
    commit: str = ""
    url: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.source, f"{self.file}:{self.line}" if self.file and self.line else self.file) if part)
        return f"{where or 'an unnamed place'}{f' ({self.commit[:12]})' if self.commit else ''}"


@dataclass(frozen=True)
class Hash:
    """A value's hash, which names the value without holding it.

    Attributes:
        made: how: `sha256` or `sha1` of the value (`sha1` also of its first 32 characters), `hmsl` (GitGuardian's scrypt),
            `ggshield` (SHA-256 of the value and `,apikey`).
        hex: lower case.
    """

    made: str
    hex: str


@dataclass(frozen=True)
class Ends:
    """The visible rest of a masked value: its beginning and its end."""

    head: str = ""
    tail: str = ""


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        scanner: one of `FORMATS`, or `MAIL`.
        id: the scanner's own, "" when it gives none.
        kind: what the scanner calls the secret.
        places: every place it names, the earliest first.
        since: epoch seconds of the earliest time that it gives for the leak, 0 = it gives none.
        since_what: what that time is, such as `the commit` or `the alert`.
        secret: what leaked, None when the alert does not hold it; a scanner may have cut it.
        hashes: hashes of it.
        ends: what the mask leaves of it, None when there is nothing to tell it by.
        live: whether the scanner saw that it works; None when it did not look.
        public: the scanner says that it was publicly readable.
        closed: the scanner counts it as dealt with.
        line: line of the alert file, 0 when the file is one document.
        one_place: its scanner, as it runs by default, names one place of each secret; there may be more, and earlier ones.
    """

    scanner: str
    id: str
    kind: str
    places: tuple[Location, ...] = ()
    since: float = 0.0
    since_what: str = ""
    secret: Secret | None = field(default=None, repr=False)
    hashes: tuple[Hash, ...] = ()
    ends: Ends | None = field(default=None, repr=False)
    live: bool | None = None
    public: bool = False
    closed: bool = False
    line: int = 0
    one_place: bool = False

    @property
    def credential(self) -> CredentialKind | None:
        """The kind of credential, told by the secret; None when the alert does not hold it."""
        return kind_of(self.secret) if self.secret else None

    @property
    def stripe(self) -> bool:
        """Whether it is about a Stripe API key, told by the secret, else by the scanner's name for it."""
        found = self.credential
        return found.rotatable if found else "stripe" in self.kind.lower() and not self.webhook

    @property
    def webhook(self) -> bool:
        """Whether it is about the signing secret of a Stripe webhook."""
        found, kind = self.credential, self.kind.lower()
        return found.credential is Credential.WEBHOOK if found else "stripe" in kind and "webhook" in kind

    @property
    def via(self) -> str:
        """How it leaked, in the words of `--leaked-via`; "unknown" where the place does not say."""
        first = self.places[0] if self.places else Location()
        there = first.commit or first.url.startswith(("https://github.com/", "https://gitlab.com/", "https://bitbucket.org/"))
        return "repo" if there or self.scanner in ("github", "gitguardian", "hmsl") else "unknown"
