"""`ir notify record|list`: who was told, when, by whom and under which reference, or why not; and what is still to be told."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.incidents import By, Name, named
from ir.cli.options import AsJson
from ir.cli.terminal.option_values import past
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.core.model import Json
from ir.engine.dbos_records import read_entries
from ir.incident import deadlines, ladder, obligations
from ir.incident.record import Incident
from ir.report.notices import DRAFTS
from ir.runtime import words
from ir.runtime.app_state import open_state
from ir.runtime.reopen import record_of
from ir.storage import written_file


def record(
    name: Name = "",
    to: Annotated[str, typer.Option(help=f"Who was told: {', '.join(obligations.RECIPIENTS)}.", metavar="WHOM")] = "",
    at: Annotated[str, typer.Option(help="When: 2026-11-23T03:00Z, `now`, or a duration such as 2h ago.", metavar="TIME")] = "",
    by: By = "",
    reference: Annotated[str, typer.Option(help="Their case number, or where your copy is.", metavar="TEXT")] = "",
    because: Annotated[str, typer.Option("--not-told", help="They are not told, and why.", metavar="REASON")] = "",
    clock: Annotated[str, typer.Option(help="Which clock it answers, where several count for one recipient.", metavar="ID")] = "",
    as_json: AsJson = False,
) -> None:
    """Record that somebody outside was told, or is not told because REASON. In the chain, signed and in the bundle at once."""
    _check(to, at, by, reference, because)
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name, ended=True)
    seen = record_of(kept, name)
    known = {row.clock.id: row.clock for row in deadlines.all_of(seen)}
    if clock and (clock not in known or known[clock].to != to):
        fit = [one for one, row in known.items() if row.to == to]
        raise UsageError(f"--clock {clock[:40]}: not a clock for {to}", next_step=f"one of {', '.join(fit)}" if fit else "leave it out")
    when = 0.0 if because else time.time() if at == "now" else past("--at", at)
    if when and when < (since := ladder.known_since(seen)) - ladder.SLIP:
        what = f"--at {at}: long before {name}, of which nothing was known before {deadlines.utc(since)}"
        raise UsageError(what, safe="nothing was recorded", next_step=f"if it was known earlier: ir classify {name} --aware-at TIME")
    said: Json = {"to": to, "clock": clock, "when": when, "reference": reference, "reason": because}
    told = words.say(kept, name, by, [{"kind": "not-told" if because else "told", **said}], screen.warn)
    if as_json:
        screen.document({"incident": name, **said, "by": by, "entry": told.words[-1]["n"], "head": told.head, **_rows(told)})
        return
    what = f"{to} is not told: {because}" if because else f"{to} was told at {deadlines.utc(when)}, reference {reference}"
    screen.say(f"{name}: {what} ({by}, entry {told.words[-1]['n']})")
    _show(screen, told)


def list_clocks(name: Name = "", as_json: AsJson = False) -> None:
    """Every clock of an incident: since when it runs, until when, who was told, article, source, and what is unclear."""
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name, ended=True)
    found = record_of(kept, name)
    if as_json:
        screen.document({"incident": name, "as_of": obligations.shipped().as_of.isoformat(), **_rows(found)})
        return
    for row in deadlines.all_of(found):
        screen.say(f"{row.clock.id} ({row.state}): {row.said(time.time())}")
        screen.say(f"  {row.clock.says}\n  source: {row.clock.source} (in force since {row.clock.effective})")
        if row.clock.unclear:
            screen.say(f"  unclear: {row.clock.unclear}")
    rest = [pack.name for pack in obligations.shipped().packs if pack.name not in deadlines.packs(found)]
    screen.say(f"not named as applying: {', '.join(rest) or 'none'}; ir classify {name} --under PACK --by NAME")


def draft(
    name: Name = "",
    to: Annotated[str, typer.Option(help=f"For whom: {', '.join(DRAFTS)}.", metavar="WHOM")] = "authority",
    output: Annotated[str, typer.Option(help="Write it there (0600); default: standard output.", metavar="FILE")] = "",
) -> None:
    """A draft of a notification, filled with facts of the record; what is not known says *unknown*. A person sends it."""
    from ir.report import notices, render

    if to not in DRAFTS:
        raise UsageError(f"--to {to[:40]}: there is no draft for that", next_step=f"one of {', '.join(DRAFTS)}")
    kept = open_state()
    name = named(kept, name, ended=True)
    entries = read_entries(kept.engine, name)
    told = json.loads(render(record_of(kept, name), "json", entries, checkpoints=kept.checkpoints.of(name)))
    text = notices.draft(told, to)
    if not output:
        sys.stdout.write(text)
        return
    written_file.write(Path(output), text)
    Screen().say(f"written to {Path(output)}; read it, complete what is unknown, send it yourself")


def _check(to: str, at: str, by: str, reference: str, because: str) -> None:
    """Raises UsageError: something that the record needs is missing."""
    next_step = "ir notify record INC --to authority --at TIME --by NAME --reference REF, or --not-told REASON"
    if to not in obligations.RECIPIENTS:
        raise UsageError(f"--to {to[:40] or 'is missing'}: who was told?", next_step=f"one of {', '.join(obligations.RECIPIENTS)}")
    if not by.strip():
        raise UsageError("a notification is recorded by a named person: --by NAME", next_step=next_step)
    if bool(because.strip()) == bool(at or reference):
        raise UsageError("say when and under which reference they were told, or why not", next_step=next_step)
    if not because and not (at and reference.strip()):
        raise UsageError("a notification needs --at and --reference", next_step=next_step)


def _show(screen: Screen, told: Incident) -> None:
    for row in deadlines.open_ones(told):
        screen.say(f"  still to do: {row.said(time.time())}")
    if "aware" not in ladder.ladder(told):
        screen.say(f"  no clock runs yet: ir classify {told.id} --aware-at TIME --by NAME")


def _rows(told: Incident) -> Json:
    return {"deadlines": [row.to_json() for row in deadlines.all_of(told)], "packs": list(deadlines.packs(told))}
