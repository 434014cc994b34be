"""Recall on injected attacks and false alarms on quiet accounts, of two generators that share no code.

    python -m benchmarks.quality [--seeds 2] [--quiet 30] [--first N] [--every 1]

Prints the seeds (by default fresh ones), one line per attack, and false high or critical findings per 30 quiet account-days; then the
same attacks without an exposure time, attackers who do as we do, holes in every source, and a quiet quarter (`honesty`, `quarter`).
"""

import argparse
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import accounts, honesty, running, shops
from benchmarks.attacks import ATTACKS
from benchmarks.thefts import NEEDS, THEFTS
from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer

_STRONG = ("high", "critical")
_NO_STRIPE = "http://127.0.0.1:9"
_JUDGED = 2.0
"""Days from the exposure to the end."""
_NO_LOG_NEEDED = ("off_session_slow", "refunds_like_us")
_MEDIUM_ENOUGH = {("no-logs", name) for name in ("payment_page", "report", "everyone_charged", "refund_spree", "slow_refunds", "crowd")}
"""Without our own logs these are acts that a person or a service of ours may as well have done: medium, and *cannot tell*."""


@dataclass(frozen=True)
class Case:
    """One account: how it is made, what is done to it, and whether the request log is given."""

    name: str
    seed: int
    make: Callable[[], Any]
    write: Callable[..., dict[str, Any]]
    requests: bool
    medium: bool = False


def attacks(seeds: range) -> Iterator[Case]:
    """Every attack on an account of the first generator, and on each kind of shop of the second."""
    for name, attack in ATTACKS.items():
        for seed in seeds:
            yield Case(name, seed, partial(_done, attack, partial(accounts.quiet, seed)), accounts.write, name not in _NO_LOG_NEEDED)
    for name, theft in THEFTS.items():
        for kind in shops.KINDS:
            for seed in seeds:
                make = partial(_done, theft, partial(shops.quiet, kind, seed))
                yield Case(f"{name} in {kind.name}", seed, make, shops.write, name in NEEDS, (kind.name, name) in _MEDIUM_ENOUGH)


def calm(seeds: range) -> Iterator[Case]:
    """Quiet accounts: as many of each generator."""
    for seed in seeds:
        yield Case("account", seed, partial(accounts.quiet, seed), accounts.write, seed % 2 == 0)
        kind = shops.KINDS[seed % len(shops.KINDS)]
        yield Case(kind.name, seed, partial(shops.quiet, kind, seed), shops.write, seed % 4 < 2)


def _done(attack: Callable[[Any], None], make: Callable[[], Any]) -> Any:
    world = make()
    attack(world)
    return world


def look(case: Case, *, dated: bool = True) -> tuple[Any, Reviewed]:
    """The account and its review, from files alone, with its exposure time or without."""
    world = case.make()
    with tempfile.TemporaryDirectory(prefix="ir-quality-") as folder:
        files = case.write(world, Path(folder) / "logs", requests=case.requests)
        request = ReviewRequest(
            "acct_1",
            _NO_STRIPE,
            world.until - 20 * accounts.DAY,
            world.until,
            world.exposed if dated else 0,
            0,
            None,
            "",
            "",
            folder,
            **files,
        )
        return world, StripeReviewer(StripeApi(_NO_STRIPE)).review(request, lambda _: None)


def found(case: Case) -> bool:
    """Whether a finding names the attack's own ids and the verdict is at least suspected."""
    world, reviewed = look(case)
    levels = (*_STRONG, "medium") if case.medium else _STRONG
    named = [f for f in reviewed.findings if f.severity in levels and world.evil & set(f.evidence)]
    if named and (reviewed.verdict in ("suspected", "confirmed") or case.medium):
        return True
    print(f"  {case.name} seed {case.seed}: MISSED; {reviewed.verdicts} {[(f.rule, f.severity) for f in reviewed.findings]}")
    return False


def false_alarms(cases: list[Case]) -> tuple[float, Counter[str], Counter[str]]:
    """False high or critical findings per 30 account-days, which rules made them, and the verdicts on writes."""
    rules: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for case in cases:
        _, reviewed = look(case)
        for finding in reviewed.findings:
            if finding.severity in _STRONG:
                rules[finding.rule] += 1
                print(f"  {case.name} seed {case.seed}: {finding.severity} {finding.rule} {finding.why}")
        verdicts[reviewed.verdicts["writes"]] += 1
    return sum(rules.values()) / (len(cases) * _JUDGED) * 30, rules, verdicts


def undated(cases: list[Case]) -> tuple[int, Counter[str]]:
    """The same attacks where nobody knows when the key got out: how many are named, and how the others end; none may be cleared."""
    ended: Counter[str] = Counter()
    for case in cases:
        world, reviewed = look(case, dated=False)
        named = any(world.evil & set(f.evidence) for f in reviewed.findings if f.severity in _STRONG)
        proposed = any(world.evil & set(row["evidence"]) for row in reviewed.proposed)
        ended["named" if named else "cleared" if reviewed.verdict == honesty.NONE else "proposed" if proposed else "cannot tell"] += 1
    return ended["named"] + ended["proposed"], ended


def honest(seed: int, every: int) -> bool:
    """An adaptive attacker, holes in every source and a quiet quarter; prints, and returns whether nothing went wrong."""
    good = True
    for title, told in (("adaptive attackers", list(honesty.adaptive(seed))), ("holes in a source", list(honesty.holes(seed)))):
        ended, shown, named = honesty.summed(told)
        print(f"{title}, seed {seed}: named where a source shows them {named}/{shown}; {dict(ended)}")
        for one in told:
            if one.outcome == "cleared" or (one.shows and one.outcome != "named"):
                print(f"  {one.name}: {one.outcome}")
                good = False
    highs: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for mix, one in honesty.calm(seed, every):
        counted[mix] += 1
        highs[mix] += len(one.high)
        good = good and not one.confirmed
        if one.high or one.confirmed:
            print(f"  quiet, {mix}, {one.name}: {one.high}{' CONFIRMED' if one.confirmed else ''}")
    for mix, count in counted.items():
        rate = highs[mix] / (count * _JUDGED) * 30
        print(f"quiet quarter, seed {seed}, {mix}: {count} reviews of two days, {rate:.2f} false high or critical per 30 account-days")
        good = good and rate <= 1
    return good


def main() -> None:
    """Run both and print; ends with 1 when an attack was missed or the rate is above one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="accounts per attack")
    parser.add_argument("--quiet", type=int, default=30, help="quiet accounts of each generator")
    parser.add_argument("--every", type=int, default=1, help="of the quiet quarter's two-day reviews, one in so many")
    parser.add_argument("--first", type=int, default=0, help="first seed; default: a fresh one")
    asked = parser.parse_args()
    first = asked.first or secrets.randbelow(10**6) + 1000
    seeds = range(first, first + asked.seeds)
    print(f"attacks, seeds {list(seeds)}")
    told: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for case in attacks(seeds):
        tried[case.name] += 1
        told[case.name] += found(case)
    for name, count in tried.items():
        print(f"  {name:<42} {told[name]}/{count}")
    print(f"recall {sum(told.values())}/{sum(tried.values())}")
    quiet = range(first + 5000, first + 5000 + asked.quiet)
    print(f"quiet accounts, seeds {quiet.start} to {quiet.stop - 1}, of both generators, {_JUDGED:g} days each")
    rate, rules, verdicts = false_alarms(list(calm(quiet)))
    print(f"false high or critical findings per 30 account-days: {rate:.2f} {dict(rules)}; writes: {dict(verdicts)}")
    open_ended = [case for case in attacks(seeds) if case.seed == first]
    reached, ended = undated(open_ended)
    print(f"exposure time unknown: {reached}/{len(open_ended)} named or proposed; {dict(ended)}")
    outcomes = [honest(seed, asked.every) for seed in seeds]  # all of them are printed
    good = all(outcomes) and not ended["cleared"]
    sys.exit(int(sum(told.values()) < sum(tried.values()) or rate > 1 or not good))


if __name__ == "__main__":
    running.run(main)
