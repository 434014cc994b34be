"""Telling incidents that the place which leaked is closed: a named person said so of the place, and each of them waits to hear it."""

from collections.abc import Sequence

from ir.core.reference import parse
from ir.fleet.breach import book
from ir.fleet.campaign import Child, server
from ir.fleet.campaign_store import CampaignLedger
from ir.incident.plan import plan_from_json
from ir.storage.incident_store import Ledger


def hear(incidents: Ledger, ledger: CampaignLedger, name: str, children: Sequence[Child]) -> None:
    """Tell those of a campaign's children that have begun, and that were not told yet; the others hear it when they wait."""
    row = ledger.campaign(name) or {}
    closed = row["about"][book.ABOUT]["closed"]
    for child in children:
        setting = ledger.setting(child)
        source = str(setting["options"].get("source") or "")
        who = closed.get(server(parse(source)), "") if source and child.incident else ""
        if not who or any(signal["body"].get("source_closed") == source for signal in incidents.signals(child.incident)):
            continue
        body = {"plan": plan_from_json(setting["plan"]).hash, "reason": row["about"].get("reason", ""), "step": "", "source_closed": source}
        incidents.send(child.incident, "approve", who, body)
