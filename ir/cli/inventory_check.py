"""`ir inventory check|graph` and `ir playbook list|show|check`."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.tree import Tree

from ir import inventory
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES
from ir.cli.terminal.screen import Screen, plain
from ir.core.resources import shipped_folder
from ir.core.wording import counted
from ir.incident import playbook
from ir.inventory import Inventory
from ir.inventory.skeleton import UNKNOWN_ACCOUNT

File = Annotated[str, typer.Argument(help="Inventory file; default: IR_INVENTORY, else inventory.yaml of this folder.")]
LIVE = "Compare it with what stores, services and Stripe show, as `drift` does; exit 5 if they differ."
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def check_inventory(
    file: File = "",
    live: Annotated[bool, typer.Option("--live", help=LIVE)] = False,
    yes: Annotated[bool, typer.Option("--yes", help=f"With --live: {YES}")] = False,
    inventory_sha256: Annotated[str, typer.Option(help=f"With --live: {PIN}", metavar="HEX")] = "",
    as_json: AsJson = False,
) -> None:
    """Check an inventory file; nothing is contacted, except with --live."""
    screen = Screen(as_json=as_json)
    opened = inventory_source.default(file, screen)
    text, source, file = opened.text, opened.source, opened.name
    counts = {name: len(getattr(source, name)) for name in ("accounts", "keys", "webhooks", "services")}
    missing = list(_missing(source))
    about = {"sha256": inventory.digest(text), **counts, "missing": missing}
    if as_json and not live:
        screen.document({"file": file, **about})
        return
    screen.say(f"{file} is right: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    screen.say(f"sha256 {inventory.digest(text)}")
    for what in missing:
        screen.warn(f"still missing: {what}")
    if live:
        from ir.cli import drift

        drift.compare(opened, screen, yes=yes, pin=inventory_sha256, head=about)


def _missing(source: Inventory) -> Iterator[str]:
    """What a file that is right in form does not say yet, and a rotation would miss."""
    for account in source.accounts:
        if account.id == UNKNOWN_ACCOUNT:
            yield f"the id of account `{account.name}` (acct_…, at the top of the Dashboard's settings)"
    unused = [key.name for key in source.held if not source.services_of(key.name)]
    if unused:
        yield f"services that use {', '.join(unused)}; one that is not listed is cut off when its key dies"


def graph(file: File = "") -> None:
    """Keys, the stores that hold them, and the services that read them."""
    screen = Screen()
    source = inventory_source.default(file, screen).source
    for key in source.held:
        screen.out.print(_tree(source, key))


def _tree(source: Inventory, key: inventory.Key) -> Tree:
    tree = Tree(f"[bold]{plain(key.name)}[/] ({key.kind.value}, {plain(key.account)})")
    for ref in key.stored_in:
        branch = tree.add(plain(str(ref)))
        for service in source.services_of(key.name):
            if source.store_of(service, key) == ref:
                branch.add(f"{plain(service.name)} (wave {plain(service.wave)})")
    return tree


def list_playbooks() -> None:
    """The playbooks that come with the tool."""
    books = [playbook.load(name) for name in playbook.shipped()]
    Screen().table("Playbooks", ("name", "policy", "about"), [(book.name, book.policy.value, book.about) for book in books])


def show_playbook(name: Annotated[str, typer.Argument(help="A shipped playbook.")]) -> None:
    """A playbook's text, to start your own from."""
    playbook.load(name)
    typer.echo((shipped_folder("playbooks") / f"{name}.yaml").read_text(encoding="utf-8"), nl=False)


def check_playbook(name: Annotated[str, typer.Argument(help="A shipped playbook, or a file.")]) -> None:
    """Check a playbook: unknown actions, steps that cannot be reached, missing inputs."""
    book = playbook.load(name)
    Screen().say(f"{name} is right: policy {book.policy.value}, {counted(len(book.steps), 'step')}")
