"""The rights that a store's access policy has to allow for an inventory, and how each vendor writes them down."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ir.core.reference import Reference
from ir.ports.store import PolicyCall


@dataclass(frozen=True)
class Grant:
    """A place that an inventory names.

    Attributes:
        ref: where.
        rotated: a rotation changes it; False: it is only read.
    """

    ref: Reference
    rotated: bool


@dataclass(frozen=True)
class Line:
    """One right on one object.

    Attributes:
        right: as the vendor's policies name it.
        on: the object, as the vendor's policies name it.
        why: for which of our operations.
        needed: False: a run goes on without it.
    """

    right: str
    on: str
    why: str
    needed: bool = True


@dataclass(frozen=True)
class PolicyLanguage:
    """How one vendor's policies are written.

    Attributes:
        title: what the document is, for people.
        calls: all calls that a run makes there.
        on: a reference, and the `on` of a call → the object as policies name it.
        text: lines → the document, ready to be loaded.
        notes: what the document cannot say.
    """

    title: str
    calls: tuple[PolicyCall, ...]
    on: Callable[[Reference, str], str]
    text: Callable[[Sequence[Line]], str]
    notes: tuple[str, ...] = ()


def lines(grants: Iterable[Grant], language: PolicyLanguage) -> tuple[Line, ...]:
    """Every right that the calls on these places need, each once; it is `needed` when one call needs it."""
    found: dict[tuple[str, str], Line] = {}
    for grant in grants:
        for call in language.calls:
            if not (grant.rotated or call.read):
                continue
            line = Line(call.right, language.on(grant.ref, call.on), call.why, not call.hint)
            before = found.get((line.on, line.right))
            if before is not None:
                whys = dict.fromkeys([*before.why.split(", "), *line.why.split(", ")])
                line = Line(line.right, line.on, ", ".join(whys), before.needed or line.needed)
            found[line.on, line.right] = line
    return tuple(found.values())
