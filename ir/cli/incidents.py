"""`ir resume | rollback | abort | close`: what to do with an incident that exists."""

import sys
from typing import Annotated, NoReturn

import typer

from ir.cli import one_debt
from ir.cli.options import AsJson, Yes
from ir.cli.terminal import by_name, exceptions, follow, record_prompt
from ir.cli.terminal.exceptions import Owner, Unhealthy, Unreachable, Unverified
from ir.cli.terminal.onlooker import look_on
from ir.cli.terminal.operator import SOURCES, Terminal, read_again, read_key
from ir.cli.terminal.screen import Screen
from ir.core.errors import Refused, Unreplayable, UsageError
from ir.core.model import Json
from ir.incident import folding, irreversible, signal_words
from ir.incident.record import FINAL, Incident
from ir.runtime import following, lifecycle, removals
from ir.runtime.app_state import State, actor, open_state

Name = Annotated[str, typer.Argument(help="Incident id, INC-…; the only open one needs no name.")]
Reason = Annotated[str, typer.Option(help="Why; the report quotes it.")]
By = Annotated[str, typer.Option(help="Who says so; default: you.", metavar="NAME")]


def resume(
    name: Name = "",
    yes: Yes = False,
    as_json: AsJson = False,
    new_key_from: Annotated[str, typer.Option(help=f"Where the new key comes from: {SOURCES}", metavar="SOURCE")] = "prompt",
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = "",
    control_key_from: Annotated[str, typer.Option(help=f"Another live key, for the proof: {SOURCES}", metavar="SOURCE")] = "",
    accept_unverified: Unverified = None,
    accept_unhealthy: Unhealthy = None,
    accept_unreachable: Unreachable = None,
    accept_owner: Owner = None,
) -> None:
    """Go on with an incident, after a crash or a human's step; a finished one repeats its exit code."""
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name)
    for said in removals.carry_out(kept, Terminal(screen, name=actor(), yes=yes), record_prompt.unagreed, name):
        screen.say(said)
    given = exceptions.named(accept_unverified, accept_unhealthy, accept_unreachable, accept_owner)
    accepts = exceptions.said(record_of(kept, name), given) if any(given.values()) else {}
    operator = Terminal(screen, name=actor(), yes=yes, new_key_from=new_key_from)
    leaked = read_key(leaked_key_from, "The leaked key", screen) if leaked_key_from else None
    control = read_key(control_key_from, "Another live key of the account", screen) if control_key_from else None
    go_on(kept, operator, name, "wake", {"yes": yes, **accepts}, leaked, control)


def rollback(name: Name = "", yes: Yes = False, as_json: AsJson = False, reason: Reason = "") -> None:
    """Put the old key back, if it still lives, and kill the new one."""
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name)
    operator = Terminal(screen, name=actor(), yes=yes)
    if not _may_go_back(kept, operator, record_of(kept, name)):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    _tell_or_go_on(kept, operator, name, "rollback", {"reason": reason})


def abort(name: Name = "", yes: Yes = False, as_json: AsJson = False, reason: Reason = "") -> None:
    """Stop acting; kills nothing in use, and says every live key, who is on it, and the next command."""
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name)
    operator = Terminal(screen, name=actor(), yes=yes)
    if not operator.confirm(f"Give up {name}? Nothing is killed, keys that live go on living."):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes")
    _tell_or_go_on(kept, operator, name, "abort", {"reason": reason})


def close(
    name: Name = "",
    attest: Annotated[str, typer.Option(help="What you attest, and how you know.", metavar="REASON")] = "",
    by: By = "",
    debt: Annotated[str, typer.Option(help="Which thing still to do is ended, where there are several.", metavar="NAME")] = "",
    accept_left: Annotated[
        str, typer.Option(help="Keep what the review says an attacker left, by its id; counted as still to do once.", metavar="ID")
    ] = "",
    accept_alive: Annotated[
        list[str] | None,
        typer.Option(
            help="Keep a key that still answers: its name in the inventory, or its last four characters. Counted as still to do once.",
            metavar="KEY=REASON",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End what cannot be proven, one thing by name: attested, not proven. A key that answers is proven alive, so it is still to do."""
    screen, kept = Screen(as_json=as_json), open_state()
    if not attest.strip() or not by.strip():
        raise UsageError("closing needs a reason and a name", next_step="ir close INC --attest REASON --by NAME")
    name = named(kept, name)
    operator = Terminal(screen, name=by, yes=True)
    about = one_debt.meant(record_of(kept, name), debt, accept_left)
    if one_debt.by_word(kept, name, about, operator, attest, keeps=bool(accept_left)):
        sys.exit(one_debt.shown(kept, name, screen))
    alive = by_name.kept_alive(kept, operator, record_of(kept, name), accept_alive or ())
    _tell_or_go_on(kept, operator, name, "close", {"reason": attest, "debt": about, **({"accept_alive": alive} if alive else {})})


# ── going on ──


def _may_go_back(kept: State, operator: Terminal, record: Incident) -> bool:
    """A rollback kills the replacement, if there is one; without one it undoes nothing that could not be done again."""
    if "new" not in record.facts:
        return operator.confirm(f"Put the old key back for {record.id}? The leaked key stays alive.")
    about = irreversible.to_go_back(record, by_name.ends_in(kept, operator, record, "new"))
    step = next((row["id"] for row in record.plan["steps"] if row["action"] == "retire"), "")
    try:
        return by_name.confirmed(operator, about, by_name.settled(record, step, lambda: record_of(kept, record.id)))
    except by_name.Answered as answered:
        what = f"{answered.by} let the old key be killed meanwhile, so there may be no way back"
        raise Refused(what, safe="nothing was changed from here", next_step=f"ir status {record.id}") from None


def _tell_or_go_on(kept: State, operator: Terminal, name: str, kind: str, body: Json) -> None:
    """A live process obeys the signal itself; otherwise this one takes the incident over and obeys it."""
    holder = kept.leases.holder(name)
    if holder is None or not holder.alive:
        go_on(kept, operator, name, kind, body, None, None)
    kept.signals.send(name, kind, operator.name, body)
    operator.screen.say(f"{name} runs on {holder.host} (process {holder.pid}); {operator.name} {signal_words.did(kind)}")
    record = look_on(operator, kept, name)
    if operator.screen.as_json:
        operator.screen.document(following.document(record, record.exit_code))
    sys.exit(int(record.exit_code))


def go_on(kept: State, operator: Terminal, name: str, kind: str, body: Json, leaked: object, control: object) -> NoReturn:
    """Take an incident over, tell it `kind`, and run it on in this process."""
    from ir.core.secret import Secret
    from ir.engine.dbos_records import read_entries
    from ir.engine.dbos_runner import Runner
    from ir.runtime import reopen, unreplayable, words

    entries = read_entries(kept.engine, name)
    record = folding.fold(entries)
    if not entries:
        raise _never_begun(kept, name)
    folding.hear_late(record, kept.signals.sent(name))
    if record.status == "reopened" and kind == "close":
        record = reopen.close_again(kept, name, operator.name, str(body["reason"]), operator.screen.warn)
    closes_again = kind == "close" and record.status == "attested" and bool(record.debts) and "accepted" in record.ended
    if record.status in (*FINAL, "reopened") and not closes_again:
        unreplayable.note_the_end(record, kept)
        if record.status in FINAL:
            words.finish_writing(kept, record, operator.screen.warn)
        operator.screen.say(f"{name} has ended: {record.status}" if record.status in FINAL else f"{name} had ended and is open again")
        sys.exit(follow.finish(operator.screen, kept, record, record.standing_code))
    record_prompt.ask(kept, operator, record)
    files = record.opened["options"].get("key_files", {})
    given = leaked if isinstance(leaked, Secret) else read_again(files.get("leaked", ""), operator.screen)
    other = control if isinstance(control, Secret) else read_again(files.get("control", ""), operator.screen)
    operator.remember(files.get("new", ""))
    runner = Runner(kept.engine, kept.me, kept.leases, kept.signals)
    brought = follow.given(operator, given, other)
    if closes_again:
        record = unreplayable.end(record, entries, kept, brought, kind, body)
        sys.exit(follow.finish(operator.screen, kept, record, record.exit_code))
    try:
        world = lifecycle.go_on(record, kept, runner, brought, kind, body)
    except Unreplayable as error:
        if kind not in lifecycle.ENDS:
            raise
        operator.screen.say(f"{error.what}; so it ends without replay")
        record = unreplayable.end(record, entries, kept, brought, kind, body)
        sys.exit(follow.finish(operator.screen, kept, record, record.exit_code))
    operator.screen.say(f"incident {name}")
    follow.drive(runner, kept, world, operator, skip=len(entries))


# ── looking ──


def named(kept: State, name: str, *, ended: bool = False) -> str:
    """The incident that is meant: by name, else the only open one, else (`ended`) the newest.

    Raises:
        UsageError: there is none, or there are several.
    """
    if name:
        if kept.index.find(name) is None and kept.leases.holder(name) is None:
            raise UsageError(
                f"there is no incident {name}",
                next_step=f"ir status lists them; was it begun on a machine that is lost: ir rotate stripe KEY --adopt {name}",
            )
        return name
    open_ones = [row.incident for row in kept.index.rows() if row.status not in FINAL]
    if len(open_ones) == 1:
        return str(open_ones[0])
    if ended and not open_ones and kept.index.rows():
        return str(kept.index.rows()[0].incident)
    if open_ones:
        raise UsageError("which incident?", next_step=f"one of {', '.join(open_ones)}")
    if kept.index.rows():
        raise UsageError("no incident is open", next_step="ir status lists those that have ended; name one of them")
    raise UsageError("there is no incident yet", next_step="ir rotate stripe, or ir contain, begins one")


def record_of(kept: State, name: str) -> Incident:
    """What is recorded of an incident; nothing yet, while its process begins it.

    Raises:
        UsageError: there is none.
        Refused: its process ended before the first entry.
    """
    holder = kept.leases.holder(name)
    if kept.index.find(name) is None and holder is None:
        raise UsageError(f"there is no incident {name}", next_step="ir status lists them")
    from ir.runtime import reopen

    record = reopen.record_of(kept, name)
    if not record.id and not (holder and holder.alive):
        raise _never_begun(kept, name)
    return record


def _never_begun(kept: State, name: str) -> Refused:
    """The reason why an incident without a record is not continued: nothing is done before the first entry."""
    holder = kept.leases.holder(name)
    if holder and holder.alive:
        return Refused(f"{name} is being begun by process {holder.pid}", next_step=f"ir status {name} --follow")
    row = kept.index.find(name)
    if row is not None:  # it is entered together with its first entry
        again = str(row.summary.get("again") or f"ir rotate stripe {row.summary.get('key', '')}")
        gone = f"{name}: its entries are not in the database any more"
        return Refused(gone, safe="nothing was changed now", next_step=f"{again} --adopt {name}")
    what = f"{name} was not begun: its process ended before the first entry was recorded"
    return Refused(what, safe="nothing was changed, and the key is free", next_step="ir rotate stripe, or ir contain, as before")
