"""The index row of an incident: its secret-free summary."""

from dataclasses import asdict

from ir.core.model import Json
from ir.incident import debts, standing_facts
from ir.incident.record import Incident
from ir.runtime import learned_rights


def _said(record: Incident) -> str:
    """Of one that ended without its aim why, of others what was done last."""
    if record.ended and record.status not in ("done", "debt"):
        return str(record.ended.get("said", ""))
    return record.runs[-1].outcome.said if record.runs else ""


def summary(record: Incident, places: set[str]) -> Json:
    """The index row's secret-free summary."""
    facts = record.facts
    return {
        "key": record.opened.get("key", ""),
        "policy": record.plan.get("policy", ""),
        "rehearsal": record.dry_run,
        "drill": bool(record.opened.get("options", {}).get("drill")),
        "old": facts.get("old", {}).get("fingerprint", ""),
        "new": facts.get("new", {}).get("fingerprint", ""),
        "debts": [asdict(debt) for debt in record.debts.values()],
        "took_over": sorted(facts.get("took_over", {})),
        "custody": debts.custody(record),
        "destinations": sorted(places),
        "actor": record.actor,
        "step": record.runs[-1].id if record.runs else "",
        "said": _said(record),
        "account": facts.get("old", {}).get("account", ""),
        "heard": record.heard,
        **standing_facts.told(record),
        **learned_rights.summarised(facts),
        "removal": facts.get("removal", {}) if not facts.get("removed_at") else {},
        "wake_at": record.runs[-1].outcome.facts.get("wake_at", 0.0) if record.runs and record.status == "waiting" else 0.0,
    }
