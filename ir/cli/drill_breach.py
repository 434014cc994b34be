"""`ir drill breach`: three hosts are breached in an embedded world; the real command line lists, replaces and reports."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.drill_output import DrillOutput
from ir.cli.options import AsJson
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.drill.embedded.breach_drill import conduct

_MOST = 200


def breach(
    keys: Annotated[int, typer.Option(min=1, max=_MOST, help="How many keys are stored on the three hosts.")] = 40,
    kill_after: Annotated[float, typer.Option(min=0.0, help="Kill the run after so many seconds, and go on by one command.")] = 0.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the drill's folder behind.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rehearse the breach of Vercel, GitHub Actions and a Kubernetes cluster at once; nothing leaves this machine."""
    screen = Screen(as_json=as_json)
    output = DrillOutput(as_json=as_json)
    seen = conduct(keys, screen.say, output.show, terminal=output.columns, kill_after=kill_after, keep=keep)
    if as_json:
        screen.document(seen.to_json())
    for problem in seen.problems:
        screen.say(f"NOT KEPT: {problem}")
    said = f"{seen.keys} keys on 3 hosts in {seen.seconds:g} s" + (", killed and resumed" if seen.killed else "")
    screen.say(f"{said}: {'passed' if not seen.problems else 'failed'}")
    if seen.report:
        screen.say(f"report: {seen.report.replace(str(Path.home()), '~', 1)}")
    if seen.folder:
        screen.say(f"folder: {seen.folder}")
    sys.exit(int(ExitCode.DONE if not seen.problems else ExitCode.UNEXPECTED))
