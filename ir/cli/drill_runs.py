"""`ir drill stripe --faults … --runs N`: many drills in simulated time, and a count of what was lost."""

from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.drill.simulated.faults import Fate, named
from ir.drill.simulated.runs import Ran, Tally, many

_SHOWN = 10
"""Lost drills that are told one by one."""
_EVERY = 20


def show(faults: str, first: int, runs: int, screen: Screen) -> ExitCode:
    """Run them and report the results. Without faults, every call succeeds.

    Raises:
        UsageError: a fault is not known.
    """
    if not runs:
        screen.table("What may go wrong", ("fault", "meaning"), [(fate, fate.meaning) for fate in Fate])
        return ExitCode.DONE
    done = 0

    def told(_ran: Ran) -> None:
        nonlocal done
        done += 1
        if done % _EVERY == 0:
            screen.progress(f"{done} of {runs} drills")

    tally = many(range(first, first + runs), named(faults), told)
    screen.hush()
    if screen.as_json:
        screen.document({"seed": first, **tally.to_json()})
    else:
        _say(screen, tally, faults)
    return ExitCode.UNEXPECTED if tally.lost else ExitCode.DONE


def _say(screen: Screen, tally: Tally, faults: str) -> None:
    if tally.by_fate:
        rows = [(fate, Fate(fate).meaning, str(count)) for fate, count in sorted(tally.by_fate.items())]
        screen.table("What went wrong", ("fault", "meaning", "times"), rows)
    screen.say("they ended: " + ", ".join(f"{count} {status}" for status, count in sorted(tally.ends.items())))
    for ran in tally.lost[:_SHOWN]:
        screen.say(f"LOST, seed {ran.seed} ({ran.policy}, {ran.issuer}): {ran.lost}")
        screen.say(f"  met: {', '.join(ran.faults) or 'nothing'}; killed {ran.kills} times")
        screen.say(f"  again: ir drill stripe --faults {faults} --runs 1 --seed {ran.seed}")
    screen.say(f"runs {tally.runs}, faults {tally.faults}, kills {tally.kills}, lost {len(tally.lost)}")
