"""The state of a campaign's children by the index of incidents: which sleep, and which a person ended elsewhere."""

from collections.abc import Sequence

from ir.fleet.campaign import Child, ChildState, state_of
from ir.fleet.campaign_store import CampaignLedger
from ir.storage.incident_index import ACTS_NO_MORE, IncidentIndex


def sleeping(index: IncidentIndex, children: Sequence[Child], now: float) -> list[str]:
    """Incidents that wait for a time after `now` (epoch seconds), such as the end of a grace period, and not for a person."""
    waiting = [child.incident for child in children if child.state is ChildState.WAITING]
    found = [index.find(name) for name in waiting]
    return [row.incident for row in found if row and row.summary.get("wake_at", 0.0) > now]


def settled(index: IncidentIndex, book: CampaignLedger, campaign: str) -> list[Child]:
    """The children; those that a person ended by hand are settled first."""
    for child in book.children(campaign):
        if child.state in (ChildState.WAITING, ChildState.DEBT):
            row = index.find(child.incident)
            if row and row.status in ACTS_NO_MORE and state_of(row) is not child.state:
                book.settle(child, state_of(row), said=str(row.summary.get("said", "")), exit_code=row.exit_code)
    return book.children(campaign)
