"""`ir help [COMMAND]`: what `COMMAND --help` says."""

from typing import Annotated

import typer


def help_page(words: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Such as: rotate stripe.")] = None) -> None:
    """The help page of a command; without one, the list of all."""
    from ir.cli import run

    raise typer.Exit(run([*(words or ()), "--help"]))
