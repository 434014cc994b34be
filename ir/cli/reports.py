"""`ir report` and `ir verify`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ir import incident as incidents
from ir import wiring
from ir.cli.incidents import AsJson, Name, named
from ir.cli.screen import Screen
from ir.errors import ExitCode, UsageError


def report(
    name: Name = "",
    fmt: Annotated[str, typer.Option("--format", help="html | md | json")] = "md",
    output: Annotated[str, typer.Option(help="Write it there (0600); default: standard output.", metavar="FILE")] = "",
    anchor: Annotated[str, typer.Option(help="A head hash that was kept outside.", metavar="HEX")] = "",
) -> None:
    """The incident report."""
    from ir.report import FORMATS, render
    from ir.runner import read_entries

    if fmt not in FORMATS:
        raise UsageError(f"--format {fmt}: not known", next_step=f"one of {', '.join(FORMATS)}")
    kept = wiring.state()
    entries = read_entries(kept.ledger.engine, named(kept, name, ended=True))
    text = render(incidents.fold(entries), fmt, entries, anchor=anchor)
    if not output:
        sys.stdout.write(text)
        return
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Screen().say(f"written to {Path(output)}")


def verify(
    name: Name = "",
    anchor: Annotated[str, typer.Option(help="A head hash that was kept outside.", metavar="HEX")] = "",
    as_json: AsJson = False,
) -> None:
    """Check the audit chain of an incident."""
    from ir import evidence
    from ir.runner import read_entries

    kept, screen = wiring.state(), Screen(as_json=as_json)
    name = named(kept, name, ended=True)
    verdict = evidence.verify(read_entries(kept.ledger.engine, name), anchor=anchor)
    if as_json:
        screen.document({"incident": name, "holds": verdict.holds, "said": verdict.said, "head": verdict.head, "entries": verdict.entries})
    else:
        screen.say(f"{name}: {verdict.said}; head {verdict.head}")
    sys.exit(int(ExitCode.DONE if verdict.holds else ExitCode.UNEXPECTED))
