"""`ir inventory unused`: keys that live at Stripe and that nothing uses. Reads only."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ir.cli.options import AsJson, InventoryFile
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core import durations
from ir.core.errors import PortError, UsageError
from ir.core.wording import counted
from ir.runtime import unused_keys as looking
from ir.runtime.app_state import actor, open_state
from ir.runtime.unused_keys import UnusedKey


def unused(
    file: InventoryFile = "",
    older: Annotated[str, typer.Option("--not-used-for", help="Such as 90d.", metavar="DURATION")] = "90d",
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False,
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    as_json: AsJson = False,
) -> None:
    """Live keys of each account that nothing has used for a while: a leak of one goes unseen. Needs `app_key`; kills nothing."""
    screen = Screen(as_json=as_json)
    opened = inventory_source.default(file, screen)
    try:
        before = time.time() - durations.seconds(older)
    except ValueError:
        raise UsageError(f"--not-used-for {older}: no duration", next_step="such as 90d") from None
    source, operator = opened.source, Terminal(screen, name=actor(), yes=False)
    Consent(open_state, operator, opened, yes=yes, pin=inventory_sha256).ask(looking.asks(source))
    rows: list[UnusedKey] = []
    unread: dict[str, str] = {}
    for account in source.accounts:
        try:
            rows += looking.found(source, account, before, operator, opened.base)
        except PortError as error:
            unread[account.name] = error.what
        if account.app_key is None:
            unread[account.name] = "it lists no `app_key`; in the Dashboard, look at the column Last used of its keys"
    if as_json:
        screen.document({"file": opened.name, "keys": [asdict(row) for row in rows], "unread": unread})
        return
    heads = ("account", "key", "name", "made", "last used", "in the inventory")
    screen.table(
        f"Not used for {older}", heads, [(r.account, r.id, r.name, _day(r.created), _day(r.last_used), r.listed_as or "no") for r in rows]
    )
    for name, why in unread.items():
        screen.say(f"cannot tell about {name}: {why}")
    screen.say(
        f"{counted(len(rows), 'key')}; nothing was changed. Expire by hand what is not needed: a job that is rarer than {older} may be."
    )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") if at else "never"
