"""Who has approved what an incident waits for, and who may still do it; also by approvals that it has not heard yet."""

import time

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Json
from ir.engine import approvals
from ir.engine.approvals import Question
from ir.incident import standing
from ir.incident.record import Incident
from ir.runtime.app_state import State


def weighed(kept: State, record: Incident, step: str) -> Json:
    """What all approvals of a step come to by now (`approvals.weigh`); the incident weighs them again itself."""
    return approvals.weigh(_question(record, step), _signals(kept, record, step), time.time())


def still_to_approve(kept: State, record: Incident) -> list[str]:
    """Names of those whose approval an incident still waits for; empty where one person is enough, or nobody is listed."""
    step = record.runs[-1].id if standing.asks(record).get("action") == "approve" else ""
    if _needs(record, step) < 2:
        return []
    try:
        asked = _question(record, step)
    except IrError:
        return []  # another version's inventory
    found = approvals.weigh(asked, _signals(kept, record, step), time.time())
    given = {person["name"] for person in found["people"]}
    able = [row.name for row in asked.approvers if row.name not in given and not approvals.is_requester(asked, row.name)]
    return [] if found["granted"] else able


def _needs(record: Incident, step: str) -> int:
    return next((int(row.get("approvals", 1)) for row in record.plan.get("steps", []) if row["id"] == step), 1)


def _question(record: Incident, step: str) -> Question:
    listed = inventory.loads(record.opened["inventory"], record.opened["inventory_name"]).approvers
    return approvals.question(record, step, _needs(record, step), str(record.opened["plan_hash"]), listed)


def _signals(kept: State, record: Incident, step: str) -> list[Json]:
    sent = kept.ledger.signals(record.id, record.heard)
    fresh = [{**row["body"], "kind": row["kind"], "by": row["actor"], "step": row["body"].get("step", step)} for row in sent]
    return [*record.signals, *fresh]
