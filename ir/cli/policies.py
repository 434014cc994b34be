"""`ir inventory policies`: the access policies that `ir` needs for an inventory."""

from dataclasses import asdict
from typing import Annotated

import typer

from ir.cli.options import AsJson, InventoryFile
from ir.cli.terminal import inventory_source
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.runtime import policies as policies_of

NAMES = ("aws-sm", "aws-ssm", "gcp-sm", "azure-kv", "vault", "conjur", "k8s", "vercel", "github-actions", "stripe", "files")


def policies(
    file: InventoryFile = "",
    only: Annotated[str, typer.Option("--only", help=f"One document alone, for a file: {' | '.join(NAMES)}.", metavar="NAME")] = "",
    hints: Annotated[bool, typer.Option("--hints", help="Add optional rights: without them a run goes on and tells less.")] = False,
    as_json: AsJson = False,
) -> None:
    """The least that `ir` has to be allowed at stores and at Stripe for this inventory. Nothing is contacted."""
    screen = Screen(as_json=as_json)
    source = inventory_source.default(file, screen).source
    found = policies_of.of(source, hints=hints)
    if only:
        if only not in NAMES:
            raise UsageError(f"--only {only}: not known", next_step=f"one of {', '.join(NAMES)}")
        found = [policy for policy in found if policy.name == only]
        if not found:
            raise UsageError(f"the inventory names nothing that needs a policy of `{only}`")
    homeless = policies_of.without_custody(source)
    if as_json:
        screen.document({"policies": [asdict(policy) for policy in found], "without_custody": homeless})
        return
    if only:
        typer.echo(found[0].text, nl=False)
        return
    for policy in found:
        notes = "".join(f"# {note}\n" for note in policy.notes)
        typer.echo(f"# ── {policy.title}\n{notes}{policy.text}")
    if homeless:
        screen.warn(f"no listed store can keep custody of {', '.join(homeless)}: that takes an OS keyring, or IR_ESCROW_* settings")
