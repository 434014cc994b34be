"""The fault matrix: every step × every fate of every call that it makes, and how the incident ends.

`python -m tests.hardening.matrix` writes `docs/fault-matrix.md`; a test holds the page to the code.
"""

import sys
from collections import defaultdict
from pathlib import Path

from ir.drill.simulated.faults import ANYWHERE, FATES, Fate
from ir.drill.simulated.human import Human
from ir.drill.simulated.invariants import Judge
from ir.drill.simulated.trial import Trial

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fault-matrix.md"
WORLDS = tuple((policy, guided) for policy in ("exposed", "exploited", "scheduled") for guided in (False, True))
Cells = dict[tuple[str, Fate], set[str]]
FORBIDDEN = ("lost", "outage", "stray")


def calls_of(policy: str, *, guided: bool) -> tuple[list[str], dict[str, set[str]]]:
    """Steps in order, and which calls each makes when nothing goes wrong."""
    trial, steps = Trial(policy, guided=guided), list[str]()
    found: dict[str, set[str]] = defaultdict(set)
    trial.on_step = lambda step: steps.append(step.partition(".")[0])
    judge = Judge(trial)
    watch = judge.before

    def seen(call: str, args: tuple[object, ...]) -> None:
        found[steps[-1]].add(call)
        watch(call, args)

    trial.script.before = seen
    Human(trial, judge).ends_it()
    return list(dict.fromkeys(step for step in steps if found[step])), found


def outcome(policy: str, step: str, call: str, fate: Fate, *, guided: bool) -> str:
    """How an incident ends in which the first such call of that step meets that fate."""
    trial = Trial(policy, guided=guided)
    judge, armed = Judge(trial), list[str]()
    human = Human(trial, judge)

    def arm(name: str) -> None:
        if name.partition(".")[0] == step and not armed:
            armed.append(name)
            trial.script.waiting[call].append(fate)

    trial.on_step = arm
    try:
        alone = _by_itself(trial, guided=guided)
        human.ends_it()
        judge.finally_()
    except AssertionError as error:
        return _forbidden(str(error))
    finally:
        trial.crash()
    return trial.record.status if alone or guided or trial.record.status != "done" else "done after another look"


def _by_itself(trial: Trial, *, guided: bool) -> bool:
    """Whether it ends without a person; a killed process is started again."""
    for _ in range(3):
        if trial.advance() != "crashed":
            break
    return trial.state == "ended"


def _forbidden(said: str) -> str:
    if "killed while" in said or "replacement is dead" in said:
        return f"outage ({said})"
    return f"stray ({said})" if "lives and is not named" in said or "alive" in said else f"lost ({said})"


def cells() -> tuple[list[str], Cells]:
    """Steps in order; per step and fate every way in which it ended, over all policies and both issuers."""
    order: dict[str, None] = {}
    found: Cells = defaultdict(set)
    for policy, guided in WORLDS:
        steps, calls = calls_of(policy, guided=guided)
        for step in steps:
            order[step] = None
            for call in sorted(calls[step]):
                for fate in (*FATES[call], *ANYWHERE):
                    found[step, fate].add(outcome(policy, step, call, fate, guided=guided))
    return list(order), found


def page() -> str:
    """The whole page as Markdown."""
    steps, found = cells()
    fates = [fate for fate in Fate if any((step, fate) in found for step in steps)]
    lines = [
        "# What happens when a call goes wrong",
        "",
        "Every call of every step meets every fate that makes sense for it, in the simulated world of `ir drill stripe --faults`: policies",
        "`exposed`, `exploited` and `scheduled`, managed and Dashboard keys. A cell names every way in which such incidents ended;",
        "people did what the tool asked for, nothing else. *done*: the leaked key is proven dead, one replacement lives, all stores",
        "and services are on it. *done after another look*: a person fixed what the tool named",
        "and resumed it. *rolled back*: all on the old key, the replacement is dead. *refused*: nothing has changed.",
        "",
        "Written by `python -m tests.hardening.matrix`; a test fails when it is out of date or a cell says *lost*, *outage* or *stray*.",
        "",
        "| step | " + " | ".join(fate.meaning for fate in fates) + " |",
        "|---" * (len(fates) + 1) + "|",
    ]
    lines += [f"| {step} | " + " | ".join(", ".join(sorted(found.get((step, fate), {"–"}))) for fate in fates) + " |" for step in steps]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = page()
    PAGE.write_text(text, encoding="utf-8")
    sys.exit(int(any(word in text.partition("|---")[2] for word in FORBIDDEN)))
