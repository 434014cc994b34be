"""`ir classify`: the ladder of an incident, by named persons: aware, a personal data breach or not, material or not."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from ir.cli.incidents import By, Name, named
from ir.cli.options import AsJson
from ir.cli.terminal.option_values import past
from ir.cli.terminal.screen import Screen
from ir.core.durations import spoken
from ir.core.errors import Refused, UsageError
from ir.core.model import Json
from ir.incident import deadlines, ladder, obligations
from ir.incident.record import Incident
from ir.runtime import reopen, words
from ir.runtime.app_state import State, open_state

AUTHORITY = "gdpr-33"
"""The clock whose end is printed first."""


def classify(
    name: Name = "",
    breach: Annotated[bool | None, typer.Option("--breach/--no-breach", help="Is it a personal data breach?")] = None,
    reason: Annotated[str, typer.Option(help="Why; the report quotes it.", metavar="TEXT")] = "",
    by: By = "",
    as_json: AsJson = False,
    aware: Annotated[bool, typer.Option("--aware", help="Say that you know of it since now.")] = False,
    aware_at: Annotated[str, typer.Option(help="Say since when you know of it; the clocks run from then.", metavar="TIME")] = "",
    material: Annotated[bool | None, typer.Option("--material/--not-material", help="Is it material (SEC Form 8-K)?")] = None,
    under: Annotated[list[str] | None, typer.Option(help="A pack of clocks that counts, too: nis2, dora, us-ca, …", metavar="PACK")] = None,
) -> None:
    """State when you learned of it, and whether it is a personal data breach, and material. Clocks run from awareness, never later."""
    said = breach is not None or aware or aware_at or material is not None or under
    if not said or not by.strip():
        next_step = "ir classify INC --breach --by NAME, or --aware-at TIME, --material, --under PACK"
        raise UsageError("this is a person's decision: it needs a yes or no, and a name", next_step=next_step)
    known = [pack.name for pack in obligations.shipped().packs]
    if strange := [pack for pack in under or () if pack not in known]:
        raise UsageError(f"--under {strange[0][:40]}: not known", next_step=f"one of {', '.join(known)}")
    screen, kept, now = Screen(as_json=as_json), open_state(), time.time()
    name = named(kept, name, ended=True)
    since = _aware(kept, name, aware_at) if aware_at else now if aware else 0.0
    told = _rungs(now, breach, since, material)
    bodies = [{"kind": "ladder", **rung, "reason": reason} for rung in told] or [{"kind": "under", "reason": reason}]
    bodies[0]["under"] = list(under or ())
    facts = {"classified_at": now, "classified_by": by, "classified_because": reason, "personal_data_breach": breach}
    for body in bodies:
        if body.get("rung") == "classified":
            body["facts"] = facts
    record = _recorded(kept, name, by, bodies, screen)
    _show(screen, record, facts if breach is not None else {}, now)


def _aware(kept: State, name: str, text: str) -> float:
    """No later word moves a clock later, so a slip of the pen is refused where it can be told. Raises UsageError."""
    at, made = past("--aware-at", text), ladder.key_made_at(reopen.record_of(kept, name))
    if at < made - ladder.SLIP:
        what = f"--aware-at {text}: long before the key was made ({deadlines.utc(made)}), so nobody can have known of its leak"
        raise UsageError(what, safe="nothing was recorded", next_step="look at the year")
    return at


def _rungs(now: float, breach: bool | None, aware_at: float, material: bool | None) -> list[Json]:
    """The rungs that were named, lowest first."""
    rungs: list[Json] = [{"rung": "aware", "when": aware_at}] if aware_at else []
    rungs += [{"rung": "classified", "when": now, "breach": breach}] if breach is not None else []
    return rungs + ([{"rung": "material", "when": now, "material": material}] if material is not None else [])


def _recorded(kept: State, name: str, by: str, bodies: list[Json], screen: Screen) -> Incident:
    """Record it in the chain; a login that may only approve and classify sends it as a signal, which the incident takes in later."""
    try:
        return words.say(kept, name, by, bodies, screen.warn)
    except Refused as refused:
        facts = [body["facts"] for body in bodies if "facts" in body]
        if not facts or kept.engine.dialect.name != "postgresql":
            raise
        kept.signals.send(name, "classify", by, {"facts": facts[0]})
        screen.warn(f"{refused.what}: sent instead; it is in the chain once a process of the incident takes it in")
        return reopen.record_of(kept, name)


def _show(screen: Screen, record: Incident, facts: Json, now: float) -> None:
    found, rungs = deadlines.all_of(record), ladder.ladder(record)
    first = next(row for row in found if row.clock.id == AUTHORITY)
    due = datetime.fromtimestamp(first.due, UTC).isoformat(timespec="minutes") if first.due and first.state != deadlines.NO_BREACH else ""
    if screen.as_json:
        steps = {rung: {"at": word.at, "by": word.by, "reason": word.reason, "entry": word.entry} for rung, word in rungs.items()}
        rows = {"ladder": steps, "deadlines": [row.to_json() for row in found], "head": record.head}
        screen.document({"incident": record.id, **facts, "notify_by": due, **rows})
        return
    no = ladder.no_breach(record)
    if no is not None:
        screen.say(f"{record.id}: {no.by} says no personal data breach; ir report {record.id} shows it")
        return
    for rung, word in rungs.items():
        screen.say(f"{record.id}: {rung} at {deadlines.utc(word.at)}, {word.by}{': ' + word.reason if word.reason else ''}")
    for row in deadlines.open_ones(record):
        screen.say(f"  {row.said(now)}")
        if row.bound and row.bound < row.due:
            way = f"{spoken(abs(row.bound - now))} {'left' if row.bound > now else 'ago'}"
            screen.say(f"    by {deadlines.utc(row.bound)}, if detection is awareness ({way})")
        if row.clock.unclear:
            screen.say(f"    unclear: {row.clock.unclear}")
    for bound in deadlines.bound_of_detection(record):
        screen.say(f"  {bound}")
