"""Alerts put together: one leak per credential, which key of the inventory it is, and what leaked beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ir.alerts.alert import Alert, Place
from ir.core.errors import UsageError
from ir.core.secret import Secret
from ir.inventory import Inventory

Holders = Mapping[str, Sequence[str]]
"""Fingerprint of a value → names of the keys in the inventory whose stores hold it."""


@dataclass(frozen=True)
class Leak:
    """All that the alerts say of one credential.

    Attributes:
        keys: names of the inventory's keys that it is, by fingerprint; empty when that cannot be told.
        places: every place, each once.
        since, since_what: the earliest time that any alert gives, and what it is; 0 = none does.
        beside: what else leaked in the same files: names of keys, or what the scanner calls it and where.
        alerts: where all of this is from.
    """

    keys: tuple[str, ...]
    places: tuple[Place, ...]
    since: float
    since_what: str
    beside: tuple[str, ...]
    alerts: tuple[Alert, ...]
    secret: Secret | None = field(default=None, repr=False)

    @property
    def stripe(self) -> bool:
        """Whether it is a Stripe API key, as far as can be told."""
        return any(alert.stripe for alert in self.alerts)

    @property
    def webhook(self) -> bool:
        """Whether it is the signing secret of a Stripe webhook."""
        return any(alert.webhook for alert in self.alerts)

    @property
    def open(self) -> bool:
        """Whether any scanner counts it as not dealt with."""
        return not all(alert.closed for alert in self.alerts)

    @property
    def live(self) -> bool | None:
        """Whether a scanner saw that it works; None when none looked."""
        seen = {alert.live for alert in self.alerts} - {None}
        return True in seen if seen else None

    @property
    def public(self) -> bool:
        """Whether a scanner says that anybody could read it."""
        return any(alert.public for alert in self.alerts)

    @property
    def via(self) -> str:
        """In the words of `--leaked-via`."""
        return next((alert.via for alert in self.alerts if alert.via != "unknown"), "unknown")

    @property
    def said(self) -> str:
        """One line for a plan and a report."""
        first = self.alerts[0]
        name = f"{first.scanner} alert" + (f" {first.id}" if first.id else "")
        more = f" and {len(self.places) - 1} more places" if len(self.places) > 1 else ""
        return f"{name}: {first.kind} in {self.places[0] if self.places else 'an unnamed place'}{more}"


def leaks(alerts: Iterable[Alert], holders: Holders, pasted: Secret | None = None) -> tuple[Leak, ...]:
    """Alerts by credential: those that hold the same value are one leak; one without a value stands alone.

    Args:
        alerts: of one file.
        holders: see `Holders`.
        pasted: the leaked key as a human gave it, for the one Stripe alert that does not hold its secret.
    """
    groups: dict[object, list[Alert]] = {}
    for number, alert in enumerate(alerts):
        groups.setdefault(alert.secret.fingerprint if alert.secret else number, []).append(alert)
    bare = [name for name, group in groups.items() if group[0].secret is None and group[0].stripe]
    given = {bare[0]: pasted} if pasted is not None and len(bare) == 1 else {}
    known = {name: group[0].secret or given.get(name) for name, group in groups.items()}
    return tuple(_leak(name, groups, known, holders) for name in groups)


def _leak(name: object, groups: Mapping[object, list[Alert]], known: Mapping[object, Secret | None], holders: Holders) -> Leak:
    group = groups[name]
    places = tuple(dict.fromkeys(place for alert in group for place in alert.places))
    files = _files(group)
    beside = [
        _named(other, groups[other], known[other], holders) for other in groups if other != name and _meet(files, _files(groups[other]))
    ]
    since, what = min(((a.since, a.since_what) for a in group if a.since), default=(0.0, ""))
    return Leak(_keys(known[name], holders), places, since, what, tuple(dict.fromkeys(beside)), tuple(group), known[name])


def _files(group: Sequence[Alert]) -> set[tuple[str, str]]:
    return {(place.source, place.file) for alert in group for place in alert.places if place.file}


def _meet(these: set[tuple[str, str]], those: set[tuple[str, str]]) -> bool:
    """Whether they share a file; some scanners do not name the repository that it is in."""
    return any(file == other and (source == place or not (source and place)) for source, file in these for place, other in those)


def _keys(secret: Secret | None, holders: Holders) -> tuple[str, ...]:
    return tuple(holders.get(secret.fingerprint, ())) if secret else ()


def _named(name: object, group: Sequence[Alert], secret: Secret | None, holders: Holders) -> str:
    keys = _keys(secret, holders)
    first = group[0]
    word = "webhook" if first.webhook else "key"
    return f"{word} {', '.join(keys)}" if keys else f"{first.kind} in {first.places[0] if first.places else 'an unnamed place'}"


def the_leak(found: Sequence[Leak], name: str, key: str, source: Inventory | None) -> Leak:
    """The one leak that a rotation is about: of the named key, or the only open one of a Stripe key.

    Raises:
        UsageError: there is none, or there are several.
    """
    stripe = [leak for leak in found if leak.stripe]
    if key:
        stripe = [leak for leak in stripe if key in leak.keys] or [leak for leak in stripe if leak.secret is None]
    stripe = [leak for leak in stripe if leak.open] or stripe
    if len(stripe) == 1:
        return stripe[0]
    if not stripe:
        raise UsageError(f"{name} holds no alert of {f'key `{key}`' if key else 'a Stripe key'}", next_step=f"ir alert import {name}")
    names = sorted({k for leak in stripe for k in leak.keys} or ({k.name for k in source.keys} if source else set()))
    raise UsageError(
        f"{name} holds alerts of {len(stripe)} Stripe keys, and one rotation takes one",
        next_step=f"name it: {', '.join(names)}" if names else f"ir alert import {name} lists them",
    )
