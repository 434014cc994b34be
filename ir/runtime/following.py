"""Follow an incident: tell when it stands still, and what `--json` prints of it."""

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.incident import reversibility
from ir.incident.context import World
from ir.incident.record import Incident
from ir.runtime.app_state import State


def stands_still(kept: State, record: Incident) -> ExitCode | None:
    """How it ends for now, as of its last entry: it waits for a signal, or only debt keeps it open; None: it goes on."""
    last = record.last or {}
    in_debt = last.get("kind") == "ended" and record.status == "debt"
    if not (record.status == "waiting" or in_debt) or kept.signals.sent(record.id, record.heard):
        return None
    return ExitCode(last["body"]["exit_code"]) if in_debt else ExitCode.WAITING


def in_custody(world: World) -> bool:
    """Whether the new key, if there is one, is anywhere but in this process."""
    return (
        world.keys.replacement is None
        or bool(world.run.facts().get("new", {}).get("custody"))
        or bool(world.run.facts().get("promoted_at"))
    )


def document(record: Incident, code: ExitCode) -> Json:
    """What `--json` prints for one incident."""
    facts = record.facts
    return {
        "incident": record.id,
        "status": record.status,
        "exit_code": int(code),
        "policy": record.plan.get("policy", ""),
        "playbook": record.plan.get("playbook", ""),
        "key": record.opened.get("key", ""),
        "reversibility": reversibility.promise_of(record.plan),
        "old": facts.get("old", {}),
        "new": facts.get("new", {}),
        "stores": facts.get("stores", {}),
        "services": facts.get("services", {}),
        "verdicts": facts.get("review", {}).get("verdicts", {}),
        "proof": facts.get("proof", {}),
        "steps": [{"id": run.id, "did": run.outcome.did.value, "said": run.outcome.said, "todo": run.outcome.todo} for run in record.runs],
        "debts": [debt.__dict__ for debt in record.debts.values()],
        "head": record.head,
    }
