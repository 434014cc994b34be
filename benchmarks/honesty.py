"""Where *cannot tell* may be the only honest word: no exposure time, holes in every source, and an attacker who does as we do.

Each case ends in one of: named (a finding names the attack's own ids), cannot tell, or cleared, which is wrong in all of them.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import quarter
from benchmarks.shops import DAY, HOUR, Shop
from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer

NONE = "none seen within coverage"
STRONG = ("high", "critical")
_NO_STRIPE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Told:
    """How one review ended, and how it should: `shows` = a source shows the attack, so that it has to be named."""

    name: str
    outcome: str
    shows: bool
    high: tuple[str, ...]
    confirmed: bool


def review(world: Any, files: dict[str, Any], folder: Path, exposed: float) -> Reviewed:
    """From files alone."""
    since = world.until - (quarter.EVIDENCE - 2) * DAY
    request = ReviewRequest("acct_1", _NO_STRIPE, since, world.until, exposed, 0, None, "", "", str(folder), **files)
    return StripeReviewer(StripeApi(_NO_STRIPE)).review(request, lambda _: None)


def looked(name: str, world: Any, write: Callable[[Any, Path], dict[str, Any]], exposed: float, *, area: str, shows: bool) -> Told:
    """Written, reviewed and weighed; `area`: whose verdict must not clear the account, "" = the worst of all."""
    with tempfile.TemporaryDirectory(prefix="ir-honesty-") as folder:
        found = review(world, write(world, Path(folder) / "logs"), Path(folder), exposed)
    strong = [f for f in found.findings if f.severity in STRONG]
    named = any(world.evil & set(f.evidence) for f in found.findings if f.severity in (*STRONG, "medium"))
    verdict = found.verdicts[area] if area else found.verdict
    outcome = "named" if named else "cleared" if verdict == NONE else "cannot tell"
    return Told(name, outcome, shows, tuple(f.rule for f in strong), found.verdict == "confirmed")


# ── an attacker who does as we do ──


def _copies(shop: quarter.Bookshop, ip: str) -> None:
    """Customers, a page an hour, in business hours."""
    for ts in range(shop.until - quarter.STEP * DAY + 600, shop.until, HOUR):
        if 8 <= ts // HOUR % 24 <= 18:
            quarter.row_of(shop, ts + 77, "GET", "/v1/customers?limit=100&starting_after=cus_x", ip)


def _plants(shop: quarter.Bookshop, ip: str) -> None:
    """One webhook, and then nothing."""
    quarter.row_of(shop, shop.until - DAY - 5 * HOUR, "POST", "/v1/webhook_endpoints", ip)


def adaptive(seed: int) -> Iterator[Told]:
    """Both, from our own address and from the same cloud, with every mix of sources, with and without an exposure time."""
    for act in (_copies, _plants):
        for ip, where in (("10.9.0.8", "our address"), ("10.9.77.5", "the same cloud")):
            shop = quarter.quiet(seed)
            act(shop, ip)
            for mix in quarter.MIXES:
                world = quarter.cut(shop, shop.until, mix)
                shows = mix == "all"
                name = f"{act.__name__[1:]} from {where}, {mix}"
                yield looked(name, world, quarter.written, world.exposed, area="reads", shows=shows)
                yield looked(f"{name}, exposure unknown", world, quarter.written, 0, area="reads", shows=False)


# ── holes ──

_SOURCES = {"egress": "writes", "events": "writes", "requests": "reads", "activity": "account"}


def holes(seed: int) -> Iterator[Told]:
    """A quiet account whose sources lack nine hours by day, one after the other: none of them may clear what it did not see."""
    shop = quarter.quiet(seed)
    for source, area in _SOURCES.items():
        world = quarter.cut(shop, shop.until, "all")
        begin = shop.until - DAY - 15 * HOUR
        _cut_out(world, source, begin, begin + 9 * HOUR)
        yield looked(f"{source} lack nine hours", world, quarter.written, world.exposed, area=area, shows=False)


def _cut_out(world: Shop, source: str, begin: int, end: int) -> None:
    a, b = (datetime.fromtimestamp(t, UTC) for t in (begin, end))
    if source == "events":
        world.events = [row for row in world.events if not begin <= row["created"] < end]
    elif source == "egress":
        world.egress = [row for row in world.egress if not a.isoformat() <= row["ts"] < b.isoformat()]
    elif source == "requests":
        world.requests = [row for row in world.requests if not f"{a:%Y-%m-%d %H:%M:%S}" <= row["Date"] < f"{b:%Y-%m-%d %H:%M:%S}"]
    else:
        world.activity = [row for row in world.activity if row["created"] < a.isoformat()]


# ── a quiet quarter ──


def calm(seed: int, every: int = 1) -> Iterator[tuple[str, Told]]:
    """Every two days of a quiet quarter (or one in `every`), with each mix of sources."""
    for mix, day, world in quarter.reviews(quarter.quiet(seed), every):
        yield mix, looked(f"two days to day {day}", world, quarter.written, world.exposed, area="", shows=False)


def summed(told: list[Told]) -> tuple[Counter[str], int, int]:
    """How they ended; of those that a source shows, how many there are and how many were named."""
    shown = [one for one in told if one.shows]
    return Counter(one.outcome for one in told), len(shown), sum(one.outcome == "named" for one in shown)
