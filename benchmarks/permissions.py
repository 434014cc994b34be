"""Permissions derived from generated accounts, with attackers and without: what is granted without a person, and what is missed.

    nice python -m benchmarks.permissions [--seeds 300] [--first N] [--undated] [--rows 5000000] [--processes 2]

An account is one of the two generators of `quality`, every second one with an attack, with rare jobs: two that ran once before the
exposure, one that first ran since, and one that runs more rarely than the logs reach back. Printed: permissions that only the attacker
used and that were granted by themselves (none may be), permissions that services used before the exposure and that were not granted
(none may be, where any log holds the call), precision and recall; the coverage of Stripe's API description as its Python library has
it; and what the derivation costs beside one full scan of as many rows.
"""

import argparse
import random
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import accounts, quality, running, shops
from benchmarks.permissions_cost import cost, coverage
from ir.clients.stripe_api import StripeApi
from ir.permissions import implied_by, permission_for
from ir.permissions.endpoint_map import reads_expanded
from ir.permissions.of_review import derive_used, gaps
from ir.ports import ReviewRequest
from ir.review import StripeReviewer

DAY = 86400
_RARE = (
    *("GET /v1/disputes", "GET /v1/balance_transactions", "POST /v1/credit_notes", "GET /v1/payouts", "POST /v1/quotes", "GET /v1/files"),
    *("POST /v1/reporting/report_runs", "GET /v1/tax_rates", "POST /v1/shipping_rates", "GET /v1/reviews", "POST /v1/coupons"),
    *("POST /v1/payouts", "POST /v1/topups", "GET /v1/events", "POST /v1/billing/meter_events", "POST /v1/terminal/readers"),
)
# What an attacker's event tells of a call that no request log shows.
_MADE = {
    **{name: f"{name}_write" for name in ("payout", "transfer", "customer", "coupon", "setup_intent", "payment_intent", "promotion_code")},
    "account": "connected_account_write",
    "payment_link": "payment_links_write",
    "price": "plan_write",
    "refund": "charge_write",
}


@dataclass
class Told:
    """Of one account. Sets of permission names.

    Attributes:
        stolen: that only the attacker used, and that were granted.
        missed: that services used before the exposure, in some given log, and that were not granted.
        unlogged: the same, where no given file holds the call.
        rare: jobs that run more rarely than the logs reach back, and that were not granted; nothing could have told of them.
        ticks: offered to a person. whole: the review calls every given log whole.
    """

    name: str
    seed: int
    evil: bool
    whole: bool
    stolen: set[str]
    missed: set[str]
    unlogged: set[str]
    rare: set[str]
    granted: set[str]
    needed: set[str]
    right: set[str]
    ticks: set[str]


@dataclass
class Truth:
    """What services really did: `(epoch seconds, permission, whether a given file holds it)`."""

    own: list[tuple[int, str, bool]] = field(default_factory=list)
    evil: set[str] = field(default_factory=set)


def cases(seeds: range) -> Iterator[quality.Case]:
    """Every second one with an attack, in turn."""
    every = list(quality.attacks(range(seeds.start, seeds.start + 1)))
    kinds = [(case.name, case.make, case.write) for case in every]
    for n, seed in enumerate(seeds):
        name, make, write = kinds[(n // 2 * 7 + seeds.start) % len(kinds)]
        if n % 2:
            yield quality.Case(name, seed, partial(_again, make, seed), write, seed % 3 > 0)
        elif n % 4:
            yield quality.Case("quiet account", seed, partial(accounts.quiet, seed), accounts.write, seed % 3 > 0)
        else:
            kind = shops.KINDS[seed % len(shops.KINDS)]
            yield quality.Case(f"quiet {kind.name}", seed, partial(shops.quiet, kind, seed), shops.write, seed % 3 > 0)


def _again(make: Any, seed: int) -> Any:
    """The same attack on an account of another seed."""
    attack, quiet = make.args
    args = (seed,) if quiet.func is accounts.quiet else (quiet.args[0], seed)
    world = quiet.func(*args)
    attack(world)
    return world


def look(case: quality.Case, *, dated: bool) -> Told:
    """Make the account, add its rare jobs, derive, compare."""
    world = case.make()
    rare, truth = _with_jobs(world, case.seed), Truth()
    with tempfile.TemporaryDirectory(prefix="ir-permissions-") as folder:
        requests = case.requests or not world.egress
        files = case.write(world, Path(folder) / "logs", requests=requests)
        request = ReviewRequest(
            "acct_1", "http://127.0.0.1:9", world.until - 24 * DAY, world.until, world.exposed if dated else 0, 0, None, "", "", folder,
            uses=True, **files,
        )  # fmt: skip
        used = StripeReviewer(StripeApi("http://127.0.0.1:9")).review(request, lambda _: None).used
    derived = derive_used(used, {}, partial="a benchmark")
    _tell(world, truth, requests=requests)
    granted, ticks = set(derived.permissions), {line.permission for line in derived.apart}
    before = world.exposed if dated else derived.safe_until
    needed = {name for ts, name, _ in truth.own if ts < before}
    held = {name for ts, name, there in truth.own if ts < before and there}
    lost = {name for name in needed if not implied_by(name, granted)}
    ours = {name for _, name, _ in truth.own}
    return Told(
        case.name, case.seed, bool(world.evil), not gaps(used),
        stolen={name for name in truth.evil if implied_by(name, granted) and not implied_by(name, ours)},
        missed=lost & held, unlogged=lost - held, rare={name for name in rare if not implied_by(name, granted)},
        granted=granted, needed=needed, right={name for name in granted if implied_by(name, ours)}, ticks=ticks,
    )  # fmt: skip


def _with_jobs(world: Any, seed: int) -> set[str]:
    """Rare jobs; returns what one needs that no log reaches back to."""
    rng = random.Random(f"jobs {seed}")
    first, second, late, yearly = rng.sample(_RARE, 4)
    begin = int(world.until - 19 * DAY)
    for job, ts in ((first, rng.randrange(begin, world.exposed - DAY)), (second, rng.randrange(begin, world.exposed - 3600))):
        _call(world, ts, job)
    _call(world, rng.randrange(world.exposed + 3600, world.until - 60), late)
    row = permission_for(*yearly.split(" ", 1))
    return set(row.permissions) if row else set()


def _call(world: Any, ts: int, job: str) -> None:
    method, path = job.split(" ", 1)
    if isinstance(world, shops.Shop):
        world.ours(ts, method, path)
    else:
        world.seen(ts, world.ident("req"), method, path, own=True, agent=accounts.PYTHON, ip="10.201.0.9", key="mk_billing")


def _tell(world: Any, truth: Truth, *, requests: bool) -> None:
    """Ground truth from the generator's own rows: ours come from our addresses, the attacker's ids are known."""
    logged = {str(row.get("stripe_request_id") or row.get("request_id")) for row in world.egress}
    for row in world.requests:
        ident, when = str(row.get("request_id") or row.get("Request ID")), row.get("created") or _epoch(str(row["Date"]))
        names = set(_names(str(row.get("method") or row.get("Method")), str(row.get("url") or row.get("Path"))))
        status = int(row.get("status") or row.get("Status") or 0)
        if ident in world.evil:
            truth.evil |= names
        elif str(row.get("ip_address") or row.get("IP address")).startswith("10.") and status not in (401, 403):
            truth.own += [(int(when), name, requests or ident in logged) for name in names]
    for event in world.events:
        if {event["id"], (event.get("request") or {}).get("id")} & world.evil:
            name = _MADE.get(event["type"].split(".")[0])
            truth.evil |= {name} if name else set()


def _names(method: str, url: str) -> Iterable[str]:
    row = permission_for(method, url)
    yield from row.permissions if row else ()
    for found in re.findall(r"[?&]expand\[\]=([a-z_.]+)", url):
        yield from reads_expanded(found) or ()


def _epoch(text: str) -> int:
    from datetime import UTC, datetime

    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp())


def report(told: list[Told], *, dated: bool) -> bool:
    """Print; returns whether nothing went wrong."""
    right, granted = (sum(len(getattr(one, name)) for one in told) for name in ("right", "granted"))
    needed = sum(len(one.needed) for one in told)
    lost = sum(len(one.missed | one.unlogged) for one in told)
    seeds = f"{len(told)} accounts, {sum(one.evil for one in told)} with an attack, {sum(one.whole for one in told)} with whole logs"
    print(f"{seeds}, exposure time {'known' if dated else 'unknown'}")
    stolen, missed = [one for one in told if one.stolen], [one for one in told if one.missed]
    for one in stolen:
        print(f"  {one.name} seed {one.seed}: GRANTED THE ATTACKER'S {sorted(one.stolen)}")
    for one in missed:
        print(f"  {one.name} seed {one.seed}: MISSED {sorted(one.missed)}")
    unlogged, rare = sum(len(one.unlogged) for one in told), sum(len(one.rare) for one in told)
    print(f"  accounts in which a right that only the attacker used was granted by itself: {len(stolen)}")
    print(f"  accounts in which a right used before the {'exposure' if dated else 'safe time'}, and logged, was not granted: {len(missed)}")
    print(f"  rights whose line no given file holds: {unlogged}; of jobs that run more rarely than the logs reach back: {rare}")
    print(
        f"  precision {right / max(granted, 1):.4f} ({right}/{granted}), recall {1 - lost / max(needed, 1):.4f} ({needed - lost}/{needed})"
    )
    print(f"  offered to a person, not granted: {sum(len(one.ticks) for one in told) / max(len(told), 1):.1f} for each account")
    return not stolen and not missed


def main() -> int:
    """Run all; 1 when a right was granted that only an attacker used, one was missed that a log shows, or the cost is too high."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=300, help="accounts")
    parser.add_argument("--first", type=int, default=0, help="first seed; default: a fresh one")
    parser.add_argument("--undated", action="store_true", help="the same accounts without an exposure time, too")
    parser.add_argument("--rows", type=int, default=5_000_000, help="request rows that the cost is measured with; 0: not measured")
    parser.add_argument("--processes", type=int, default=2, help="accounts looked at side by side")
    asked = parser.parse_args()
    first = asked.first or secrets.randbelow(10**6) + 1000
    coverage()
    print(f"seeds {first} to {first + asked.seeds - 1}", flush=True)
    good = True
    with ProcessPoolExecutor(asked.processes) as pool:
        for dated in (True, False) if asked.undated else (True,):
            told = list(pool.map(partial(look, dated=dated), cases(range(first, first + asked.seeds)), chunksize=4))
            good = report(told, dated=dated) and good
    good = (cost(asked.rows) if asked.rows else True) and good
    return int(not good)


if __name__ == "__main__":
    running.run(main)
