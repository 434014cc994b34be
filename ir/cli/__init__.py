"""The command line: one file per command group; parses, calls, prints, returns the exit code; decides nothing.

Commands are loaded on demand, so that `ir --help` imports no vendor. The table is the command line.
"""

import errno
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

Row = tuple[str, str]
"""`module:function` (a typer command, or `module:app` of a typer app) and its one line of help."""

COMMANDS: dict[str, Row | dict[str, Row]] = {
    "rotate": {
        "stripe": ("ir.cli.rotate:stripe", "Take a leaked key to proven dead, every service on its replacement."),
        "stripe-webhook": ("ir.cli.rotate_webhook:stripe_webhook", "Replace a webhook's signing secret, seen accepted by every service."),
    },
    "contain": ("ir.cli.contain:contain", "Take a leaked key away from strangers, now. Works at any time."),
    "review": {"stripe": ("ir.cli.review:review", "What did the leaked key do? Evidence, findings, leftovers.")},
    "permissions": {
        "stripe": ("ir.cli.permissions:stripe", "The least that services need of a key, from what they used."),
        "map": ("ir.cli.permissions:print_map", "Which permission opens which endpoint, with source and date."),
    },
    "drill": {
        "stripe": ("ir.cli.drill:stripe", "A whole rotation in an embedded world."),
        "stripe-webhook": ("ir.cli.drill_webhook:stripe_webhook", "A webhook's signing secret, while events happen."),
        "join": ("ir.cli.drill_hands:join", "A second terminal in the rehearsal that runs."),
    },
    "status": ("ir.cli.status:status", "Where every incident stands, and the next command."),
    "resume": ("ir.cli.incidents:resume", "Go on with an incident, after a crash or a human's step."),
    "approve": ("ir.cli.approve:approve", "Approve the step that an incident waits for."),
    "rollback": ("ir.cli.incidents:rollback", "Put the old key back, if it still lives."),
    "abort": ("ir.cli.incidents:abort", "Stop acting; says every live key and who is on it."),
    "close": ("ir.cli.incidents:close", "End what cannot be proven, by name: attested, not proven."),
    "classify": ("ir.cli.classify:classify", "Say since when you know of it, if it is a data breach, if it is material."),
    "notify": {
        "record": ("ir.cli.notify:record", "Record who was told, when and by whom, or why they are not told."),
        "draft": ("ir.cli.notify:draft", "A draft for the authority, customers, the acquirer, Stripe or your own people."),
        "list": ("ir.cli.notify:list_clocks", "Whom laws want told until when, with article and source."),
    },
    "report": ("ir.cli.reports:report", "The incident report as html, md or json."),
    "verify": ("ir.cli.reports:verify", "Check the audit chain of an incident."),
    "evidence": {
        "key": ("ir.cli.evidence:key", "The public key of the checkpoints, to be kept outside."),
        "bundle": ("ir.cli.evidence:bundle", "Write the evidence bundle again."),
        "timestamp": ("ir.cli.timestamps:timestamp", "Let an authority outside say that the record existed by now (RFC 3161)."),
        "purge": ("ir.cli.evidence:purge", "Remove what was collected about people; hashes stay."),
    },
    "inventory": {
        "check": ("ir.cli.inventory_check:check_inventory", "Check an inventory file."),
        "init": ("ir.cli.inventory:init", "A first inventory from what your stores hold."),
        "unused": ("ir.cli.unused_keys:unused", "Keys that live at Stripe and that nothing uses."),
        "drift": ("ir.cli.drift:drift", "Where stores disagree, what reverts them, who holds an old key."),
        "graph": ("ir.cli.inventory:graph", "Keys, stores and services: a tree, Mermaid or SVG."),
        "schema": ("ir.cli.inventory:schema", "The form of an inventory as JSON Schema, for editors."),
        "policies": ("ir.cli.policies:policies", "The least that `ir` has to be allowed: IAM, Vault, Conjur, Stripe."),
    },
    "playbook": {
        "list": ("ir.cli.inventory_check:list_playbooks", "The playbooks that come with the tool."),
        "show": ("ir.cli.inventory_check:show_playbook", "A playbook's text, to start your own from."),
        "check": ("ir.cli.inventory_check:check_playbook", "Check a playbook file."),
    },
    "alert": {"import": ("ir.cli.alerts:import_alerts", "What secret scanners found: which key, where, since when.")},
    "campaign": {
        "start": ("ir.cli.campaign_start:start", "Rotate many keys: all, or by account, tag, store or file."),
        "status": ("ir.cli.campaigns:status", "How a campaign stands: every key, progress, time left."),
        "pause": ("ir.cli.campaigns:pause", "Begin no more keys; those under way go on."),
        "resume": ("ir.cli.campaigns:resume", "Go on with a paused campaign."),
        "retry": ("ir.cli.campaign_retry:retry", "Begin keys again that were refused or failed."),
        "report": ("ir.cli.campaigns:report", "One page about a campaign."),
    },
    "schedule": {
        "list": ("ir.cli.schedules:list_schedule", "Keys with rotate_every: due, overdue, next, last result and why."),
        "run": ("ir.cli.schedules:run_schedule", "Begin what is due, once per due date; for cron and timers."),
    },
    "database": {"roles": ("ir.cli.database:roles", "Tables and roles of a PostgreSQL that machines share.")},
    "worker": ("ir.cli.workers:app", "Run campaigns and due rotations, beside other workers; list those that live."),
    "rules": ("ir.cli.rules:app", "The detection rules of the review."),
    "help": ("ir.cli.help_page:help_page", "The help page of a command."),
}
GROUPS = {
    "rotate": "Rotate a leaked key.",
    "review": "Review what a key did.",
    "permissions": "The smallest key that works.",
    "drill": "Rehearse in an embedded world.",
    "inventory": "Check and draw an inventory; print its policies.",
    "playbook": "List, show and check playbooks.",
    "campaign": "Many keys at once.",
    "schedule": "Rotations that are due.",
    "notify": "Whom to tell of an incident, and who was told.",
    "evidence": "Keep, hand over and purge evidence.",
    "alert": "Read alerts of secret scanners.",
    "database": "The database that machines share.",
}


INTERRUPTED = "\ninterrupted; ir status shows what is open\n"

_BAD_FILE = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EACCES, errno.EPERM, errno.EROFS),
}


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
            near = " or ".join(f"`{ctx.command_path} {name}`" for name in get_close_matches(args[0], self.table))
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
    from ir.cli.terminal import tty_guard
    from ir.cli.terminal.process_hardening import harden

    harden()
    with tty_guard.armed():
        code = run(sys.argv[1:])
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
