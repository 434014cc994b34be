"""Debts of earlier incidents: which still count, and which a new incident of the same key takes over; `index` is `IncidentIndex.rows()`."""

from collections.abc import Sequence
from dataclasses import asdict

from ir.core.errors import Refused
from ir.core.model import Json, Policy
from ir.incident.debts import escrow_debt, in_escrow, is_escrowed
from ir.incident.record import FINAL
from ir.storage.incident_index import IncidentRow

_MAY_HAVE_DEBTS = ("debt", "rolled back", "aborted", "attested")
"""States of an incident that acts no more and may have debts."""


def heirs(index: Sequence[IncidentRow]) -> dict[str, str]:
    """Incident → the later one that took over its debts. A refused one took over nothing."""
    rows = [row for row in index if row.status != "refused"]
    return {old: str(row.incident) for row in rows for old in row.summary.get("took_over", [])}


def still(index: Sequence[IncidentRow]) -> list[Json]:
    """Present debts, as JSON: those that an heir took over are in the heir's row."""
    taken = heirs(index)
    rows = [row for row in index if row.status != "refused" and counts(row) and row.incident not in taken]
    return [debt for row in rows for debt in row.summary.get("debts", [])]


def counts(row: IncidentRow) -> bool:
    """Whether the debts of an index row count. In earlier versions, a person's closing word without a look ended them all."""
    return row.status != "attested" or "accepted" in row.summary


def over(row: IncidentRow) -> bool:
    """Whether an incident of the index is over for good, so that its traces at a store belong to no one."""
    kinds = {debt["kind"] for debt in row.summary.get("debts", [])} if counts(row) else set()
    return row.status in FINAL and not kinds - {"custody"}


def taken_over(index: Sequence[IncidentRow], key: str, account: str, policy: Policy) -> dict[str, list[Json]]:
    """Debts of this key that a new incident takes over: incident → debts as JSON.

    Raises:
        Refused: a `scheduled` rotation does not begin while an emergency of its key has debts; nothing else is ever kept waiting.
    """
    taken = heirs(index)
    free = [row for row in index if row.status in _MAY_HAVE_DEBTS and row.incident not in taken]
    with_debts = [row for row in free if counts(row) and row.summary.get("debts")]
    mine = [row for row in with_debts if row.summary.get("key") == key and row.summary.get("account", "") in ("", account)]
    pressing = [row for row in mine if any(debt["kind"] != "custody" for debt in row.summary["debts"])]
    blocking = [row for row in pressing if row.status == "debt" or row.summary.get("policy") != Policy.SCHEDULED.value]
    if policy is Policy.SCHEDULED and blocking:
        first = blocking[0]
        raise Refused(
            f"{first.incident} still has something to do about key `{key}`: {first.summary['debts'][0]['why']}",
            safe="nothing was changed",
            next_step=f"{first.summary['debts'][0]['todo']}; an emergency is not kept waiting: --policy exposed or exploited",
        )
    found: dict[str, list[Json]] = {}
    for row in mine:
        found |= _inherited(index, row)
        found[str(row.incident)] = [*row.summary["debts"], *_escrow_of(row)]
    return found


def _inherited(index: Sequence[IncidentRow], heir: IncidentRow) -> dict[str, list[Json]]:
    """Debts that an heir took over itself and has not paid; its own heir ends the custody of those incidents, too."""
    with_debts = {debt["about"] for debt in heir.summary["debts"]}
    rows = [row for row in index if row.incident in heir.summary.get("took_over", [])]
    return {str(row.incident): [debt for debt in row.summary.get("debts", []) if debt["about"] in with_debts] for row in rows}


def _escrow_of(row: IncidentRow) -> list[Json]:
    """The debt to empty an escrow of another machine, for the incident that takes over here."""
    name, summary = str(row.incident), row.summary
    places = [place for place in summary.get("custody", []) if is_escrowed(place)]
    if not places or any(debt["about"] == in_escrow(name) for debt in summary["debts"]):
        return []
    return [asdict(escrow_debt(name, places, f"ir resume {name}"))]
