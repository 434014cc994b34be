"""That a breached place is closed: a named person said so, and every key that leaked there has to hear it.

Incidents that have begun hear it as a word of that person. What has not begun gets it into its setting.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from ir.core.model import Json
from ir.core.reference import parse
from ir.fleet.agreed_work import Sign, agreed
from ir.fleet.breach import book
from ir.fleet.campaign import Child, ChildState, server
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import CHILDREN
from ir.incident.plan import plan_from_json
from ir.storage.signal_log import SignalLog

Signers = Callable[[str, str, Path], Sequence[Sign]]
"""Text, name and folder of an inventory → whose keys sign what workers are to run."""


def hear(incidents: SignalLog, ledger: CampaignLedger, name: str, children: Sequence[Child]) -> None:
    """Tell the incidents of these children, if the places where their keys leaked are closed; none is told twice."""
    row = ledger.campaign(name) or {}
    for child in children:
        setting = ledger.setting(child)
        source, who = _closed(setting, row["about"][book.ABOUT]["closed"])
        if not who or not child.incident or _heard(incidents, child.incident, source):
            continue
        body = {"plan": plan_from_json(setting["plan"]).hash, "reason": row["about"].get("reason", ""), "step": "", "source_closed": source}
        incidents.send(child.incident, "approve", who, body)


def tell_queued(ledger: CampaignLedger, name: str, by: str, signers: Signers) -> None:
    """What has not begun is begun with that word."""
    row = ledger.campaign(name) or {}
    for child in ledger.children(name):
        setting = ledger.setting(child)
        _, who = _closed(setting, row["about"][book.ABOUT]["closed"])
        if child.state is not ChildState.QUEUED or not who:
            continue
        said = {**setting, "options": {**setting["options"], "source_closed_by": who}}
        said.pop("agreed", None)
        ((_, signed),) = agreed(signers(said["text"], said["name"], Path(said["base"])), name, by, [(child, said)])
        _rewrite(ledger, child, signed)


def _rewrite(ledger: CampaignLedger, child: Child, setting: Json) -> None:
    """If it still has not begun; else its incident hears it."""
    seen = (CHILDREN.c.id == child.id) & (CHILDREN.c.state == ChildState.QUEUED.value)
    with ledger.engine.begin() as db:
        db.execute(sa.update(CHILDREN).where(seen).values(setting=setting))


def _closed(setting: Json, closed: Json) -> tuple[str, str]:
    """Where the key of a child leaked, and who says that it is closed; "" where no person has to say so (any more)."""
    source = str(setting["options"].get("source") or "")
    if not source or setting["options"].get("source_closed_by"):
        return source, ""
    return source, str(closed.get(server(parse(source)), ""))


def _heard(incidents: SignalLog, incident: str, source: str) -> bool:
    return any(signal["body"].get("source_closed") == source for signal in incidents.sent(incident))
