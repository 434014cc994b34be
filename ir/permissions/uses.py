"""What is known of one permission: who used or declared it, by which calls, and which row of the map says so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ir.permissions.endpoint_map import permission_for, reads_expanded
from ir.permissions.names import DANGEROUS, called


@dataclass(frozen=True)
class Use:
    """Calls of one kind by one service.

    Attributes:
        service: as our own log or the inventory names it; "" = it is not told.
        endpoint: path with `:id`. expands: fields of `expand[]`. connect: made for a connected account.
        calls, refused: how many, and how many of them Stripe refused for lack of a permission.
        first, last: epoch seconds.
        ours: a log of our own has them; else Stripe's log alone, less what the review holds against them.
    """

    service: str
    method: str
    endpoint: str
    calls: int
    first: int
    last: int
    ours: bool = True
    refused: int = 0
    expands: tuple[str, ...] = ()
    connect: bool = False


@dataclass(frozen=True)
class PermissionLine:
    """One permission, or one endpoint whose permission is not known (`permission` ""), with its why.

    Attributes:
        connect: for connected accounts (a Connect permission).
        endpoints: `POST /v1/refunds`.
        services: that used or declared it. callers: those that used it. declared: those that declared it (`needs:`).
        calls: how many; first, last: epoch seconds; 0 = declared alone.
        sourced: some row of the map behind it is; sources: of those rows, else of the inferred ones, `name (date)`.
        unlogged: no log of our own has any of the calls.
        danger: what it allows, where that is to be looked at twice.
    """

    permission: str
    connect: bool = False
    endpoints: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    calls: int = 0
    first: int = 0
    last: int = 0
    sourced: bool = False
    sources: tuple[str, ...] = ()
    unlogged: bool = False
    danger: str = ""

    @property
    def name(self) -> str:
        """By which a person ticks it: `charge_read`, `connect:charge_read`."""
        return f"connect:{self.permission}" if self.connect else self.permission


@dataclass
class Gathered:
    """What is known of one permission or endpoint so far."""

    uses: list[Use] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)
    sourced: set[str] = field(default_factory=set)
    inferred: set[str] = field(default_factory=set)

    def first_used(self) -> int:
        """Epoch seconds; far in the future where nothing used it."""
        return min((use.first for use in self.uses), default=1 << 62)

    def line(self, permission: str, *, connect: bool) -> PermissionLine:
        """With its why."""
        counted = [use for use in self.uses if use.ours] or self.uses  # what Stripe's log has too is counted once
        services = {use.service for use in counted if use.service}
        return PermissionLine(
            permission,
            connect,
            endpoints=tuple(sorted(self.endpoints)),
            services=tuple(sorted(services | self.declared)),
            callers=tuple(sorted(services)),
            declared=tuple(sorted(self.declared)),
            calls=sum(use.calls for use in counted),
            first=min((use.first for use in self.uses), default=0),
            last=max((use.last for use in counted), default=0),
            sourced=bool(self.sourced),
            sources=tuple(sorted(self.sourced or self.inferred)),
            unlogged=bool(self.uses) and not any(use.ours for use in self.uses),
            danger=DANGEROUS.get(permission, ""),
        )


class Book:
    """Uses by permission; `unmapped` by endpoint, where the map does not know it; `unread`: fields of `expand[]` that it does not know."""

    def __init__(self, *, connect: bool = False) -> None:
        self.connect = connect
        self.known: dict[str, Gathered] = {}
        self.unmapped: dict[str, Gathered] = {}
        self.unread: set[str] = set()

    def add(self, use: Use) -> None:
        """Count it for every permission that it needs."""
        for one in self._behind(use.method, use.endpoint):
            one.uses.append(use)
        for name in use.expands:
            for one in self._expanded(name):
                one.uses.append(use)

    def declare(self, service: str, need: str) -> None:
        """`charge_read`, or `GET /v1/charges`."""
        method, _, path = need.partition(" ")
        for one in self._behind(method, path) if path else [self.known.setdefault(called(need), Gathered())]:
            one.declared.add(service)

    def lines(self, names: Iterable[str]) -> tuple[PermissionLine, ...]:
        """Those permissions, in order."""
        return tuple(self.known[name].line(name, connect=self.connect) for name in sorted(names))

    def unknown(self) -> tuple[PermissionLine, ...]:
        """Endpoints that the map does not know."""
        return tuple(one.line("", connect=self.connect) for _, one in sorted(self.unmapped.items()))

    def _behind(self, method: str, path: str) -> Iterator[Gathered]:
        row = permission_for(method, path)
        if row is None:
            one = self.unmapped.setdefault(f"{method} {path}", Gathered())
            one.endpoints.add(f"{method} {path}")
            yield one
            return
        for permission in row.permissions:
            one = self.known.setdefault(permission, Gathered())
            one.endpoints.add(row.endpoint)
            told = one.sourced if row.sourced else one.inferred
            told |= {f"{source.name} ({source.date})" for source in (row.source, *row.checks)}
            yield one

    def _expanded(self, name: str) -> Iterator[Gathered]:
        needed = reads_expanded(name)
        if needed is None:
            self.unread.add(name)
        for permission in needed or ():
            one = self.known.setdefault(permission, Gathered())
            one.endpoints.add(f"expand[]={name}")
            one.inferred.add("the name of the expanded field")
            yield one
