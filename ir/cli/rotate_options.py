"""The options of `ir rotate stripe` and of `ir campaign start`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.options import AsJson
from ir.cli.terminal.consent_prompt import PIN
from ir.cli.terminal.exceptions import Owner, Unhealthy, Unreachable, Unverified
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, files_of
from ir.cli.terminal.option_values import dies_by_itself, expires_time, exposed_time
from ir.core import yaml_file
from ir.core.errors import UsageError
from ir.fleet.campaign import Choice, Limits
from ir.incident.context import Options
from ir.incident.playbook import Playbook

LEAKED_VIA = ("repo", "frontend", "ci", "store", "host", "unknown")
Pairs = list[str] | None


@dataclass(frozen=True)
class RotationOptions:
    """Options that one key and many keys share."""

    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = ""
    policy: Annotated[str, typer.Option(help="auto | exposed | exploited | scheduled")] = "auto"
    playbook_name: Annotated[str, typer.Option("--playbook", help="A shipped playbook, or a file.", metavar="NAME|FILE")] = ""
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Real reads, every write listed, nothing changed.")] = False
    yes: Annotated[bool, typer.Option("--yes", help="Answer the operator's own questions with yes; never chooses a policy.")] = False
    as_json: AsJson = False
    reason: Annotated[str, typer.Option(help="Why; the report quotes it.")] = ""
    exposed_at: Annotated[str, typer.Option(help="When the key got out: ISO 8601, or 2h ago as 2h.", metavar="TIME")] = ""
    leaked_via: Annotated[str, typer.Option(help="repo | frontend | ci | store | host | unknown")] = "unknown"
    accept_unverified: Unverified = None
    accept_unhealthy: Unhealthy = None
    accept_unreachable: Unreachable = None
    accept_owner: Owner = None
    with_personal_data: Annotated[
        bool, typer.Option("--with-personal-data", help="Keep names, e-mail and postal addresses in the evidence; else ids only.")
    ] = False
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = ""

    def refuse_unchosen(self, words: str) -> None:
        """Raises UsageError: there is no person to ask for the policy, which `--yes` never chooses. `words`: how to say it."""
        if self.policy == "auto" and self.yes and not self.playbook_name:
            raise UsageError("--yes never chooses a policy", next_step=words)

    def checked(self, book: Playbook) -> Playbook:
        """The playbook. Raises UsageError: it is for another policy than the one that was named."""
        if self.playbook_name and self.policy not in ("auto", book.policy.value):
            raise UsageError(f"playbook {book.name} is for policy {book.policy.value}, not {self.policy}")
        return book


@dataclass(frozen=True)
class OneKey(RotationOptions):
    """The options about one leaked key."""

    key: Annotated[str, typer.Argument(help="Name of the key in the inventory; one key needs no name.")] = ""
    alert: Annotated[str, typer.Option(help="A scanner's alert: which key, where, since when; - for standard input.", metavar="FILE|-")] = (
        ""
    )
    leaked_from: Annotated[str, typer.Option(help="The listed store or service that is the source of the leak.")] = ""
    source_closed_by: Annotated[str, typer.Option(help="Who says that the source of the leak is closed.", metavar="NAME")] = ""
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = ""
    new_key_from: Annotated[str, typer.Option(help=f"Where the new key comes from: {SOURCES}", metavar="SOURCE")] = "prompt"
    control_key_from: Annotated[str, typer.Option(help=f"Another live key, for the proof: {SOURCES}", metavar="SOURCE")] = ""
    no_replacement: Annotated[bool, typer.Option("--no-replacement", help="Nothing uses the key: kill it, mint nothing.")] = False
    old_key_expires: Annotated[
        str, typer.Option(help="The Dashboard's Rotate path: when Stripe kills the old key, or never.", metavar="TIME|never")
    ] = ""
    new_key_expires: Annotated[
        str,
        typer.Option(help="When the replacement dies by itself, with an app_key: 90d, or a time. What uses it then fails.", metavar="TIME"),
    ] = ""
    api_base: Annotated[str, typer.Option(help="Without an inventory: a Stripe stand-in on loopback.", metavar="URL")] = ""
    adopt: Annotated[
        str, typer.Option(help="Go on with an incident whose machine is lost, from what stores and Stripe still show of it.", metavar="INC")
    ] = ""
    discard_pending: Annotated[
        str, typer.Option(help="Clear unfinished rotations of others from the stores, once they were shown.", metavar="REASON")
    ] = ""
    permissions: Annotated[
        str, typer.Option(help="The list for the replacement, as ir permissions stripe --output wrote it.", metavar="FILE")
    ] = ""

    def refuse_many(self) -> None:
        """Raises UsageError: an option makes sense for one key only."""
        if self.key:
            raise UsageError(f"`{self.key}` is one key, and a campaign was asked for", next_step="name the key, or choose keys, not both")
        lonely = (
            self.alert,
            self.leaked_key_from,
            self.control_key_from,
            self.leaked_from,
            self.adopt,
            self.discard_pending,
            self.permissions,
        )
        if any(lonely) or self.no_replacement:
            raise UsageError("a campaign takes no key, no alert and no source of one leak; rotate such a key by name")

    def options(self) -> Options:
        """The options to record, before alert, inventory and exceptions are read."""
        return Options(
            dry_run=self.dry_run,
            yes=self.yes,
            reason=self.reason,
            source_closed_by=self.source_closed_by,
            exposed_at=exposed_time(self.exposed_at),
            no_replacement=self.no_replacement,
            key_files=files_of(new=self.new_key_from, leaked=self.leaked_key_from, control=self.control_key_from),
            old_key_expires=expires_time(self.old_key_expires),
            new_key_expires=dies_by_itself(self.new_key_expires),
            drill=os.environ.get("IR_DRILL") == "1",
            personal_data=self.with_personal_data,
            discard_pending=self.discard_pending.strip(),
        )


@dataclass(frozen=True)
class ManyKeys(RotationOptions):
    """The options of a campaign."""

    every_key: Annotated[bool, typer.Option("--all", help="Every key of the inventory.")] = False
    account: Annotated[Pairs, typer.Option(help="Keys of this account.", metavar="NAME")] = None
    tag: Annotated[Pairs, typer.Option(help="Keys with this tag.", metavar="TAG")] = None
    stored_in: Annotated[Pairs, typer.Option(help="Keys that are stored there.", metavar="vault://…")] = None
    keys_from: Annotated[str, typer.Option(help="Names of keys, one per line.", metavar="FILE")] = ""
    at_once: Annotated[int, typer.Option(min=0, help="Keys under way together; 0 = no limit.")] = 8
    per_account: Annotated[int, typer.Option(min=0, help="The same, per account.")] = 4
    per_store: Annotated[int, typer.Option(min=0, help="The same, per store server.")] = 8
    stop_after: Annotated[int, typer.Option(min=0, help="Pause after that many failures; 0 = never.")] = 3
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers (ir worker).")] = False
    sign_with: Annotated[
        str,
        typer.Option(help="Also sign, with this SSH key, what workers may run; the inventory lists it as an approver's.", metavar="FILE"),
    ] = ""

    @property
    def chosen(self) -> bool:
        """Whether any keys were chosen."""
        return bool(self.every_key or self.account or self.tag or self.stored_in or self.keys_from)

    def choice(self) -> Choice:
        """The keys that were asked for. Raises UsageError: a file names none."""
        names: Sequence[str] = ()
        if self.keys_from:
            lines = (line.partition("#")[0].strip() for line in yaml_file.read(Path(self.keys_from)).splitlines())
            names = [line for line in lines if line]
            if not names:
                raise UsageError(f"{self.keys_from} names no key")
        return Choice(self.every_key, tuple(self.account or ()), tuple(self.tag or ()), tuple(self.stored_in or ()), tuple(names))

    def limits(self) -> Limits:
        """The number of keys at once."""
        return Limits(self.at_once, self.per_account, self.per_store, self.stop_after)

    def options(self) -> Options:
        """The options to record for each key, before the exceptions are read."""
        return Options(
            self.dry_run,
            self.yes,
            self.reason,
            self.leaked_via,
            exposed_at=exposed_time(self.exposed_at),
            personal_data=self.with_personal_data,
        )
