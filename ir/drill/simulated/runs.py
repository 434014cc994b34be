"""Whole drills in simulated time. The seed alone decides the faults, their time, and what people do about them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from ir.core.model import Json
from ir.drill.simulated.faults import ANYWHERE, FATES, KILLS, Fate
from ir.drill.simulated.human import Human
from ir.drill.simulated.invariants import Judge
from ir.drill.simulated.promises import NotKept
from ir.drill.simulated.trial import Trial
from ir.incident.context import Options

_POLICIES = ("exposed", "exposed", "exploited", "scheduled")
_MOST_TURNS = 12
_MOST_TICKS = 80
_COPIED = 0.05
"""How often, a turn, a colleague gives the leaked key to a service of another key."""


@dataclass(frozen=True)
class Ran:
    """One drill.

    Attributes:
        seed: gives the same drill again.
        policy, guided: of the incident; guided: a human clicks in the Dashboard.
        faults: what went wrong, in order, as `call: fate`.
        kills: how often the process was killed.
        status, exit_code: how the incident ended.
        lost: the promise that was not kept, "" = all were.
    """

    seed: int
    policy: str
    guided: bool
    faults: tuple[str, ...]
    kills: int
    status: str
    exit_code: int
    lost: str

    @property
    def issuer(self) -> str:
        """`managed` or `dashboard`."""
        return "dashboard" if self.guided else "managed"

    def to_json(self) -> Json:
        """What there is to know of one that lost something."""
        how = {"seed": self.seed, "policy": self.policy, "issuer": self.issuer, "faults": list(self.faults), "kills": self.kills}
        return {**how, "status": self.status, "exit_code": self.exit_code, "what": self.lost}


@dataclass
class Tally:
    """The results of many drills."""

    runs: int = 0
    kills: int = 0
    by_fate: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    lost: list[Ran] = field(default_factory=list)

    def add(self, ran: Ran) -> None:
        """Count one more."""
        self.runs += 1
        self.kills += ran.kills
        self.by_fate.update(fault.rpartition(": ")[2] for fault in ran.faults)
        self.ends[ran.status] += 1
        if ran.lost:
            self.lost.append(ran)

    @property
    def faults(self) -> int:
        """How many calls went wrong."""
        return self.by_fate.total()

    def to_json(self) -> Json:
        """One document."""
        return {
            "passed": not self.lost,
            "runs": self.runs,
            "faults": self.faults,
            "kills": self.kills,
            "by_fate": dict(sorted(self.by_fate.items())),
            "ends": dict(sorted(self.ends.items())),
            "lost": [ran.to_json() for ran in self.lost],
            "failing_seeds": [ran.seed for ran in self.lost],
        }


def many(seeds: Iterable[int], fates: frozenset[Fate], told: Callable[[Ran], None] = lambda _ran: None) -> Tally:
    """A drill per seed; `told` hears of each."""
    tally = Tally()
    for seed in seeds:
        ran = one(seed, fates)
        tally.add(ran)
        told(ran)
    return tally


def one(seed: int, fates: frozenset[Fate]) -> Ran:
    """The drill of a seed: some turns in which anything of `fates` may happen, then calm, until it has ended.

    Of every fourth seed one of the two stores is write-only.
    """
    dice = Random(seed)  # noqa: S311 - repeatable, nothing secret
    policy, guided = dice.choice(_POLICIES), dice.random() < 0.4
    trial = Trial(policy, guided=guided, options=Options(yes=dice.random() < 0.5), seed=seed, write_only=seed % 4 == 0)
    judge = Judge(trial)
    human, kills, lost = Human(trial, judge), 0, ""
    try:
        for turn in _turns(dice, fates):
            kills += turn(trial, human)
            judge.always()
        human.ends_it()
        judge.finally_()
    except NotKept as error:
        lost = str(error)
    finally:
        trial.crash()
    kills += sum(fate in KILLS for _, fate in trial.script.met)
    faults = tuple(f"{call}: {fate}" for call, fate in trial.script.met if fate not in KILLS)
    return Ran(seed, policy, guided, faults, kills, trial.record.status or trial.state, trial.code, lost)


Turn = Callable[[Trial, Human], int]
"""Does something, and returns how often it killed the process."""


def _turns(dice: Random, fates: frozenset[Fate]) -> Iterator[Turn]:
    wrong = {fate: [call for call in sorted(FATES) if fate in (*FATES[call], *ANYWHERE)] for fate in sorted(fates)}
    for _ in range(dice.randint(2, _MOST_TURNS)):
        ticks = dice.randint(1, _MOST_TICKS)
        if fates & set(KILLS) and dice.random() < 0.25:
            yield _killed(ticks)
        if dice.random() < _COPIED:
            yield _used_elsewhere(ticks)
        if wrong:
            fate = dice.choice(list(wrong))
            yield _goes_wrong(dice.choice(wrong[fate]), fate, ticks)


def _killed(ticks: int) -> Turn:
    def turn(trial: Trial, _human: Human) -> int:
        struck = trial.state == "running"
        trial.crash()
        trial.advance(ticks)
        return int(struck)

    return turn


def _used_elsewhere(ticks: int) -> Turn:
    def turn(trial: Trial, human: Human) -> int:
        human.uses_the_leaked_key_elsewhere()
        trial.advance(ticks)
        return 0

    return turn


def _goes_wrong(call: str, fate: Fate, ticks: int) -> Turn:
    def turn(trial: Trial, human: Human) -> int:
        trial.script.waiting[call].append(fate)
        if trial.state == "parked":
            human.does_what_is_asked()
            human.answers()
        trial.advance(ticks)
        return 0

    return turn
