"""Deletions that finished incidents have planned for some days later: a webhook's old endpoint, disabled until then.

The plan is in the index, so that `ir status` shows it and every look at the schedule carries it out. The incident has ended, so nothing
is added to its evidence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ir import inventory
from ir.core.errors import IrError, PortError
from ir.core.model import Json
from ir.incident.context import World
from ir.incident.record import Incident
from ir.inventory import Webhook
from ir.ports import Operator
from ir.runtime import adapter_registry, issuer_adapters, record_consent, reopen, wiring
from ir.runtime.app_state import State
from ir.runtime.incident_spec import setting_from
from ir.runtime.signing_secrets import SignedWith
from ir.storage.incident_index import IncidentRow

Unagreed = Callable[[State, Incident, record_consent.Places], Sequence[str]]


@dataclass(frozen=True)
class DueRemoval:
    """One planned deletion. Attributes: at: epoch seconds, key_id: of the endpoint."""

    incident: str
    key_id: str
    at: float

    @property
    def said(self) -> str:
        """For the screen."""
        day = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{self.incident}: {self.key_id} is disabled, and is deleted from {day} on: ir schedule run, or ir resume {self.incident}"


def planned(index: Sequence[IncidentRow], incident: str = "") -> list[DueRemoval]:
    """What is still to be deleted, of all incidents or of one, the next one first; not of drills."""
    rows = [row for row in index if row.summary.get("removal") and not row.summary.get("drill")]
    found = [DueRemoval(row.incident, row.summary["removal"]["id"], float(row.summary["removal"]["at"])) for row in rows]
    return sorted((row for row in found if incident in ("", row.incident)), key=lambda row: row.at)


def carry_out(kept: State, operator: Operator, unagreed: Unagreed, incident: str = "") -> list[str]:
    """Delete what is due; returns a sentence about each. A deletion that fails stays planned, and the next look tries it again.

    `unagreed`: what of a record this machine did not agree to; then nothing of it is used.
    """
    now = wiring.SystemClock().now().timestamp()
    return [_removed(kept, operator, row, unagreed) for row in planned(kept.index.rows(), incident) if row.at <= now]


def _removed(kept: State, operator: Operator, row: DueRemoval, unagreed: Unagreed) -> str:
    record = reopen.record_of(kept, row.incident)
    try:
        if new := unagreed(kept, record, record_consent.removing):
            return f"{row.incident}: {row.key_id} is not deleted here, where nobody agreed to what that takes: {', '.join(new)}"
        said = _delete(kept, operator, row, record.opened)
    except PortError as error:
        return f"{row.incident}: {row.key_id} is not deleted yet: {error.what}"
    except (IrError, LookupError, TypeError, ValueError):
        return f"{row.incident}: {row.key_id} is not deleted: another version wrote its record; delete it in Workbench > Webhooks"
    found = kept.index.find(row.incident)
    if found is not None:
        summary = {**found.summary, "removal": {}}
        kept.index.note(row.incident, str(found.status), int(found.exit_code), summary)
    return f"{row.incident}: {said}"


def _delete(kept: State, operator: Operator, row: DueRemoval, opened: Json) -> str:
    from ir.clients.stripe_api import StripeApi

    setting = setting_from(row.incident, opened)
    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    if not isinstance(key, Webhook):
        raise LookupError(setting.key)
    account = source.account(key.account)
    resolver = adapter_registry.reference_resolver(source, operator, setting.base)
    api = StripeApi(account.api_base, pace=kept.budget.pace(account.id, account.mode))
    means = issuer_adapters.Means(operator, wiring.SystemClock(), api, resolver)
    return issuer_adapters.webhook_issuer(key, account, row.incident, means, SignedWith(_no_world)).remove(row.key_id)


def _no_world() -> World:
    raise LookupError("an incident that has ended has no world")
