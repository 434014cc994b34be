"""Exceptions that a person accepts by name and reason, at the start of an incident or when it is resumed."""

from collections.abc import Mapping
from typing import Annotated

import typer

from ir import inventory
from ir.cli.terminal.option_values import accepted, places
from ir.core.model import Json
from ir.incident.context import ACCEPTS
from ir.incident.record import Incident
from ir.inventory import Inventory

Names = list[str] | None
Unverified = Annotated[Names, typer.Option(metavar="SERVICE=REASON", help="Continue although no check proves this service's key.")]
Unhealthy = Annotated[Names, typer.Option(metavar="SERVICE=REASON", help="Continue although it is unhealthy.")]
Owner = Annotated[Names, typer.Option(metavar="STORE=REASON", help="Continue although another program would put its own value back.")]
Unreachable = Annotated[Names, typer.Option(metavar="STORE=REASON", help="Leave a store out.")]


def named(*given: Names) -> dict[str, Names]:
    """What was said for each of `ACCEPTS`, in their order."""
    return dict(zip(ACCEPTS, given, strict=True))


def options(source: Inventory, given: Mapping[str, Names]) -> dict[str, dict[str, str]]:
    """Option → name → reason, for each of `ACCEPTS`.

    Raises:
        UsageError: no reason, or a name that the inventory does not list.
    """
    services = {service.name for service in source.services}
    known = {name: places(source) if name in ("accept_unreachable", "accept_owner") else (services, set[str]()) for name in ACCEPTS}
    return {name: accepted(f"--{name.replace('_', '-')}", given.get(name), *known[name]) for name in ACCEPTS}


def said(record: Incident, given: Mapping[str, Names]) -> Json:
    """What a signal says of them: the exceptions, and the facts that follow. Raises UsageError as `options`."""
    source = inventory.loads(record.opened["inventory"], record.opened["inventory_name"])
    accepts = {name: rows for name, rows in options(source, given).items() if rows}
    left_out = {ref: {"left_out": True, "accepted": why} for ref, why in accepts.get("accept_unreachable", {}).items()}
    own = {str(ref) for ref in source.key(str(record.opened["key"])).stored_in}
    stores = {ref: row for ref, row in left_out.items() if ref in own}
    return {"accepts": accepts, "facts": {"accepted": accepts, "stores": stores}}
