"""The options of `ir review stripe`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ir.cli.options import AsJson
from ir.cli.terminal.consent_prompt import PIN, YES
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES
from ir.core.stripe_address import STRIPE


@dataclass(frozen=True)
class ReviewOptions:
    """The options of one review."""

    key: Annotated[list[str] | None, typer.Argument(help="Name of the key in the inventory; one key needs no name.")] = None
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = ""
    since: Annotated[str, typer.Option(help="Where the evidence begins: 30d, or a time.", metavar="30d|TIME")] = "30d"
    until: Annotated[str, typer.Option(help="Where the evidence ends, for old logs: a time; default: now.", metavar="TIME")] = ""
    exposed_at: Annotated[str, typer.Option(help="When the key got out: ISO 8601, or 2h.", metavar="TIME")] = ""
    egress: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Our own egress logs; plain or gzip. In quotes: a watch then finds new ones.")
    ] = None
    logs: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Exports: request logs, events, security history, webhook logs.")
    ] = None
    maps: Annotated[list[str] | None, typer.Option("--map", metavar="FILE", help="Column map for a foreign log (YAML).")] = None
    ours: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Callers that are ours, as the review names them: CLIENT/VERSION@NETWORK.")
    ] = None
    account_id: Annotated[str, typer.Option("--account", help="Account name in the inventory, or acct_….")] = ""
    review_key_from: Annotated[str, typer.Option(help=f"A read-only rk_ key: {SOURCES}", metavar="SOURCE")] = ""
    budget: Annotated[str, typer.Option(help="Time limit; the newest evidence is read first.", metavar="60s")] = ""
    watch: Annotated[
        str, typer.Option(help="Go on looking for so long; new misuse opens the incident again and ends it with 7.", metavar="72h")
    ] = ""
    rules: Annotated[list[str] | None, typer.Option(metavar="DIR", help="Further rules, in the form of the shipped ones.")] = None
    engine: Annotated[str, typer.Option(help="duckdb | clickhouse URL | spark URL", metavar="ENGINE")] = "duckdb"
    memory_limit: Annotated[str, typer.Option(help="Of the embedded engine.", metavar="SIZE")] = "350MB"
    with_personal_data: Annotated[
        bool, typer.Option("--with-personal-data", help="Keep names, e-mail and postal addresses in the evidence; else ids only.")
    ] = False
    output: Annotated[str, typer.Option(help="Folder for timeline.jsonl and affected.csv (0700).", metavar="DIR")] = ""
    api_base: Annotated[str, typer.Option(help="Without an inventory: a Stripe stand-in on loopback.", metavar="URL")] = STRIPE
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = ""
    sdk: Annotated[bool, typer.Option("--sdk", help="Show the age of SDKs and API versions per service.")] = False
    as_json: AsJson = False
