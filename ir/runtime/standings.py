"""The state of every incident, decided by `incident.standing` from the index, the records, the leases and the signals."""

import time
from dataclasses import replace

from ir.incident import earlier_debts, standing, standing_facts
from ir.incident.record import FINAL, Incident
from ir.incident.standing import Standing
from ir.runtime import reopen
from ir.runtime.app_state import State
from ir.runtime.approved import still_to_approve
from ir.storage.incident_index import IncidentRow


def all_of(kept: State) -> list[Standing]:
    """Every incident of the index, newest first."""
    index = kept.index.rows()
    heirs = earlier_debts.heirs(index)
    return [_of_row(kept, row, heirs.get(row.incident, "")) for row in index]


def of(kept: State, record: Incident) -> Standing:
    """One incident, by its record; also one without an index row, because its first entry is still to come."""
    now = time.time()
    row = kept.index.find(record.id) or IncidentRow(record.id, now, now, "", 0, {})
    return _stand(kept, replace(row, status=record.status), earlier_debts.heirs(kept.index.rows()).get(record.id, ""), record)


def _of_row(kept: State, row: IncidentRow, heir: str) -> Standing:
    """What has ended is told by its row; what goes on, or was written by an earlier version, by its record."""
    if row.status in FINAL and "leaked" in row.summary:
        return _stand(kept, row, heir, None)
    record = reopen.record_of(kept, row.incident)
    return _stand(kept, replace(row, status=record.status) if record.id else row, heir, record if record.id else None)


def _stand(kept: State, row: IncidentRow, heir: str, record: Incident | None) -> Standing:
    if record is not None:
        debts = {"debts": [debt.__dict__ for debt in record.debts.values()]}
        row = replace(row, summary={**row.summary, **standing_facts.told(record), **debts})
    holder = None if row.status in FINAL else kept.leases.holder(row.incident)
    people = still_to_approve(kept, record) if record else []
    question = kept.questions.of(row.incident) if holder is not None else None
    return standing.stand(row, holder, people=people, heir=heir, me=kept.me.actor, now=time.time(), question=question)
