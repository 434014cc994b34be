"""The record of a breach beside its campaign: what was stored there, and what people said since. Names alone, never a value."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from ir.core.errors import UsageError
from ir.core.model import Json
from ir.fleet.breach.item import BreachItem
from ir.fleet.breach.matching import Look
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import CAMPAIGNS

ABOUT = "breach"


def told(looks: Sequence[Look], items: Sequence[BreachItem], *, closed_by: str, login_by: str) -> Json:
    """As it is kept with the campaign.

    Args:
        looks: one per place.
        items: what lay there, in order of danger.
        closed_by: who says that all of it is closed, "" = no one so far.
        login_by: whose word it is that `ir` may write there with its login.
    """
    servers = sorted({server for item in items for server in item.servers})
    places = [
        {"place": str(one.place), "names": len(one.listing.rows), "why_not": one.why_not, "unseen": list(one.listing.unseen)}
        for one in looks
    ]
    closed = dict.fromkeys(servers, closed_by) if closed_by else {}
    return {ABOUT: {"places": places, "items": [item.to_json() for item in items], "closed": closed, "login_by": login_by, "done": {}}}


def newest(ledger: CampaignLedger, name: str = "") -> Json:
    """The campaign of a breach: the named one, else the newest. Raises UsageError: there is none."""
    rows = [row for row in ledger.campaigns() if ABOUT in row["about"] and name in ("", row["campaign"])]
    if not rows:
        what = f"{name} is not the campaign of a breach" if name else "no breach is on record"
        raise UsageError(
            what, safe="nothing was changed", next_step="ir breach --stored-in PLACE begins one, with --dry-run it lists a place"
        )
    return rows[0]


def change(ledger: CampaignLedger, name: str, how: Callable[[Json], Json]) -> None:
    """Write down what a person said; two who say something at once are both kept."""
    with ledger.engine.begin() as db:
        mine = CAMPAIGNS.c.campaign == name
        about = db.execute(sa.select(CAMPAIGNS.c.about).where(mine).with_for_update()).scalar_one()
        changed = {**about, ABOUT: how(dict(about[ABOUT]))}
        db.execute(sa.update(CAMPAIGNS).where(mine).values(about=changed))
