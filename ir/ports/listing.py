"""What lies at a host: names, never values; and, where a value may be read, which of them are keys.

Names are text that others wrote: a screen or a page cleans it first.
"""

from dataclasses import dataclass
from typing import Protocol

from ir.core.key_search import FoundKey
from ir.core.place import Place
from ir.core.reference import Reference


@dataclass(frozen=True)
class Listed:
    """One thing that lies at a host.

    Attributes:
        name: as the host spells it, raw.
        ref: what an inventory would call it; its field is "" where the host tells no names of fields (AWS, Vault, Google): then it is
            the whole object. None: no reference can name it, such as a secret of a whole organisation.
        also: further references to the same value, such as a variable of Vercel that is for several targets.
        updated_at: epoch seconds of the last change, 0 = not told.
        readable: the host tells the value to those who have the right to read it.
        hints: what else the host says, for people: type, who else writes it, whose it is.
    """

    name: str
    ref: Reference | None
    also: tuple[Reference, ...] = ()
    updated_at: float = 0.0
    readable: bool = False
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What a look at a place came to.

    Attributes:
        unseen: what may lie there and is not among the rows, and why. Without any, the rows are all of it.
    """

    rows: tuple[Listed, ...]
    unseen: tuple[str, ...] = ()


class Lister(Protocol):
    """Looks at one scheme's places. Only names are asked for by `names`, values only by `keys_in`."""

    def names(self, place: Place) -> Listing:
        """What lies at or below a place; what this tool itself keeps there is left out.

        Raises Denied, Missing, Rejected (this scheme cannot list such a place), Unknown: then nothing is known.
        """
        ...

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """Values shaped like Stripe's keys in one listed thing, each with its reference. Reads the value.

        Raises Rejected where no value is ever told; Missing, Denied, Unknown.
        """
        ...
