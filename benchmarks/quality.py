"""Recall on injected attacks and false alarms on quiet accounts.

    python benchmarks/quality.py [--seeds 3] [--quiet 30] [--first 1000]

Prints the seeds, one line per attack, and the rate of false high or critical findings per 30 quiet account-days.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import accounts
from benchmarks.attacks import ATTACKS
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.stripe_api import StripeApi

_STRONG = ("high", "critical")
_NO_STRIPE = "http://127.0.0.1:9"


def look(world: accounts.World, *, requests: bool) -> Reviewed:
    """The review of one generated account, from files alone."""
    with tempfile.TemporaryDirectory(prefix="ir-quality-") as folder:
        files: dict[str, Any] = accounts.write(world, Path(folder) / "logs", requests=requests)
        request = ReviewRequest(
            "acct_1", _NO_STRIPE, world.until - 20 * accounts.DAY, world.until, world.exposed, 0, None, "", "", folder, **files
        )
        return StripeReviewer(StripeApi(_NO_STRIPE)).review(request, lambda _: None)


def false_alarms(seeds: range, judged: float = 2.0) -> tuple[float, Counter[str], Counter[str]]:
    """False high or critical findings per 30 quiet account-days, which rules made them, and the verdicts on writes."""
    rules: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for seed in seeds:
        reviewed = look(accounts.quiet(seed, judged=judged), requests=seed % 2 == 0)
        for finding in reviewed.findings:
            if finding.severity in _STRONG:
                rules[finding.rule] += 1
                print(f"  seed {seed}: {finding.severity} {finding.rule} {finding.why}")
        verdicts[reviewed.verdicts["writes"]] += 1
    return sum(rules.values()) / (len(seeds) * judged) * 30, rules, verdicts


def found(name: str, seed: int) -> bool:
    """Whether a finding names the attack's own ids and the verdict is at least suspected."""
    world = accounts.quiet(seed)
    ATTACKS[name](world)
    reviewed = look(world, requests=name not in ("off_session_slow", "refunds_like_us"))
    named = [f for f in reviewed.findings if f.severity in _STRONG and world.evil & set(f.evidence)]
    if not (named and reviewed.verdict in ("suspected", "confirmed")):
        print(f"  {name} seed {seed}: MISSED; {[(f.rule, f.severity) for f in reviewed.findings]}")
        return False
    return True


def main() -> None:
    """Run both and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quiet", type=int, default=30)
    parser.add_argument("--first", type=int, default=1000)
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    print(f"attacks, seeds {list(seeds)}")
    hits = {name: sum(found(name, seed) for seed in seeds) for name in ATTACKS}
    for name, count in hits.items():
        print(f"  {name:<20} {count}/{len(seeds)}")
    print(f"recall {sum(hits.values())}/{len(hits) * len(seeds)}")
    quiet = range(asked.first + 5000, asked.first + 5000 + asked.quiet)
    print(f"quiet accounts, seeds {quiet.start} to {quiet.stop - 1}, 2 days each")
    rate, rules, verdicts = false_alarms(quiet)
    print(f"false high or critical findings per 30 account-days: {rate:.2f} {dict(rules)}; writes: {dict(verdicts)}")


if __name__ == "__main__":
    main()
