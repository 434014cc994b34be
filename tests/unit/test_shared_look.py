"""A look that keys of a campaign share: never older than the question, and few of them however many keys ask."""

import threading

from ir.runtime.look_around import Seen
from ir.runtime.shared_look import SharedLook


class Rounds:
    """Looks that take a while, by a clock of their own; keys ask for one about every second."""

    def __init__(self, each: float = 0.1) -> None:
        self.now, self.each, self.began, self.idle = 0.0, each, list[float](), False
        self.look = SharedLook(self._take, lambda: self.now)

    def _take(self) -> Seen:
        self.began.append(self.now)
        self.now += self.each
        return Seen()

    def wait(self, seconds: float, least: float) -> bool:
        self.now += max(0.0, least) if self.idle else seconds
        return not self.idle

    def ask(self, after: float = 1.0) -> float:
        """When the look began that answers a question, as seconds after it; and how long the answer took."""
        self.now += after
        asked = self.now
        self.look.fresh(self.wait)
        assert self.began[-1] >= asked, "what was placed before the question is seen"
        return self.now - asked


def test_an_answer_is_never_older_than_its_question() -> None:
    rounds = Rounds()
    assert all(rounds.ask(after) < 75 for after in (0.0, 0.1, 3.0, 100.0, 0.0))


def test_looks_are_a_small_part_of_the_time_and_far_apart() -> None:
    rounds = Rounds(each=2.0)
    while rounds.now < 3000:
        rounds.ask()
    assert len(rounds.began) < 65
    assert max(later - one for one, later in zip(rounds.began, rounds.began[1:], strict=False)) < 75


def test_those_who_ask_together_get_one_look() -> None:
    held, looks = threading.Event(), list[Seen]()

    def take() -> Seen:
        held.wait(10)
        looks.append(Seen())
        return looks[-1]

    look, got = SharedLook(take), list[Seen]()
    waits = list[float]()

    def called_away(seconds: float, _least: float) -> bool:
        waits.append(seconds)
        return False

    threads = [threading.Thread(target=lambda: got.append(look.fresh(called_away))) for _ in range(8)]
    threads[0].start()
    while not look._looking:  # noqa: SLF001 - the first one has begun
        pass
    for thread in threads[1:]:
        thread.start()
    held.set()
    for thread in threads:
        thread.join(10)
    assert len(got) == 8
    assert len(looks) <= 3, "one for the first, and one for all who asked while it ran"
    assert look.last() is looks[-1]


def test_one_that_is_called_away_looks_at_once() -> None:
    rounds = Rounds(each=5.0)
    rounds.ask()
    before = rounds.now
    rounds.look.fresh(lambda _seconds, _least: False)
    assert rounds.now - before == 5.0


def test_when_every_incident_waits_a_look_is_taken_early_and_looks_stay_few() -> None:
    busy, idle = Rounds(), Rounds()
    idle.idle = True
    waits = {rounds: [rounds.ask() for _ in range(60)] for rounds in (busy, idle)}
    assert sum(waits[idle]) < sum(waits[busy]) / 2
    while idle.now < 36_000:
        idle.ask()
    assert len(idle.began) < 700, "at most about one a minute in a long campaign"
