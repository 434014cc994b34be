"""The kinds of store, and what each kind of place promises: declared here once, one line per scheme, and nowhere else.

Plan, preflight, waves, the way back, drift and report go by what is declared; the contract suite holds every adapter to its line.
"""

from dataclasses import dataclass
from enum import StrEnum


class PlaceKind(StrEnum):
    """How a place can be looked at and changed.

    `versioned` earlier values can be read again · `single value` the value can be read, and a write replaces it · `write-only` no value
    is ever told: a write is shown by the services, or, weaker, by the host's own mark of its last change · `guided` a person does it.
    """

    VERSIONED = "versioned"
    SINGLE = "single value"
    WRITE_ONLY = "write-only"
    GUIDED = "guided"


@dataclass(frozen=True)
class Promises:
    """What a place can do; a promise is the most that it does: a right or a companion may be missing at one of them.

    Attributes:
        stage: it can hold a value that services do not see.
        compare: a write names what it replaces, and is refused when that is gone; else it is looked at right before and right after.
        custody: it can hold a key for an incident.
        tells_writer: it tells who changed it last.
        stamps: it tells which version stands there without telling its value, so that what did not change is not read again.
        writes: it can be written at all.
    """

    kind: PlaceKind
    stage: bool = False
    compare: bool = False
    custody: bool = False
    tells_writer: bool = False
    stamps: bool = False
    writes: bool = True

    @property
    def guided(self) -> bool:
        """A person does the writing."""
        return self.kind is PlaceKind.GUIDED

    @property
    def reads(self) -> bool:
        """What it holds can be read back."""
        return self.kind in (PlaceKind.VERSIONED, PlaceKind.SINGLE)

    @property
    def undo(self) -> str:
        """How a write is undone, in words; "" = there is none to undo."""
        if not self.writes:
            return ""
        if self.guided:
            return "a person sets the old value again"
        return "the old value is put back, if ours still stands there" if self.reads else "the old value is written again, from custody"


@dataclass(frozen=True)
class Scheme:
    """How a reference to such a place is written, and what the place promises.

    Attributes:
        host: what stands before the first `/`; "" = nothing does.
        field: a field after `#` is needed.
        place: what the path names, for errors.
    """

    promises: Promises
    host: str = ""
    field: bool = False
    place: str = "place"


SCHEMES: dict[str, Scheme] = {
    "aws-sm": Scheme(Promises(PlaceKind.VERSIONED, stage=True, compare=True, custody=True, stamps=True), host="region"),
    "aws-ssm": Scheme(Promises(PlaceKind.VERSIONED, stage=True, custody=True, tells_writer=True), host="region"),
    "gcp-sm": Scheme(Promises(PlaceKind.VERSIONED, stage=True, custody=True), host="project"),
    "azure-kv": Scheme(Promises(PlaceKind.VERSIONED, stage=True, custody=True), host="vault"),
    "vault": Scheme(Promises(PlaceKind.VERSIONED, stage=True, compare=True, custody=True, stamps=True), host="mount", field=True),
    "conjur": Scheme(Promises(PlaceKind.VERSIONED, stage=True, custody=True), host="account"),
    "k8s": Scheme(
        Promises(PlaceKind.SINGLE, stage=True, compare=True, custody=True, tells_writer=True), host="context", field=True, place="Secret"
    ),
    "vercel": Scheme(Promises(PlaceKind.WRITE_ONLY, tells_writer=True), host="project"),
    "github-actions": Scheme(Promises(PlaceKind.WRITE_ONLY), host="owner"),
    "dotenv": Scheme(Promises(PlaceKind.SINGLE, stage=True, compare=True, custody=True), field=True, place="file"),
    "command": Scheme(Promises(PlaceKind.SINGLE)),
    "env": Scheme(Promises(PlaceKind.SINGLE, writes=False)),
    "manual": Scheme(Promises(PlaceKind.GUIDED)),
}
