"""What the list of a breach costs: `ir breach` beside the same keys as one campaign (`ir rotate stripe --all`), in turns.

    python -m benchmarks.breach [--keys 40] [--pairs 3]

Keys lie on three hosts (stand-ins of Vercel, GitHub Actions and Kubernetes, in this process), beside names that are not ours. Each run is
the real command line in a world of its own, from its first instruction to its end, the report of how it stands included. The median of
the ratios of wall time is at most 1.15. Exit code 0: it holds, and nothing was lost in any run; 1: something does not.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import running
from ir.drill.embedded.breach_drill import begin
from ir.drill.embedded.breach_town import Town, town
from ir.drill.embedded.command_line import CommandLine

MOST = 1.15
_CAMPAIGN = ["rotate", "stripe", "--all", "--inventory", "inventory.yaml", "--policy", "exposed", "--playbook", "./playbook.yaml", "--yes"]


def spent(words: list[str], keys: int) -> tuple[float, list[str]]:
    """Seconds of one run, and what was lost."""
    with town(keys) as made:
        ran = CommandLine(made.env, made.place.root, lambda _chunk: None, terminal=0).run(*words)
        return ran.took, [*([] if ran.code == 0 else [f"exit {ran.code}"]), *_lost(made)]


def _lost(made: Town) -> list[str]:
    notes = {"alive": made.alive(), "behind": made.behind(), "told": made.told(), "stray": [str(made.strays())] if made.strays() else []}
    return [f"{what}: {', '.join(rows)}" for what, rows in notes.items() if rows]


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=3)
    asked = parser.parse_args()
    ratios, lost = list[float](), list[str]()
    for number in range(asked.pairs):
        order = [("breach", begin()), ("campaign", _CAMPAIGN)]
        took = {}
        for name, words in order if number % 2 else reversed(order):
            took[name], wrong = spent(words, asked.keys)
            lost += [f"{name}: {line}" for line in wrong]
        ratios.append(took["breach"] / took["campaign"])
        print(
            f"pair {number + 1}: {took['breach']:.1f} s by ir breach, {took['campaign']:.1f} s as one campaign: {ratios[-1]:.2f}",
            flush=True,
        )
    middle = statistics.median(ratios)
    said = f"{asked.keys} keys on 3 hosts: {middle:.2f} × the wall time of one campaign (at most {MOST})"
    print(f"{'PASS' if middle <= MOST else 'FAIL'}  {said}")
    print(f"{'FAIL' if lost else 'PASS'}  every key replaced once, nothing lost" + "".join(f"\n      {line}" for line in lost))
    return int(middle > MOST or bool(lost))


if __name__ == "__main__":
    running.run(main)
