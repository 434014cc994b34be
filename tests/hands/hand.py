"""The person: reads what stands on the terminal, answers, clicks what is named, and goes on with the command that is named."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random

from ir.core.errors import ExitCode
from ir.core.model import Json
from tests.hands import mishaps, reading
from tests.hands.at_the_page import AtThePage
from tests.hands.clicker import Clicker
from tests.hands.invariants import Watch
from tests.hands.mishaps import Fate, Mishap
from tests.hands.scene import NAME, Scene
from tests.worlds.person import Person, person

MOST_COMMANDS = 16
LONGEST = 150.0
"""Seconds of a session."""
_LOOKS = 0.03
_READS = 0.3
"""Seconds after which a person has read what came."""
_ONE_QUESTION, _ONE_SCREEN = 300, 1200


class Stuck(AssertionError):
    """The session did not come to its end with the commands and clicks that were named."""


class Hand:
    """One session.

    Args:
        dice: everything follows from them, but for how fast the machine is.

    Attributes:
        log: what was done, in words, without keys.
    """

    def __init__(self, scene: Scene, clicker: Clicker, dice: Random, watch: Watch) -> None:
        self.scene, self._clicker, self._dice, self._watch = scene, clicker, dice, watch
        self._fate, self._stack = Fate(dice), ExitStack()
        self._page = AtThePage(scene, clicker, dice, self._fate, self._says)
        self.log = [f"mishaps in store: {', '.join(self._fate.left)}"]
        self._who = self._sits()
        self._commands, self._end = 0, time.monotonic() + LONGEST
        self._begun_at = self._read_to = self._answered_at = 0
        self._last_code = -1

    def run(self) -> None:
        """From the first command to the end.

        Raises:
            Stuck: see there.
        """
        with self._stack:
            self._starts(*self.scene.story.first)
            while self._turn():
                if time.monotonic() > self._end:
                    raise Stuck(f"not over after {LONGEST:g} s; the screen ends with: {self._tail(600)}")

    # ── turns ──

    def _turn(self) -> bool:
        """One look and what follows from it; False: it is over."""
        told = self._who.heard(_LOOKS)
        if told is not None:
            return self._ended(int(told["code"]))
        asked, tail = self._who.asked, self._who.shown(self._begun_at)[-_ONE_QUESTION:]
        if asked == "":
            self._working()
        elif len(self._who.screen) > self._answered_at and reading.PROMPT.search(tail):
            self._clicks()
            if asked == "line":
                self._answers(tail)
            elif tail.rstrip().endswith("(not shown):"):
                self._gives()
            else:
                self._types("\n")
        return True

    def _working(self) -> None:
        struck = self._fate.strikes(mishaps.WORKING) if self._dice.random() < 0.3 else None
        if struck is not None and self._happens(struck):
            return
        if reading.instruction(self._who.shown(self._read_to)) is not None:
            time.sleep(_READS)
            if self._who.asked == "":
                self._clicks()

    def _answers(self, question: str) -> None:
        named = reading.by_name(question)
        struck = self._fate.strikes(mishaps.AT_A_NAME if named else mishaps.AT_A_LINE)
        if struck in (Mishap.SAYS_NO, Mishap.WRONG_NAME):
            self._says(struck)
            self._types("n\n" if struck is Mishap.SAYS_NO else "paymints\n")
        elif struck is Mishap.PASTES_AT_QUESTION:
            self._says(struck)
            self._pastes_at_question()
        elif struck is not None and self._happens(struck):
            return
        elif named:
            self._watch.fresh_answers += 1
            self._types(f"{NAME}\n")
        elif choice := reading.CHOICE.findall(question):
            self._types(self._chosen(choice[-1].split(" | ")) + "\n")
        else:
            self._types("y\n")

    def _chosen(self, options: list[str]) -> str:
        """Of the words that a question offers, what is true."""
        if "expired" in options:
            for key in self.scene.lost:
                self._clicker.expire(key)
            return "expired"
        if "lost" in options:
            return "again" if self._page.copied is not None else "lost" if self.scene.lost else "not rotated"
        return options[-1]

    def _gives(self) -> None:
        """At the hidden prompt for a key."""
        struck = self._fate.strikes(mishaps.AT_A_KEY if self._page.copied is not None else mishaps.AT_A_QUESTION)
        if struck is Mishap.ENTERS_NOTHING or (struck is None and self._page.copied is None):
            self._types("\n")
        elif struck is not None and self._happens(struck):
            return
        else:
            self._types(self._page.pasted(struck))

    def _clicks(self) -> None:
        """What the text since the last look names."""
        text = self._who.shown(self._read_to)
        found = reading.instruction(text)
        if found is not None:
            self._read_to += len(text)
            self._says(f"is told to {found.told} {found.what}".rstrip())
            self._watch.told(found.told)
            self._page.follows(found)

    # ── mishaps at the terminal ──

    def _happens(self, struck: Mishap) -> bool:
        """False: it is none of the terminal's."""
        does: Callable[[], None] | None = {
            Mishap.TYPES_AHEAD: self._types_ahead,
            Mishap.PASTES_EARLY: lambda: self._pastes_early(""),
            Mishap.PASTES_EARLY_AND_ENTERS: lambda: self._pastes_early("\n"),
            Mishap.CTRL_C: lambda: self._who.presses("c"),
            Mishap.CTRL_Z: self._stops,
            Mishap.HANGS_UP: self._hangs_up,
            Mishap.RESIZES: self._resizes,
            Mishap.LOOKS_ELSEWHERE: lambda: self._elsewhere("status"),
            Mishap.RESUMES_ELSEWHERE: lambda: self._elsewhere("resume"),
        }.get(struck)
        if does is not None:
            self._says(struck)
            does()
        return does is not None

    def _types_ahead(self) -> None:
        self._who.types(f"y\n{NAME}\n")

    def _pastes_early(self, end: str) -> None:
        """Also where a question comes in this very moment."""
        self._who.types(self.scene.of_another_account() + end)

    def _pastes_at_question(self) -> None:
        """Whole or without its beginning, in one piece or in several, with Enter or without."""
        value, cut = self.scene.of_another_account(), self._dice.choice((0, 0, 12))
        at = self._dice.choice((len(value), 2, 5, 40))
        first, rest = value[cut:at], value[max(cut, at) :] + self._dice.choice(("", "\n"))
        if first:
            self._types(first)
            time.sleep(0.05)
        self._types(rest)

    def _stops(self) -> None:
        self._who.presses("z")
        told = self._who.heard(30.0)
        if told is None:
            raise Stuck(f"Ctrl-Z did not stop it: {self._tail(300)}")
        if told["state"] == "ended":
            self._ended(int(told["code"]))
            return
        self._watch.given_back(self._who, "after Ctrl-Z")
        time.sleep(self._dice.uniform(0.0, 1.0))
        self._answered_at = len(self._who.screen)
        self._who.brings_back()

    def _hangs_up(self) -> None:
        self._who.closes()
        self._watch.seen(bytes(self._who.screen))
        self._who, standing = self._sits(), self.scene.standing()
        self._watch.ended(ExitCode.INTERRUPTED, standing, "")
        self._next(ExitCode.INTERRUPTED, standing)

    def _resizes(self) -> None:
        self._who.resizes(self._dice.choice((8, 24, 60)), self._dice.choice((40, 80, 200)))

    def _elsewhere(self, word: str) -> None:
        """A second terminal, for a moment; what it asks is left to the first one."""
        with self._seated() as other:
            other.starts(word)
            told = other.heard(self._dice.uniform(1.0, 3.0))
            if told is None:
                other.presses("c")
                if other.heard(30.0) is None:
                    raise Stuck(f"`ir {word}` in a second terminal does not end: {other.shown()[-300:]}")
            self._watch.given_back(other, f"`ir {word}` elsewhere")

    # ── commands ──

    def _starts(self, *words: str) -> None:
        self._commands += 1
        if self._commands > MOST_COMMANDS:
            raise Stuck(f"more than {MOST_COMMANDS} commands")
        self._says(f"$ ir {shlex.join(words)}")
        self._begun_at = self._read_to = len(self._who.shown())
        self._answered_at = 0
        self._who.starts(*words)

    def _ended(self, code: int) -> bool:
        self._says(f"exit code {code}")
        self._watch.given_back(self._who, f"exit code {code}")
        standing = self.scene.standing()
        self._watch.ended(code, standing, self._tail(_ONE_SCREEN))
        return self._next(code, standing)

    def _next(self, code: int, rows: list[Json]) -> bool:
        """The command that `ir status` names; False: nothing is left to do."""
        open_ones = [row for row in rows if row["state"] not in ("done", "taken over")]
        if rows and not open_ones and code in (ExitCode.DONE, ExitCode.INTERRUPTED):  # Ctrl-C may come when all is done
            return False
        if not rows or code == ExitCode.USAGE:
            self._starts(*self.scene.story.first)
            return True
        row = open_ones[0] if open_ones else rows[0]
        for key in self.scene.to_expire(row):
            self._says("expires a key that is still to be expired")
            self._clicker.expire(key)
        words = reading.command(str(row["next"]))
        if not words:
            raise Stuck(f"the next command is {row['next']}")
        self._starts(*words)
        return True

    # ── the terminal ──

    def _sits(self) -> Person:
        return self._stack.enter_context(self._seated())

    @contextmanager
    def _seated(self) -> Iterator[Person]:
        world = self.scene.world
        with person(world.folder, world.environment, forked=True) as who:
            try:
                yield who
            finally:
                self._watch.seen(bytes(who.screen))

    def _types(self, text: str) -> None:
        self._answered_at = len(self._who.screen)
        self._who.types(text)

    def _tail(self, most: int) -> str:
        return self._who.shown()[-most:]

    def _says(self, what: str) -> None:
        self.log.append(what)
