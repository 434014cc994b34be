"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from ir.cli.terminal.inventory_source import INVENTORY

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", help="Answer the operator's own questions with yes.")]
InventoryFile = Annotated[str, typer.Argument(help=INVENTORY)]
"""An inventory, where it is what the command is about; elsewhere it is an option."""
