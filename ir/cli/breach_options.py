"""The options of `ir breach`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ir.cli.options import AsJson
from ir.cli.rotate_options import ManyKeys
from ir.cli.terminal.consent_prompt import PIN
from ir.cli.terminal.exceptions import Unhealthy, Unreachable, Unverified
from ir.cli.terminal.inventory_source import INVENTORY

_PLACE = "A breached place: a store, a host, an account, or the file of a scanner's report; may be given again."
_SIGN_WITH = "Also sign, with this SSH key, what workers may run; the inventory lists it as an approver's."
_TRUSTED = "Who says that `ir` may write there with its own login, although that was stored there, too."


@dataclass(frozen=True)
class BreachOptions:
    """What was said of a breach; `context` tells whether one of its own commands follows."""

    context: typer.Context
    stored_in: Annotated[list[str] | None, typer.Option(help=_PLACE, metavar="vercel://…|FILE")] = None
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = ""
    policy: Annotated[str, typer.Option(help="auto | exposed | exploited | scheduled")] = "auto"
    playbook_name: Annotated[str, typer.Option("--playbook", help="A shipped playbook, or a file.", metavar="NAME|FILE")] = ""
    webhook_playbook: Annotated[
        str, typer.Option("--webhook-playbook", help="The same, for signing secrets of webhooks.", metavar="NAME|FILE")
    ] = "stripe-webhook"
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The list, and with --policy a dry run of every key; changes nothing.")] = False
    yes: Annotated[bool, typer.Option("--yes", help="Answer the operator's own questions with yes; never chooses a policy.")] = False
    as_json: AsJson = False
    read_values: Annotated[
        bool, typer.Option("--read-values", help="Read values there that the inventory does not list, to find Stripe's keys.")
    ] = False
    source_closed_by: Annotated[
        str, typer.Option(help="Who says that the places are closed: until then they get no new key.", metavar="NAME")
    ] = ""
    login_trusted_by: Annotated[str, typer.Option(help=_TRUSTED, metavar="NAME")] = ""
    reason: Annotated[str, typer.Option(help="Why; the reports quote it.")] = ""
    exposed_at: Annotated[str, typer.Option(help="Since when: ISO 8601, or 2h ago as 2h.", metavar="TIME")] = ""
    accept_unverified: Unverified = None
    accept_unhealthy: Unhealthy = None
    accept_unreachable: Unreachable = None
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = ""
    at_once: Annotated[int, typer.Option(min=0, help="Keys under way together; 0 = no limit.")] = 8
    per_account: Annotated[int, typer.Option(min=0, help="The same, per account.")] = 4
    per_store: Annotated[int, typer.Option(min=0, help="The same, per store server.")] = 8
    stop_after: Annotated[int, typer.Option(min=0, help="Pause after that many failures; 0 = never.")] = 3
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers (ir worker).")] = False
    sign_with: Annotated[str, typer.Option(help=_SIGN_WITH, metavar="FILE")] = ""

    def campaign(self, via: str) -> ManyKeys:
        """The options of the campaign that replaces what is ours; `via`: how the keys leaked."""
        return ManyKeys(
            inventory_file=self.inventory_file,
            policy=self.policy,
            playbook_name=self.playbook_name,
            dry_run=self.dry_run,
            yes=self.yes,
            as_json=self.as_json,
            reason=self.reason,
            exposed_at=self.exposed_at,
            leaked_via=via,
            accept_unverified=self.accept_unverified,
            accept_unhealthy=self.accept_unhealthy,
            accept_unreachable=self.accept_unreachable,
            inventory_sha256=self.inventory_sha256,
            at_once=self.at_once,
            per_account=self.per_account,
            per_store=self.per_store,
            stop_after=self.stop_after,
            detach=self.detach,
            sign_with=self.sign_with,
        )
