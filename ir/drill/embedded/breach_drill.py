"""`ir drill breach`: three hosts are breached; one real command lists what was stored there, replaces it and reports."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.wording import counted
from ir.drill.embedded.breach_town import PLACES, Town, town
from ir.drill.embedded.command_line import CommandLine, Ran
from ir.drill.embedded.stores import write_private
from ir.storage import state_folder

_WORD = "the drill"
_MOST_RESUMES = 5


@dataclass
class Seen:
    """What a drill found.

    Attributes:
        seconds: wall time of the breach's own commands.
        order: keys as their rotations began. danger: as they were listed.
        problems: promises that were not kept.
        folder: where all of it lies, if it was to be kept.
    """

    keys: int
    seconds: float = 0.0
    killed: bool = False
    codes: list[int] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    danger: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    report: str = ""
    folder: str = ""

    def to_json(self) -> Json:
        """For `--json`."""
        return {**self.__dict__, "passed": not self.problems}


def begin(*more: str) -> list[str]:
    """The words of the one command."""
    places = [word for place in PLACES for word in ("--stored-in", place)]
    words = ["breach", *places, "--inventory", "inventory.yaml", "--policy", "exposed", "--playbook", "./playbook.yaml"]
    return [*words, "--source-closed-by", _WORD, "--login-trusted-by", _WORD, "--reason", "drill", "--yes", *more]


def conduct(count: int, say: Callable[[str], None], show: Callable[[bytes], None], *, terminal: int, kill_after: float, keep: bool) -> Seen:
    """Run a drill.

    Args:
        count: keys.
        say: one line of the drill's own.
        show: output of the command, as it comes.
        terminal: columns of the command's terminal; 0: none.
        kill_after: seconds after which the command gets SIGKILL, 0 = never; then it is resumed by one command.
        keep: leave the folder behind.
    """
    with town(count, keep=keep) as made:
        say(f"{counted(count, 'key')} of two accounts lie on {', '.join(PLACES)}; the hosts say that they were breached")
        line = CommandLine(made.env, made.place.root, show, terminal=terminal)
        seen = Seen(count, folder=str(made.place.root) if keep else "")
        began = time.monotonic()
        ran = [line.run(*begin(), kill_after=kill_after)]
        seen.killed = ran[0].code < 0
        while ran[-1].code < 0 and len(ran) <= _MOST_RESUMES:
            say("the process was killed; one command goes on")
            ran.append(line.run("breach", "resume"))
            if ran[-1].code == ExitCode.USAGE:  # it was killed before anything was begun
                ran.append(line.run(*begin()))
        seen.seconds = round(time.monotonic() - began, 1)
        seen.codes = [one.code for one in ran]
        _judge(made, ran, seen)
    return seen


def _judge(made: Town, ran: list[Ran], seen: Seen) -> None:
    """By the world itself, and by the report."""
    quiet = CommandLine(made.env, made.place.root, lambda _chunk: None, terminal=0)
    told = quiet.run("breach", "status", "--json")
    document = _document(told.output)
    ours = [row for row in document.get("items", []) if row["ours"]]
    seen.danger = [row["name"] for row in ours]
    seen.order = _order(quiet)
    written = quiet.run("breach", "report", "--format", "html", "--output", "breach.html")
    if written.code == ExitCode.DONE:  # the drill's folder goes away; its report stays, the newest one only
        seen.report = str(state_folder.folder() / "drill-breach.html")
        write_private(Path(seen.report), (made.place.root / "breach.html").read_text(encoding="utf-8"))
    notes = {
        "the command ended with": "" if ran[-1].code == ExitCode.DONE else str(ran[-1].code),
        "not listed": ", ".join(sorted({row.name for row in made.rows} - set(seen.danger))),
        "still alive": ", ".join(made.alive()),
        "not on a living key": ", ".join(made.behind()),
        "stray keys": str(made.strays() or ""),
        "told a host where no key must be": "; ".join(made.told()),
        "first on the list": "" if document.get("items") and document["items"][0]["danger"] == "login" else "not the login",
        "no report": "" if seen.report else str(written.code),
        "not counted as done": ", ".join(row["place"] for row in document.get("places", []) if row["keys"] != row["replaced"]),
        "a key in what was printed": str(sum(any(token.encode() in one.output for one in ran) for token in made.tokens) or ""),
    }
    seen.problems = [f"{what}: {said}" for what, said in notes.items() if said]


def _order(quiet: CommandLine) -> list[str]:
    """Keys as their rotations began."""
    rows = _document(quiet.run("campaign", "status", "--json").output).get("keys", [])
    return [row["key"] for row in sorted(rows, key=lambda row: (row["began_at"], row["position"]))]


def _document(output: bytes) -> Json:
    start = output.find(b"{")
    try:
        found: Json = json.loads(output[start : output.rfind(b"}") + 1]) if start >= 0 else {}
    except ValueError:
        return {}
    return found
