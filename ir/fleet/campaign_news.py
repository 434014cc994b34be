"""Tell people that a campaign has begun, is paused, or is done; once, by the first worker that sees it."""

from collections.abc import Callable

from ir import inventory
from ir.core.errors import IrError
from ir.fleet import agreed_work, digest
from ir.fleet.agreed_work import Trust
from ir.fleet.campaign import Child
from ir.fleet.campaign_child import setting_of
from ir.fleet.campaign_store import CampaignLedger
from ir.runtime import adapter_registry, wiring
from ir.runtime.app_state import State
from ir.runtime.lifecycle import Unattended


def tell(kept: State, book: CampaignLedger, child: Child, trust: Callable[[], Trust]) -> None:
    """Tell the news of the campaign of a child that has just begun or ended to the recipients in its inventory.

    Only an inventory with consent names the recipients: an address may be behind a program.
    """
    row = book.campaign(child.campaign)
    if row is None or row["kind"] != "campaign":
        return
    try:
        said = book.setting(child)
        agreed_work.check(child, said, trust())
        setting = setting_of(child, said)
        source = inventory.loads(setting.text, setting.name)
    except (IrError, LookupError, TypeError, ValueError):
        return  # readers of the campaign are told what happened to the child
    if source.notify:
        resolver = adapter_registry.reference_resolver(source, Unattended(kept.me.actor, yes=True), setting.base)
        wiring.desk(source, kept, resolver).tell(digest.campaign(row, book.children(child.campaign)))
