"""`ir inventory check|graph` and `ir playbook list|show|check`."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.tree import Tree

from ir import inventory
from ir.cli.options import AsJson, InventoryFile
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES
from ir.cli.terminal.plain_text import plain
from ir.cli.terminal.screen import Screen
from ir.core import yaml_file
from ir.core.errors import BadFile
from ir.core.resources import shipped_folder
from ir.core.wording import counted
from ir.incident import approvers, playbook
from ir.inventory import Inventory
from ir.inventory.opened import Opened
from ir.inventory.proposal import UNKNOWN_ACCOUNT
from ir.inventory.proposed_services import FILL_IN

PLAYBOOK = "Check that it lists as many people as this playbook asks to approve; those in files beside it are checked in any case."
LIVE = "Compare it with what stores, services and Stripe show, as `drift` does; exit 5 if they differ."


def check_inventory(
    file: InventoryFile = "",
    live: Annotated[bool, typer.Option("--live", help=LIVE)] = False,
    yes: Annotated[bool, typer.Option("--yes", help=f"With --live: {YES}")] = False,
    inventory_sha256: Annotated[str, typer.Option(help=f"With --live: {PIN}", metavar="HEX")] = "",
    playbook_name: Annotated[str, typer.Option("--playbook", help=PLAYBOOK, metavar="NAME|FILE")] = "",
    as_json: AsJson = False,
) -> None:
    """Check an inventory file; nothing is contacted, except with --live."""
    screen = Screen(as_json=as_json)
    opened = inventory_source.default(file, screen)
    text, source, file = opened.text, opened.source, opened.name
    _refuse_too_few(opened, playbook_name)
    counts = {name: len(getattr(source, name)) for name in ("accounts", "keys", "webhooks", "services")}
    missing = list(_missing(source))
    about = {"sha256": inventory.digest(text), **counts, "missing": missing}
    if as_json and not live:
        screen.document({"file": file, **about})
        return
    screen.say(f"{file} is right: " + ", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items()))
    screen.say(f"sha256 {inventory.digest(text)}")
    for what in missing:
        screen.warn(f"still missing: {what}")
    if live:
        from ir.cli import drift

        drift.compare(opened, screen, yes=yes, pin=inventory_sha256, head=about)


def _refuse_too_few(opened: Opened, playbook_name: str) -> None:
    """Where a playbook asks several people to approve, only signatures count, so as many keys have to be listed.

    Raises:
        BadFile: there are too few; with the line to add.
    """
    listed, said = opened.source.approvers, ""
    for book in [playbook.load(playbook_name)] if playbook_name else playbook.beside(opened.base):
        wanted = (approvers.too_few(row.id, row.approvals, listed) for row in book.steps)
        said = next((f"playbook {book.name}: {why}" for why in wanted if why), said)
    if said:
        line = yaml_file.parse(opened.text, opened.name)[1].get(("approvers",), 0)
        raise BadFile(opened.name, line, "approvers", said, f"approvers:\n    {approvers.LINE}")


def _missing(source: Inventory) -> Iterator[str]:
    """What a file that is right in form does not say yet, and a rotation would miss."""
    if lonely := approvers.one_is_none(source.approvers):
        yield lonely
    for account in source.accounts:
        if account.id == UNKNOWN_ACCOUNT:
            yield f"the id of account `{account.name}` (acct_…, at the top of the Dashboard's settings)"
    for service in source.services:
        if any(FILL_IN in (check.http or "") for check in service.verify):
            yield f"the address of a check of service `{service.name}` (in place of {FILL_IN})"
    unused = [key.name for key in source.held if not source.services_of(key.name)]
    if unused:
        yield f"services that use {', '.join(unused)}; one that is not listed is cut off when its key dies"


def graph(file: InventoryFile = "") -> None:
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
