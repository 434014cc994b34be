"""`ir database roles`: the tables of a database that machines share, and who may do what with them."""

from typing import Annotated

import typer

from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.core.resources import shipped_folder
from ir.engine.dbos_runner import Runner
from ir.fleet.campaign_store import CampaignLedger
from ir.runtime.app_state import State, open_state
from ir.storage.database import run_script
from ir.storage.notice_log import NoticeLog

ROLES = ("ir_runner", "ir_approver", "ir_reader")


def roles(
    show: Annotated[bool, typer.Option("--print", help="Print the SQL; the database is not contacted.")] = False,
) -> None:
    """Make all tables and the roles ir_runner, ir_approver and ir_reader, as the owner of the PostgreSQL database."""
    screen = Screen()
    script = (shipped_folder("templates") / "postgresql-roles.sql").read_text(encoding="utf-8")
    if show:
        typer.echo(script, nl=False)
        return
    kept = open_state()
    if kept.engine.dialect.name != "postgresql":
        raise UsageError("only a PostgreSQL database has roles", next_step="set IR_DATABASE_URL to the owner's address of it")
    _make_tables(kept)
    run_script(kept.engine, script)
    screen.say(f"all tables are there, and the roles {', '.join(ROLES)}; next: GRANT ir_runner TO a worker's login, and so on")


def _make_tables(kept: State) -> None:
    """Of every part, since a role that runs may not make any."""
    assert kept.consents is not None  # noqa: S101 - made by being looked at
    assert kept.checkpoints is not None  # noqa: S101
    kept.inventories.make_table()
    kept.own_uses.make_table()
    CampaignLedger(kept.engine)
    NoticeLog(kept.engine, kept.me.executor)
    runner = Runner(kept.engine, kept.me, kept.leases, kept.signals)
    runner.launch()
    runner.close()
