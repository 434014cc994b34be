"""Join alerts to leaks: one leak per credential, the key of the inventory that it is, and what leaked beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ir.alerts import recognise
from ir.alerts.alert import Alert, Location
from ir.alerts.recognise import Holdings, Recognised, StoredKey
from ir.core.errors import UsageError
from ir.core.key_kind import Credential, kind_of
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.inventory import Inventory

_BY = {"value": "", "hash": " (by its hash)", "beginning": " (by its beginning)", "ends": " (by the characters that the mask leaves)"}


@dataclass(frozen=True)
class Leak:
    """Everything that the alerts say of one credential.

    Attributes:
        keys: names of the inventory's keys that it is; empty when that cannot be told.
        by: how that was told, as in `Recognised`; "" when it was not.
        places: every place, each once.
        since, since_what: the earliest time that any alert gives, and what it is; 0 = none does.
        beside: what else leaked in the same files: names of keys, or what the scanner calls it and where.
        alerts: where all of this is from.
    """

    keys: tuple[str, ...]
    places: tuple[Location, ...]
    since: float
    since_what: str
    beside: tuple[str, ...]
    alerts: tuple[Alert, ...]
    secret: Secret | None = field(default=None, repr=False)
    by: str = ""

    @property
    def stripe(self) -> bool:
        """Whether it is a Stripe API key, as far as that can be told."""
        return kind_of(self.secret).rotatable if self.keys and self.secret else any(alert.stripe for alert in self.alerts)

    @property
    def webhook(self) -> bool:
        """Whether it is the signing secret of a Stripe webhook."""
        if self.keys and self.secret:
            return kind_of(self.secret).credential is Credential.WEBHOOK
        return any(alert.webhook for alert in self.alerts)

    @property
    def cut(self) -> bool:
        """Whether only the beginning of a key is known: no store holds it in that form, and no command can use it."""
        return not self.keys and self.secret is not None and recognise.cut(self.secret)

    @property
    def told_by(self) -> str:
        """How the key was recognised, to follow its name; "" where the alert holds its value."""
        return _BY.get(self.by, "")

    @property
    def in_file(self) -> bool:
        """Whether the alerts hold a secret in plain text."""
        return any(alert.secret is not None for alert in self.alerts)

    @property
    def open(self) -> bool:
        """Whether any scanner still counts it as open."""
        return not all(alert.closed for alert in self.alerts)

    @property
    def live(self) -> bool | None:
        """Whether a scanner saw that it works; None when none looked."""
        seen = {alert.live for alert in self.alerts} - {None}
        return True in seen if seen else None

    @property
    def one_place(self) -> bool:
        """Whether the only place named is what a scanner tells that names one place of each secret."""
        return len(self.places) == 1 and any(alert.one_place for alert in self.alerts)

    @property
    def public(self) -> bool:
        """Whether a scanner says that it was publicly readable."""
        return any(alert.public for alert in self.alerts)

    @property
    def via(self) -> str:
        """How it leaked, in the words of `--leaked-via`."""
        return next((alert.via for alert in self.alerts if alert.via != "unknown"), "unknown")

    @property
    def said(self) -> str:
        """One line for a plan and a report."""
        first = self.alerts[0]
        name = f"{first.scanner} alert" + (f" {first.id}" if first.id else "")
        more = f" and {counted(len(self.places) - 1, 'more place')}" if len(self.places) > 1 else ""
        return f"{name}: {first.kind} in {self.places[0] if self.places else 'an unnamed place'}{more}"


def leaks(alerts: Iterable[Alert], held: Sequence[StoredKey], pasted: Secret | None = None) -> tuple[Leak, ...]:
    """Group alerts by credential: those of one value are one leak, however each names it; an alert that names none is a leak of its own.

    Args:
        alerts: of one file.
        held: what the stores of the inventory hold, each value once.
        pasted: the leaked key as a human gave it; it is also that of the one Stripe alert that tells nothing of its secret.
    """
    values = [*held, *([StoredKey(pasted, ())] if pasted is not None and pasted not in [one.secret for one in held] else [])]
    holdings = Holdings(values)
    groups: dict[object, list[Alert]] = {}
    found: dict[object, Recognised | None] = {}
    for number, alert in enumerate(alerts):
        told = holdings.find(alert)
        value = told.held.secret if told else alert.secret
        name: object = value.fingerprint if value else alert.hashes[0] if alert.hashes else number
        groups.setdefault(name, []).append(alert)
        found[name] = found.get(name) or told
    bare = [name for name, group in groups.items() if found[name] is None and group[0].secret is None and group[0].stripe]
    if pasted is not None and len(bare) == 1:
        found[bare[0]] = Recognised(next(one for one in values if one.secret == pasted), "value")
    return tuple(_leak(name, groups, found) for name in groups)


def _leak(name: object, groups: Mapping[object, list[Alert]], found: Mapping[object, Recognised | None]) -> Leak:
    group, told = groups[name], found[name]
    places = tuple(dict.fromkeys(place for alert in group for place in alert.places))
    files = _files(group)
    beside = [_named(groups[other], found[other]) for other in groups if other != name and _meet(files, _files(groups[other]))]
    since, what = min(((a.since, a.since_what) for a in group if a.since), default=(0.0, ""))
    secret = told.held.secret if told else group[0].secret
    keys, by = (told.held.keys, told.by) if told else ((), "")
    return Leak(keys, places, since, what, tuple(dict.fromkeys(beside)), tuple(group), secret, by if keys else "")


def _files(group: Sequence[Alert]) -> set[tuple[str, str]]:
    return {(place.source, place.file) for alert in group for place in alert.places if place.file}


def _meet(these: set[tuple[str, str]], those: set[tuple[str, str]]) -> bool:
    """Whether two alerts share a file; some scanners do not name its repository."""
    return any(file == other and (source == place or not (source and place)) for source, file in these for place, other in those)


def _named(group: Sequence[Alert], told: Recognised | None) -> str:
    first = group[0]
    if told and told.held.keys:
        word = "webhook" if kind_of(told.held.secret).credential is Credential.WEBHOOK else "key"
        return f"{word} {', '.join(told.held.keys)}"
    return f"{first.kind} in {first.places[0] if first.places else 'an unnamed place'}"


def the_leak(found: Sequence[Leak], name: str, key: str, source: Inventory | None) -> Leak:
    """The one leak that a rotation is about: of the named key, or the only open one of a Stripe key.

    Raises:
        UsageError: there is none, or there are several.
    """
    stripe = [leak for leak in found if leak.stripe]
    if key:
        stripe = [leak for leak in stripe if key in leak.keys] or [leak for leak in stripe if leak.secret is None or leak.cut]
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
