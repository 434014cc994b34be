"""The least that services need, from what was used. Pure: uses in, permissions out, each with its why."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ir.core.errors import Refused, UsageError
from ir.core.model import Json
from ir.permissions.names import grantable, implied_by, least
from ir.permissions.uses import Book, PermissionLine, Use

RECENT = 30 * 86400
"""Seconds before the end in which a first use has to be ticked where nothing tells when the key got out."""
_LINES = ("granted", "apart", "ticked", "refused", "unmapped")


@dataclass(frozen=True)
class Derived:
    """What a key needs. Not to be called complete: jobs that are rarer than the logs are not in it.

    Attributes:
        granted: used before the key got out, or declared. ticked: of `apart`, what a person took in.
        apart: first used since, so that it may be the attacker's alone: never granted without a person.
        refused: tried by services and always refused, so nothing works by it today.
        unmapped: endpoints whose permission the map does not know; unread: fields of `expand[]` likewise.
        safe_until: epoch seconds; what was first used later is apart. how: that is `given`, `found` (misuse came before what was given),
            `proposed` by the review, or `unknown`: 30 days before the end.
        since, until: of the evidence, epoch seconds.
        coverage: the honest sentence. partial: why logs that do not cover all were accepted, "" = they do.
    """

    granted: tuple[PermissionLine, ...] = ()
    apart: tuple[PermissionLine, ...] = ()
    ticked: tuple[PermissionLine, ...] = ()
    refused: tuple[PermissionLine, ...] = ()
    unmapped: tuple[PermissionLine, ...] = ()
    unread: tuple[str, ...] = ()
    safe_until: int = 0
    how: str = "unknown"
    since: int = 0
    until: int = 0
    coverage: str = ""
    partial: str = ""

    @property
    def taken(self) -> tuple[PermissionLine, ...]:
        """What the list holds, before reads are left out that a write implies."""
        return (*self.granted, *self.ticked)

    @property
    def permissions(self) -> tuple[str, ...]:
        """The list, as the key API calls it, in the fewest names. May be empty: see `mintable`."""
        return least(line.permission for line in self.taken if not line.connect)

    @property
    def connect_permissions(self) -> tuple[str, ...]:
        """The same for connected accounts."""
        return least(line.permission for line in self.taken if line.connect)

    @property
    def by_api(self) -> tuple[str, ...]:
        """Of `permissions`, what a key made by the API can be given."""
        return tuple(filter(grantable, self.permissions))

    @property
    def not_by_api(self) -> tuple[str, ...]:
        """Of `permissions`, what only the Dashboard can give."""
        return tuple(name for name in self.permissions if not grantable(name))

    @property
    def services(self) -> tuple[str, ...]:
        """All that used or declared something."""
        return tuple(sorted({service for line in self.taken for service in line.services}))

    def of_service(self, service: str) -> tuple[str, ...]:
        """What one service needs, without connected accounts."""
        return least(line.permission for line in self.taken if service in line.services and not line.connect)

    def mintable(self) -> tuple[str, ...]:
        """The list for a new key. Raises Refused: it is empty, and Stripe takes an empty list for no list."""
        if not self.permissions:
            raise Refused(
                "no permission was derived, and a key is never made with an empty list",
                safe="nothing was changed",
                next_step="give logs that hold the services' calls, or declare `needs:` of the services in the inventory",
            )
        return self.permissions

    def tick(self, names: Iterable[str]) -> "Derived":
        """A person takes in what is apart, by `PermissionLine.name`. Raises UsageError: a name that is not apart."""
        asked = set(names)
        unknown = asked - {line.name for line in self.apart}
        if unknown:
            raise UsageError(f"not among the permissions that are listed apart: {', '.join(sorted(unknown))}")
        took = tuple(line for line in self.apart if line.name in asked)
        return replace(self, ticked=(*self.ticked, *took), apart=tuple(line for line in self.apart if line.name not in asked))

    def document(self) -> Json:
        """As JSON, for `read`."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Derived":
        """Of `document`, however it was kept meanwhile."""
        lines: dict[str, Any] = {name: tuple(map(_line, document[name])) for name in _LINES}
        return cls(**{**document, **lines, "unread": tuple(document["unread"])})


def _line(row: Mapping[str, Any]) -> PermissionLine:
    fields: dict[str, Any] = {name: tuple(told) if isinstance(told, list | tuple) else told for name, told in row.items()}
    return PermissionLine(**fields)


def derive(
    uses: Iterable[Use],
    needs: Mapping[str, Iterable[str]] | None = None,
    *,
    until: float,
    exposed_at: float = 0,
    proposed_at: float = 0,
    coverage: str = "",
    partial: str = "",
) -> Derived:
    """What was used before the key got out, and what services declare; what was first used since, apart.

    Args:
        uses: without misuse, scanners and our own probes.
        needs: service → `charge_read` or `GET /v1/charges`.
        until: end of the evidence, epoch seconds.
        exposed_at: when the key got out, epoch seconds; 0 = unknown.
        proposed_at: what the review proposes instead, epoch seconds; 0 = nothing. A stated time goes before it.
        coverage: the honest sentence.
        partial: why logs that do not cover all were accepted.
    """
    how = "given" if exposed_at else "proposed" if proposed_at else "unknown"
    return sorted_out(uses, needs or {}, Times(0, int(until), int(exposed_at or proposed_at or until - RECENT), how), coverage, partial)


@dataclass(frozen=True)
class Times:
    """Epoch seconds; `safe` and `how` as `Derived` has them."""

    since: int
    until: int
    safe: int
    how: str


def sorted_out(uses: Iterable[Use], needs: Mapping[str, Iterable[str]], times: Times, coverage: str = "", partial: str = "") -> Derived:
    """As `derive`, where the times are settled."""
    safe = times.safe
    own, connect, refused = Book(), Book(connect=True), Book()
    for use in uses:
        (refused if use.refused >= use.calls else connect if use.connect else own).add(use)
    for service, named in needs.items():
        for need in named:
            own.declare(service, need)
    early = {book: {name for name, one in book.known.items() if one.declared or one.first_used() < safe} for book in (own, connect)}
    late = {book: [name for name in book.known if not implied_by(name, early[book])] for book in (own, connect)}
    return Derived(
        granted=own.lines(early[own]) + connect.lines(early[connect]),
        apart=own.lines(late[own]) + connect.lines(late[connect]),
        refused=refused.lines(name for name in refused.known if not implied_by(name, own.known)),
        unmapped=own.unknown() + connect.unknown(),
        unread=tuple(sorted(own.unread | connect.unread)),
        safe_until=safe,
        how=times.how,
        since=times.since,
        until=times.until,
        coverage=coverage,
        partial=partial,
    )
