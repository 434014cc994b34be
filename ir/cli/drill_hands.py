"""`ir drill stripe --hands` and `ir drill join`: a prompt at which a person runs `ir` in an embedded world."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from ir.cli.drill_form import TextForm
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, IrError, Refused
from ir.core.secret import key_shaped
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.stripe_account import EXPOSED_BEFORE
from ir.drill.hands.page_client import PageClient
from ir.drill.hands.rehearsal import Place, Rehearsal, meet, rehearsal

_PROMPT = "rehearsal> "
_OWN_WORLD = ("--inventory", "--api-base")
_HELP = "ir …: a command   form: the Dashboard as text   page: its address   end"


def conduct(options: DrillOptions, screen: Screen) -> ExitCode:
    """A whole rehearsal, until the person ends it; the exit code says whether anything is left to do."""
    screen.progress("rehearsal: starting servers and services")
    with _tidy(), rehearsal(replace(options, waits=None)) as made:
        screen.hush()
        _alert(made, screen)
        prompt = Prompt(made.place, screen, first=_first_command(), noted=made.commands.append, pasted=made.clicks.pasted)
        prompt.run()
        screen.progress("rehearsal: every service pays once more")
        score = made.end()
        screen.hush()
    if screen.as_json:
        screen.document(score.to_json())
    else:
        for line in score.lines:
            screen.say(line)
    return ExitCode.DEBT if score.left else ExitCode.DONE


def join() -> None:
    """Take part in the rehearsal that runs in another terminal: run `ir` in its world, or click as text."""
    screen = Screen()
    screen.say("REHEARSAL. Nothing here is real. `end` leaves this terminal, and the rehearsal goes on.")
    screen.say(_HELP)
    Prompt(meet(), screen).run()


class Prompt:
    """A line, a command; like a shell that knows `ir` alone.

    Args:
        place: where, and with which environment.
        first: what Enter runs as long as nothing was run.
        noted: told each command and its exit code.
        pasted: told that a key was pasted here.
    """

    def __init__(
        self,
        place: Place,
        screen: Screen,
        *,
        first: str = "",
        noted: Callable[[tuple[str, int]], None] = lambda _: None,
        pasted: Callable[[], None] = lambda: None,
    ) -> None:
        self._place, self._screen, self._next = place, screen, first
        self._noted, self._pasted = noted, pasted
        self._client = PageClient(place.origin, place.cookie)

    def run(self) -> None:
        """Until `end`, or no more input. Ctrl-C never ends the rehearsal, at whatever moment it comes."""
        while True:
            try:
                if not self._one():
                    return
            except KeyboardInterrupt:
                with suppress(KeyboardInterrupt):  # one more, pressed while this is printed, means the same
                    sys.stderr.write("\n")

    def _one(self) -> bool:
        """One line; False: it was the last."""
        line = self._line(_PROMPT)
        if line is None:
            return False
        try:
            return self._obey(line.strip() or self._next)
        except IrError as error:
            self._screen.warn(error.told + (f"; {error.next_step}" if error.next_step else ""))
        return True

    def _obey(self, line: str) -> bool:
        """False: this was the last line."""
        if key_shaped(line):
            self._pasted()
            raise Refused("that was a key: a shell would have run it, and kept it in its history", next_step="give it where ir asks for it")
        words = shlex.split(line) if _balanced(line) else line.split()
        if words[:1] == ["end"]:
            return False
        if words[:1] == ["form"]:
            TextForm(self._client, self._asked).run()
        elif words[:1] == ["page"]:
            self._screen.say(self._client.invitation())
        elif words[:1] == ["ir"]:
            self._runs(words[1:])
        elif words:
            self._screen.say(_HELP)
        return True

    def _runs(self, words: list[str]) -> None:
        """`ir` as it is, at this terminal. Ctrl-C is meant for it, not for the rehearsal."""
        if any(word.partition("=")[0] in _OWN_WORLD for word in words) or words[:1] == ["drill"]:
            raise Refused("a rehearsal has its own inventory, and no other world", next_step="leave that option out")
        with _left_alone():
            output = sys.stderr if self._screen.as_json else None
            argv = [sys.executable, "-m", "ir.cli", *words]
            code = subprocess.run(argv, cwd=self._place.folder, env=dict(self._place.env), stdout=output, check=False).returncode
        self._next = ""
        self._noted((shlex.join(["ir", *words]), code))
        meaning = f" ({ExitCode(code).meaning})" if code in list(ExitCode) else ""
        self._screen.note(f"rehearsal: exit code {code}{meaning}")

    def _asked(self, question: str) -> str:
        return self._line(question) or ""

    def _line(self, question: str) -> str | None:
        """None: there will be none. Ctrl-C throws the line away and the question is asked again: a dialog with a new key stays."""
        while True:
            try:
                sys.stderr.write(question)
                sys.stderr.flush()
                line = sys.stdin.readline()
            except KeyboardInterrupt:
                sys.stderr.write("\n")
                continue
            return line.rstrip("\n") if line else None


def _alert(made: Rehearsal, screen: Screen) -> None:
    world, leaked = made.world, made.world.account.leaked
    minutes = round(EXPOSED_BEFORE / 60)
    what = f"ALERT: the key `{leaked.name}`, …{leaked.token.reveal()[-4:]}, was found in a public repository {minutes} minutes ago."
    for line in (
        "REHEARSAL. Nothing here is real: Stripe is a stand-in, the keys were made just now, and no other key is taken.",
        "",
        f"{what} {len(world.readers)} services take payments with it. Time runs from now on.",
        "",
        "The Dashboard's page of API keys, for a browser on this machine; the address works once:",
        f"  {made.page.door.invite()}",
        "Without a browser: `form` here, or `ir drill join` in a second terminal.",
        "",
        f"Type commands as you would at 3 a.m. Enter runs: {_first_command()}",
        _HELP,
    ):
        screen.say(line)


def _first_command() -> str:
    return f"ir rotate stripe --leaked-via repo --exposed-at {round(EXPOSED_BEFORE / 60)}m"


def _balanced(line: str) -> bool:
    try:
        shlex.split(line)
    except ValueError:
        return False
    return True


@contextmanager
def _left_alone() -> Iterator[None]:
    """Ctrl-C and its like are the command's: it is in the same group. A handler, since it would inherit that they are ignored."""
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _tidy() -> Iterator[None]:
    """A closed terminal and a polite kill end the rehearsal, and leave nothing behind."""

    def end(number: int, _frame: object) -> None:
        for one in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
