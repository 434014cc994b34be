"""`ir approve`: one person approves a step, signed or not, from any machine that reaches the database."""

import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from ir import inventory
from ir.cli.incidents import By, Name, Reason, named, record_of
from ir.cli.options import AsJson, Yes
from ir.cli.terminal import by_name, tty_guard
from ir.cli.terminal.approval_signing import public_half, signed
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.option_values import moment
from ir.cli.terminal.screen import Screen
from ir.core import durations, permission
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.login import remark
from ir.core.model import Danger, Did, Json
from ir.engine import approvals
from ir.incident import irreversible
from ir.incident.record import FINAL, Incident
from ir.inventory import Approver
from ir.runtime import wiring
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.approved import weighed as weigh_all


def approve(
    name: Name = "",
    reason: Reason = "",
    by: By = "",
    expires: Annotated[
        str, typer.Option(help="Until when it holds: a duration such as 2h, or ISO 8601; default 24h.", metavar="TIME")
    ] = "",
    sign_with: Annotated[
        str, typer.Option(help="Sign with this SSH or Ed25519 key, whose public half the inventory lists.", metavar="FILE")
    ] = "",
    break_glass: Annotated[
        str, typer.Option(help="Approve alone, without a second person; the report says so in its first line.", metavar="REASON")
    ] = "",
    source_closed: Annotated[str, typer.Option(help="Say that this source of the leak is closed.", metavar="STORE|SERVICE")] = "",
    unused: Annotated[str, typer.Option(help="Say that the old key is not used any more, and how you know.", metavar="REASON")] = "",
    grant: Annotated[
        str, typer.Option(help="Let the replacement have this permission, which a service was refused without.", metavar="PERMISSION")
    ] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Approve the step that an incident waits for; `ir resume` then goes on."""
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name)
    record = record_of(kept, name)
    if record.status in FINAL:
        raise Refused(f"{name} has ended ({record.status})")
    who, word = by or actor(), _word(record, reason, source_closed, unused.strip(), grant.strip())
    if word:
        body = word
    else:
        _confirm_or_end(kept, Terminal(screen, name=who, yes=yes), record, _step(record))
        body = _approval(record, who if by else "", reason, expires, sign_with)
        who = body.get("name") or who
    if break_glass.strip():
        body["break_glass"] = break_glass.strip()
        screen.warn(f"BREAK GLASS: `{body['step']}` will be done on the approval of {who} alone: {break_glass.strip()}")
    if said := remark():
        body["environment"] = said
    kept.signals.send(name, "approve", who, body)
    what = body["step"] or source_closed or body.get("grant") or "unused"
    told = {"incident": name, "approved": what, "by": who, "signed": bool(body.get("signature"))}
    weighed = {} if word else weigh_all(kept, record, body["step"])
    if as_json:
        screen.document({**told, "until": body.get("until", 0), "broken_glass": bool(break_glass.strip()), "weighed": weighed})
        return
    said = (
        _said(source_closed, str(body.get("grant", "")), who)
        if word
        else f"`{what}` approved by {who}, {'signed' if told['signed'] else 'unsigned'}"
    )
    screen.say(f"{said}; go on with: ir resume {name}")
    if weighed and (weighed["needs"] > 1 or weighed["not_counted"]):
        screen.say(f"so far: {weighed['said']}")


def _confirm_or_end(kept: State, operator: Terminal, record: Incident, step: str) -> None:
    """As `confirm`; the command ends when another person was first."""
    try:
        confirm(kept, operator, record, step)
    except by_name.Answered as answered:
        operator.screen.say(f"{answered.by} has approved `{step}` already; nothing was sent from here")
        sys.exit(int(ExitCode.DONE))


def confirm(kept: State, operator: Terminal, record: Incident, step: str, closed: Callable[[], str] = lambda: "") -> None:
    """At a terminal, what cannot be undone is confirmed by name, here as where the incident runs.

    Args:
        kept: the state.
        operator: who is asked.
        record: of the incident, as it is now.
        step: which asks for an approval.
        closed: who closed the question otherwise meanwhile, "" = it was not closed.

    Raises:
        Answered: another person was first.
        Refused: it was not confirmed.
    """
    row = next(row for row in record.plan["steps"] if row["id"] == step)
    if not operator.interactive or row["danger"] != Danger.IRREVERSIBLE:
        return
    about = irreversible.to_kill(record, by_name.ends_in(kept, operator, record, "old"))
    alone = int(row.get("approvals", 1)) < 2
    settled = by_name.settled(record, row["id"], lambda: record_of(kept, record.id)) if alone else lambda: ""
    if not by_name.confirmed(operator, about, lambda: settled() or closed()):
        raise Refused("not confirmed", safe="nothing was approved, nothing was killed", next_step=f"ir approve {record.id} asks again")


def _word(record: Incident, reason: str, source_closed: str, unused: str, grant: str) -> Json:
    """The signal of a person who vouches for what the tool cannot see; {} when it is an approval.

    Raises:
        Refused: the incident does not ask whether the old key is used, or for that permission.
    """
    body: Json = {"plan": record.opened["plan_hash"], "reason": reason, "step": ""}
    if source_closed:
        return {**body, "source_closed": source_closed}
    if grant:
        return {**body, "grant": _lacking(record, grant), "seen": record.facts.get("new", {}).get("fingerprint", "")}
    if not unused:
        return {}
    last = record.runs[-1] if record.runs else None
    if last is None or last.action != "quiet" or last.outcome.did is not Did.WAITING:
        raise Refused(f"{record.id} does not ask whether the old key is still used", next_step=f"ir status {record.id}")
    return {**body, "unused": unused, "seen": approvals.question(record, "", 1, "", ()).seen}


def _lacking(record: Incident, grant: str) -> str:
    """The permission, as it was told to be lacking. Raises Refused: it was not."""
    told = [str(row["name"]) for row in record.facts.get("rights", {}).get("lacking", []) if row["name"]]
    name = permission.named(grant)
    if name not in told:
        known = f"lacking is {', '.join(told)}" if told else f"ir status {record.id}"
        raise Refused(f"no service of {record.id} was refused for want of {grant[:60]}", safe="nothing was added", next_step=known)
    return name


def _said(source_closed: str, grant: str, who: str) -> str:
    if grant:
        return f"the replacement may have `{grant}`, says {who}"
    what = f"source {source_closed} is closed" if source_closed else "the old key is not used any more"
    return f"{what}, says {who}"


def _approval(record: Incident, by: str, reason: str, expires: str, sign_with: str) -> Json:
    """The signal; `name` and `signature` only when it is signed."""
    step = _step(record)
    body: Json = {**unsigned(record, step), "until": int(_until(expires)), "reason": reason}
    if not sign_with:
        return body
    approver = _approver(record, by, sign_with)
    words = approvals.statement(record.id, step, body["plan"], body["seen"], body["until"], approver.name)
    with tty_guard.lent():
        signature = signed(sign_with, words)
    return {**body, "name": approver.name, "signature": signature}


def unsigned(record: Incident, step: str) -> Json:
    """The signal of an approval for the usual time, of what is verified by now."""
    plan = str(record.opened["plan_hash"])
    seen = approvals.question(record, step, 1, plan, ()).seen
    return {"plan": plan, "step": step, "seen": seen, "until": int(_until("")), "reason": ""}


def _step(record: Incident) -> str:
    """The step that waits for an approval, else the next one that will ask for one.

    Raises:
        Refused: no step that is still to come asks for one.
    """
    last = record.runs[-1] if record.runs else None
    if last is not None and last.action == "approve":
        return last.id
    found = next((s["id"] for s in record.plan["steps"] if s["approval"] and not record.settled(s["id"])), "")
    if not found:
        raise Refused(f"no step of {record.id} asks for an approval any more", next_step=f"ir status {record.id}")
    return str(found)


def _until(expires: str) -> float:
    now = time.time()
    try:
        until = now + durations.seconds(expires or f"{approvals.DEFAULT:g}s")
    except ValueError:
        until = moment(expires, wiring.SystemClock().now())
    if not now < until <= now + approvals.LONGEST:
        raise UsageError(f"--expires {expires}: an approval holds for 7 days at most, and not backwards", next_step="say 2h, or 24h")
    return until


def _approver(record: Incident, by: str, sign_with: str) -> Approver:
    """The person whose key it is, by the inventory that the incident was begun with."""
    source = inventory.loads(record.opened["inventory"], record.opened["inventory_name"])
    key = public_half(sign_with)
    found = [row for row in source.approvers if row.public == key and by in ("", row.name)]
    if not found:
        names = ", ".join(sorted({row.name for row in source.approvers})) or "no one"
        whose = f"a key of {by}" if by else "a key of anybody"
        raise UsageError(
            f"{sign_with} ({key.fingerprint}) is not listed as {whose} in the inventory of {record.id}",
            next_step=f"listed: {names}",
        )
    return found[0]
