"""The notifications that laws and contracts demand, and their deadlines: packs of clocks, as dated data (`data/obligations.yaml`).

Nothing here decides that a law applies: a person names the packs (`ir classify --under`), and reads what is unclear.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ir.core import yaml_file

RECIPIENTS = (
    "authority",
    "persons",
    "controller",
    "csirt",
    "regulator",
    "acquirer",
    "brands",
    "bank",
    "stripe",
    "attorney-general",
    "sec",
    "internal",
)
"""Recipients of notifications, in the words of `ir notify record --to`."""
DEFAULT = ("gdpr", "pci-dss")
"""Packs that count until a person names others: a Stripe account has customers and cards."""
_DAY = 86400.0


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Within(_Model):
    """A span; one of its fields is set."""

    hours: int = 0
    days: int = 0
    business_days: int = 0
    months: int = 0

    def after(self, start: float) -> float:
        """When it has passed, epoch seconds; weekends are no business days, public holidays are not known."""
        at = datetime.fromtimestamp(start, UTC)
        if self.months:
            at = _month_on(at, self.months)
        left = self.business_days
        while left:
            at += timedelta(days=1)
            left -= at.weekday() < 5
        return at.timestamp() + self.hours * 3600.0 + self.days * _DAY


def _month_on(at: datetime, months: int) -> datetime:
    """The same day that many months on, or the last one of that month."""
    year, month = at.year + (at.month - 1 + months) // 12, (at.month - 1 + months) % 12 + 1
    last = (datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
    return at.replace(year=year, month=month, day=min(at.day, last))


class LegalClock(_Model):
    """One deadline of one law.

    Attributes:
        to: who is told, one of `RECIPIENTS`.
        starts: the rung of the ladder from which it runs, or `told:ID`: another clock's notification.
        within: None: "without undue delay", no number.
        source, read: address of the official text, and of the page from which this was taken down.
        same_as: another clock of the pack that the same notification answers.
        effective: since when the rule holds.
        unclear: what the sources leave open, "" = nothing.
    """

    id: str
    to: Literal[RECIPIENTS]  # type: ignore[valid-type]  # the tuple above is the list
    article: str = Field(min_length=5)
    starts: str = Field(pattern=r"^(aware|classified|material|told:[a-z0-9-]+)$")
    within: Within | None
    same_as: str = ""
    says: str = Field(min_length=10)
    source: str = Field(pattern=r"^https://")
    read: str = Field(pattern=r"^https://")
    effective: date
    unclear: str


class Pack(_Model):
    """The clocks of one law or contract."""

    name: str
    title: str
    applies: str
    clocks: list[LegalClock] = Field(min_length=1)


class Obligations(_Model):
    """All packs; `as_of` is the last day on which the sources were read."""

    as_of: date
    packs: list[Pack]

    def of(self, names: tuple[str, ...]) -> list[tuple[Pack, LegalClock]]:
        """The clocks of these packs, in the order of the file."""
        return [(pack, clock) for pack in self.packs if pack.name in names for clock in pack.clocks]


@cache
def shipped() -> Obligations:
    """The packs that come with the tool. Raises BadFile: the installation is damaged."""
    path = Path(__file__).parent / "data" / "obligations.yaml"
    data, lines = yaml_file.parse(path.read_text(encoding="utf-8"), path.name)
    return yaml_file.check(Obligations, data, lines, path.name)
