"""`ir inventory graph | schema`: a picture of an inventory, and its form for editors."""

from typing import Annotated

import typer

from ir.cli.inventory_check import graph as as_text
from ir.cli.options import InventoryFile
from ir.cli.terminal import inventory_source
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.inventory import graph as inventory_graph


def graph(
    file: InventoryFile = "",
    form: Annotated[str, typer.Option("--format", help="text | mermaid | svg")] = "text",
) -> None:
    """Keys, the stores that hold them, and the services that read them."""
    if form == "text":
        as_text(file)
        return
    draw = {"mermaid": inventory_graph.mermaid, "svg": inventory_graph.svg}.get(form)
    if draw is None:
        raise UsageError(f"--format {form}: not known", next_step="one of text, mermaid, svg")
    typer.echo(draw(inventory_graph.graph_of(inventory_source.default(file, Screen()).source)), nl=False)


def schema() -> None:
    """The form of an inventory as JSON Schema, for editors that complete and check: `ir inventory schema > inventory.schema.json`.

    The first line of the inventory then is `# yaml-language-server: $schema=inventory.schema.json`.
    """
    from ir.inventory import schema as inventory_schema

    typer.echo(inventory_schema.text(), nl=False)
