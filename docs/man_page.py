"""The man page `docs/ir.1`, out of the command line itself; the wheel installs it (`man ir`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ir.cli import app
from ir.core.errors import ExitCode
from ir.incident.standing import STATES

FILE = Path(__file__).resolve().parent / "ir.1"
ENVIRONMENT = {
    "IR_HOME": "Folder of the tool's own state; default: the XDG state folder.",
    "IR_DATABASE_URL": "A team's PostgreSQL for the record: postgresql://USER@HOST/NAME; default: SQLite in that folder.",
    "IR_INVENTORY": "The inventory of commands that name none; else inventory.yaml of the current folder.",
    "NO_COLOR": "No colours.",
    "VAULT_ADDR, VAULT_TOKEN, CONJUR_*, AWS_*": "How Vault and OpenBao, Conjur, and AWS Secrets Manager are reached.",
}


def page() -> str:
    """The page, in roff."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = typer.main.get_command(app)
    context = root.make_context("ir", [], resilient_parsing=True)
    says = _text(root.help or "")
    yield from ('.TH IR 1 "" ir "User Commands"', ".SH NAME", f"ir \\- {says}")
    yield from (".SH SYNOPSIS", ".B ir", "[OPTIONS] COMMAND [ARGS]...")
    yield from (".SH DESCRIPTION", says, ".SH OPTIONS", *_parameters(root, context), ".SH COMMANDS")
    yield from _commands(root, context)
    yield ".SH STATES"
    yield from _list(dict(STATES))
    yield ".SH EXIT STATUS"
    yield from _list({str(code.value): code.meaning for code in ExitCode})
    yield ".SH ENVIRONMENT"
    yield from _list(ENVIRONMENT)


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        group_only = hasattr(command, "list_commands") and not command.invoke_without_command
        if not group_only:
            usage = " ".join(command.get_usage(inner).split()).removeprefix("Usage: ").removesuffix(" COMMAND [ARGS]...")
            yield from (f".SS {_text(usage)}", _text(command.help or ""), *_parameters(command, inner))
        if hasattr(command, "list_commands"):
            yield from _commands(command, inner)


def _parameters(command: Any, context: Any) -> Iterator[str]:
    records = [param.get_help_record(context) for param in command.get_params(context)]
    yield from _list({record[0]: record[1] for record in records if record and "--help" not in record[0]})


def _list(rows: dict[str, str]) -> Iterator[str]:
    for name, text in rows.items():
        yield from (".TP", f".B {_text(name)}", _text(text) or "\\&")


def _text(text: str) -> str:
    """On one line, and nothing of it a request."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def write() -> None:
    """Write the file anew."""
    FILE.write_text(page(), encoding="utf-8")
