"""The state of every incident, decided by `incident.standing` from the index, the records, the leases and the signals."""

import time

from ir.core.model import Json
from ir.incident import debts, standing
from ir.incident.record import FINAL, Incident
from ir.incident.standing import Standing
from ir.runtime import reopen
from ir.runtime.app_state import State
from ir.runtime.approved import still_to_approve


def all_of(kept: State) -> list[Standing]:
    """All incidents of the index, newest first."""
    index = kept.ledger.index()
    heirs = debts.heirs(index)
    return [_of_row(kept, row, heirs.get(row["incident"], "")) for row in index]


def of(kept: State, record: Incident) -> Standing:
    """One incident, by its record; also one without an index row, because its first entry is still to come."""
    now = time.time()
    row = kept.ledger.find(record.id) or {"incident": record.id, "opened_at": now, "updated_at": now, "summary": {}}
    return _stand(kept, {**row, "status": record.status}, debts.heirs(kept.ledger.index()).get(record.id, ""), record)


def _of_row(kept: State, row: Json, heir: str) -> Standing:
    """Tell an ended incident by its row. One that goes on, or was written by an earlier version, is told by its record."""
    if row["status"] in FINAL and "leaked" in row["summary"]:
        return _stand(kept, row, heir, None)
    record = reopen.record_of(kept, row["incident"])
    return _stand(kept, {**row, "status": record.status if record.id else row["status"]}, heir, record if record.id else None)


def _stand(kept: State, row: Json, heir: str, record: Incident | None) -> Standing:
    if record is not None:
        debts = {"debts": [debt.__dict__ for debt in record.debts.values()]}
        row = {**row, "summary": {**row["summary"], **standing.told(record), **debts}}
    holder = None if row["status"] in FINAL else kept.ledger.holder(row["incident"])
    people = still_to_approve(kept, record) if record else []
    return standing.stand(row, holder, people=people, heir=heir, me=kept.me.actor, now=time.time())
