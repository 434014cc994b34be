"""`ir rotate stripe-webhook`: another signing secret for a webhook endpoint; the same workflow as for keys."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from ir.cli import rotate
from ir.cli.options import AsJson, Yes
from ir.cli.rotate_options import LEAKED_VIA
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, Consent
from ir.cli.terminal.exceptions import Owner, Unhealthy, Unreachable
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, Terminal, files_of
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.option_values import accepted, expires_time, exposed_time
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.plan import compile_plan
from ir.inventory import Inventory, Webhook
from ir.runtime.app_state import actor, open_state
from ir.runtime.incident_spec import Setting

LONGEST = 86400.0
"""Seconds for which Stripe signs with both secrets after a roll (docs/stripe-facts.md, 6)."""


@dataclass(frozen=True)
class WebhookOptions:
    """What was said of a webhook's rotation."""

    webhook: Annotated[str, typer.Argument(help="Name of the webhook in the inventory; the only one needs no name.")] = ""
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = ""
    playbook_name: Annotated[str, typer.Option("--playbook", help="A shipped playbook, or a file.", metavar="NAME|FILE")] = "stripe-webhook"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Real reads, every write listed, nothing changed.")] = False
    yes: Yes = False
    as_json: AsJson = False
    reason: Annotated[str, typer.Option(help="Why; the report quotes it.")] = ""
    exposed_at: Annotated[str, typer.Option(help="When the secret got out: ISO 8601, or 2h ago as 2h.", metavar="TIME")] = ""
    leaked_via: Annotated[str, typer.Option(help=" | ".join(LEAKED_VIA))] = "unknown"
    leaked_from: Annotated[str, typer.Option(help="The listed store or service that is the source of the leak.")] = ""
    source_closed_by: Annotated[str, typer.Option(help="Who says that the source of the leak is closed.", metavar="NAME")] = ""
    new_key_from: Annotated[str, typer.Option(help=f"Where a rolled secret comes from: {SOURCES}", metavar="SOURCE")] = "prompt"
    old_key_expires: Annotated[str, typer.Option(help="When the old secret expires after a roll: 24 hours at most.", metavar="TIME")] = (
        "24h"
    )
    accept_unhealthy: Unhealthy = None
    accept_unreachable: Unreachable = None
    accept_owner: Owner = None
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = ""


@takes(WebhookOptions)
def stripe_webhook(asked: WebhookOptions) -> None:
    """Replace a webhook's signing secret: every service is seen to accept the new one and to refuse the old one."""
    screen = Screen(as_json=asked.as_json)
    operator = Terminal(screen, name=actor(), yes=asked.yes, new_key_from=asked.new_key_from)
    opened = inventory_source.default(asked.inventory_file, screen)
    source, consent = opened.source, Consent(open_state, operator, opened, yes=asked.yes, pin=asked.inventory_sha256)
    row = _row(source, asked.webhook)
    book = playbook.load(asked.playbook_name)
    options = Options(
        dry_run=asked.dry_run,
        yes=asked.yes,
        reason=asked.reason,
        leaked_via=rotate.one_of("--leaked-via", asked.leaked_via, LEAKED_VIA),
        source=rotate.source_of_leak(asked.leaked_from, asked.leaked_via, row, source),
        source_closed_by=asked.source_closed_by,
        exposed_at=exposed_time(asked.exposed_at),
        key_files=files_of(new=asked.new_key_from),
        old_key_expires=_deadline(row, asked.old_key_expires),
        accept_unhealthy=accepted("--accept-unhealthy", asked.accept_unhealthy, {s.name for s in source.services}),
        accept_unreachable=accepted("--accept-unreachable", asked.accept_unreachable, {str(r) for r in row.stored_in}),
        accept_owner=accepted("--accept-owner", asked.accept_owner, {str(r) for r in row.stored_in}),
        drill=os.environ.get("IR_DRILL") == "1",
    )
    plan = compile_plan(book, source, row)
    setting = Setting("", opened.text, opened.name, opened.base, row.name, plan, options)
    rotate.carry_out(setting, open_state(), operator, None, None, consent)


def _row(source: Inventory, name: str) -> Webhook:
    rows = [row for row in source.webhooks if name in ("", row.name)]
    if len(rows) == 1:
        return rows[0]
    names = ", ".join(row.name for row in source.webhooks)
    if not names:
        raise UsageError(
            "the inventory lists no webhook", next_step="list it under `webhooks:`, with its url and where its secret is stored"
        )
    raise UsageError(f"there is no webhook `{name}`" if name else "which webhook?", next_step=f"one of {names}")


def _deadline(row: Webhook, text: str) -> float:
    """When Stripe stops signing with the old secret; 0 = not by itself."""
    if row.roll != "dashboard":
        return 0.0
    found = expires_time(text)
    if not 0 < found <= datetime.now(UTC).timestamp() + LONGEST + 60:
        raise UsageError(f"--old-key-expires {text}: within 24 hours from now", next_step="a time, or a duration such as 24h")
    return found
