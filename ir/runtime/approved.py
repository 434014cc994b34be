"""The approvals of a waiting incident: who has approved and who still may, with approvals that the incident has not heard yet."""

import time
from collections.abc import Sequence
from pathlib import Path

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Json
from ir.engine import approvals
from ir.engine.approvals import Question
from ir.incident import standing_facts
from ir.incident.approvers import able
from ir.incident.record import Incident
from ir.inventory import Approver
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, setting_from


def weighed(kept: State, record: Incident, step: str) -> Json:
    """The result of all approvals of a step by now (`approvals.weigh`); the incident decides it again itself."""
    return approvals.weigh(_question(record, step), _signals(kept, record, step), time.time())


def still_to_approve(kept: State, record: Incident) -> list[str]:
    """Names of people whose approval an incident still waits for; empty where one person is enough, or none is listed."""
    step = record.runs[-1].id if standing_facts.asks(record).get("action") == "approve" else ""
    if _needs(record, step) < 2:
        return []
    try:
        asked = _question(record, step)
    except IrError:
        return []  # another version's inventory
    found = approvals.weigh(asked, _signals(kept, record, step), time.time())
    given = {person["name"] for person in found["people"]}
    return [] if found["granted"] else [name for name in able(asked.approvers, asked.requester) if name not in given]


def _needs(record: Incident, step: str) -> int:
    return next((int(row.get("approvals", 1)) for row in record.plan.get("steps", []) if row["id"] == step), 1)


def _question(record: Incident, step: str) -> Question:
    setting = setting_from(record.id, record.opened)
    listed = inventory.loads(setting.text, setting.name).approvers
    return approvals.question(record, step, _needs(record, step), str(record.opened["plan_hash"]), listed, removed(setting, listed))


def removed(setting: Setting, listed: Sequence[Approver]) -> tuple[Approver, ...]:
    """Approvers of an incident whose key is no longer in its inventory's file, as this machine has it now.

    A file that is missing or cannot be read takes no approver's key away.
    """
    try:
        now = {(row.name, row.public) for row in inventory.load(setting.base / Path(setting.name).name).approvers}
    except (IrError, OSError):
        return ()
    return tuple(row for row in listed if (row.name, row.public) not in now)


def _signals(kept: State, record: Incident, step: str) -> list[Json]:
    sent = kept.signals.sent(record.id, record.heard)
    fresh = [{**row["body"], "kind": row["kind"], "by": row["actor"], "step": row["body"].get("step", step)} for row in sent]
    return [*record.signals, *fresh]
