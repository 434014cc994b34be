"""`ir inventory init | graph | schema`: a first inventory from what the stores hold, a picture of it, and its form for editors."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ir import inventory
from ir.cli.inventory_check import File
from ir.cli.inventory_check import graph as as_text
from ir.cli.terminal import inventory_source
from ir.cli.terminal.screen import Screen, plain
from ir.core.errors import Refused, UsageError
from ir.core.key_search import FoundKey, SearchResult
from ir.core.reference import Reference
from ir.core.wording import counted
from ir.inventory import graph as inventory_graph
from ir.inventory import skeleton
from ir.runtime import adapter_registry

_MODES = ("live", "test")


def init(
    aws: Annotated[list[str] | None, typer.Option("--aws", help="All secrets of this region.", metavar="REGION")] = None,
    vault: Annotated[
        list[str] | None, typer.Option("--vault", help="All secrets under this mount or path.", metavar="MOUNT[/PATH]")
    ] = None,
    env_files: Annotated[list[str] | None, typer.Option("--env-files", help="All env files under this folder.", metavar="FOLDER")] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Account of the keys of a mode.", metavar="live=acct_…|test=acct_…")
    ] = None,
    output: Annotated[str, typer.Option(help="Write it there, mode 0600, instead of printing it.", metavar="FILE")] = "",
) -> None:
    """A first inventory from what stores hold: values shaped like keys, matched by fingerprint. Reads only; asks Stripe nothing."""
    screen = Screen()
    if output and Path(output).exists():
        raise Refused(f"{output} exists", safe="nothing was changed", next_step="choose another name, or move it away")
    places = [("aws-sm", place) for place in aws or ()] + [("vault", place) for place in vault or ()]
    places += [("dotenv", place) for place in env_files or ()]
    if not places:
        raise UsageError(
            "where should it look?", next_step="--aws REGION, --vault MOUNT[/PATH], --env-files FOLDER; each may be given again"
        )
    looked = [_look(screen, scheme, place) for scheme, place in places]
    found_keys = _relative([find for one in looked for find in one.found_keys], Path(output).absolute().parent if output else Path.cwd())
    if not any(find.rotatable for find in found_keys):
        raise Refused(
            "nothing shaped like a Stripe key was found", safe="nothing was changed", next_step="look elsewhere, or with other rights"
        )
    text = skeleton.write(found_keys, [line for one in looked for line in one.unread], _accounts(account or ()))
    source = inventory.loads(text, output or "(the new inventory)")
    if output:
        _write(Path(output), text)
        screen.say(f"{output}: {counted(len(source.keys), 'key')} in {counted(sum(len(key.stored_in) for key in source.keys), 'place')}")
        screen.say(f"next: list the services that read them, then: ir inventory check {output}")
    else:
        typer.echo(text, nl=False)


def graph(
    file: File = "",
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
    """The form of an inventory as JSON Schema, for editors. With `ir inventory schema > inventory.schema.json` one completes and checks.

    Its first line then says `# yaml-language-server: $schema=inventory.schema.json`.
    """
    from ir.inventory import schema as inventory_schema

    typer.echo(inventory_schema.text(), nl=False)


# ── init ──


def _look(screen: Screen, scheme: str, place: str) -> SearchResult:
    looked = adapter_registry.look_through(scheme, place)
    screen.err.print(plain(f"{place}: {counted(len(looked.found_keys), 'key')} in {counted(looked.places, 'place')}"))
    for line in looked.unread:
        screen.warn(f"not read: {line}")
    return looked


def _relative(found_keys: Iterable[FoundKey], base: Path) -> list[FoundKey]:
    """Env files below the inventory's folder are named from there, so that both can move together."""
    found = []
    for find in found_keys:
        path = Path(find.ref.path)
        if find.ref.scheme == "dotenv" and path.is_relative_to(base):
            find = replace(find, ref=Reference("dotenv", "", f"./{path.relative_to(base)}", find.ref.field))
        found.append(find)
    return list({find.ref: find for find in found}.values())


def _accounts(rows: Iterable[str]) -> dict[str, str]:
    found = {}
    for row in rows:
        mode, _, ident = row.partition("=")
        if mode not in _MODES or not ident.startswith("acct_"):
            raise UsageError(f"--account {row}: write live=acct_… or test=acct_…")
        found[mode] = ident
    return found


def _write(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
