"""The command line: one file per command group; parses, calls, prints, returns the exit code; decides nothing.

Commands are loaded on demand, so that `ir --help` imports no vendor. `command_table` is the command line.
"""

import errno
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ir.cli.command_table import COMMANDS, GROUPS
from ir.core import process_life

INTERRUPTED = "\ninterrupted; ir status shows what is open\n"

_BAD_FILE = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EACCES, errno.EPERM, errno.EROFS),
}


def _elsewhere(name: str) -> list[str]:
    """Commands that are called so in other groups."""
    groups = [group for group, row in COMMANDS.items() if isinstance(row, dict) and name in row]
    return [*([f"ir {name}"] if name in COMMANDS else []), *(f"ir {group} {name}" for group in groups)]


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called; the table has their help lines."""

    table: dict[str, Any] = COMMANDS
    _completing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import it now."""
        row = self.table.get(cmd_name)
        if row is None:
            return None
        if self._completing:  # only names and help lines are asked for: nothing is imported
            return TyperCommand(name=cmd_name, callback=None, help=GROUPS[cmd_name] if isinstance(row, dict) else row[1])
        if isinstance(row, dict):
            group = LazyGroup(name=cmd_name, help=GROUPS[cmd_name], rich_markup_mode=None, no_args_is_help=True)
            group.table = row
            return group
        return _imported(cmd_name, *row)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """For an unknown command, the error names similar ones."""
        if not ctx.resilient_parsing and not args[0].startswith("-") and args[0] not in self.table:
            names = _elsewhere(args[0]) or [f"{ctx.command_path} {name}" for name in get_close_matches(args[0], self.table)]
            near = " or ".join(f"`{name}`" for name in names)
            ctx.fail(f"there is no command `{ctx.command_path} {args[0][:40]}`" + (f"; did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Names from the table."""
        self._completing = True
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Names and help lines, without importing anything."""
        rows = [(name, GROUPS[name] if isinstance(row, dict) else row[1]) for name, row in self.table.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _imported(name: str, target: str, words: str) -> Any:
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    app = found
    if not isinstance(found, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        app.command(name=name, help=found.__doc__ or words)(found)
    command = typer.main.get_command(app)
    command.name = name
    process_life.imported()
    return command


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def ir(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """From a leaked Stripe key to a proven-dead one, with every service on its replacement and the report written."""
    if version:
        from ir import __version__

        typer.echo(f"ir {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: hardens the process, runs the command, turns errors into words and exit codes."""
    ending = process_life.begin()
    process_life.importing()
    from ir.cli.terminal import tty_guard
    from ir.cli.terminal.process_hardening import harden

    harden()
    with tty_guard.armed():
        try:
            ending.code = code = run(sys.argv[1:])
        except SystemExit as ended:
            ending.code = ended.code if isinstance(ended.code, int) else None
            raise
        if "dbos" in sys.modules:  # its threads would keep this process, and the heartbeat of an incident, for ever
            from ir.cli.terminal.follow import leave

            leave(code)
    sys.exit(code)


def run(argv: list[str]) -> int:
    """One command line; returns the exit code."""
    from ir.cli.terminal.interruption import is_interruption
    from ir.cli.terminal.process_hardening import refuse_keys
    from ir.core.errors import ExitCode, IrError, UsageError

    try:
        refuse_keys(argv)
        code = int(typer.main.get_command(app).main(args=argv, prog_name="ir", standalone_mode=False) or 0)
        if code == ExitCode.INTERRUPTED:  # all that typer makes of Ctrl-C
            sys.stderr.write(INTERRUPTED)
        return code
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help page; typer itself tells it by this name
            sys.stderr.write(f"{error.format_message()}\nTry `{_nearest_help(error)}`.\n")
            return int(ExitCode.USAGE)
        return _told(UsageError(error.format_message(), next_step=_nearest_help(error)), argv)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write(INTERRUPTED)
        return int(ExitCode.INTERRUPTED)
    except IrError as error:
        return _told(error, argv)
    except OSError as error:
        return _told(_of_system(error), argv)
    except Exception as error:  # noqa: BLE001 - the last exit: a traceback could hold a secret
        if is_interruption(error):
            sys.stderr.write(INTERRUPTED)
            return int(ExitCode.INTERRUPTED)
        return _unexpected(error, argv)


def _nearest_help(error: typer.TyperException) -> str:
    """The help page of the command that did not understand its words."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'ir'} --help"


def _unexpected(error: Exception, argv: list[str]) -> int:
    """Report a database that cannot be used as such; anything else is a bug."""
    from ir.cli.terminal.screen import show_crash
    from ir.core.errors import ExitCode, IrError

    if "sqlalchemy" in sys.modules:
        from ir.storage.database import trouble

        said = trouble(error)
        if said:
            safe = "what was recorded stays, and what was done last is looked at before anything else is done"
            step = "fix that, then run the same command again; ir status shows open incidents"
            return _told(IrError(f"the database of incidents cannot be used: {said}", safe=safe, next_step=step), argv)
    show_crash(error, as_json="--json" in argv)
    return int(ExitCode.UNEXPECTED)


def _of_system(error: OSError) -> Exception:
    """Report a file that cannot be used as a usage error; a full disk and the like is not one."""
    from ir.core.errors import IrError, UsageError

    kind = UsageError if error.errno in _BAD_FILE and error.filename else IrError
    return kind(f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}", next_step="ir status shows open incidents")


def _told(error: Any, argv: list[str]) -> int:
    from ir.cli.terminal.screen import show_error

    show_error(error, as_json="--json" in argv)
    return int(error.exit_code)
