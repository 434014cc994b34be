"""Findings cite the events beside the requests that caused them: the one opens in Workbench, the other in any archive."""

from collections import defaultdict
from dataclasses import replace

from ir.review.detect.run_rules import SHOWN, Hit
from ir.review.sql.engine import Engine
from ir.review.sql.schema import Column

_CITED = (Column("evidence", "VARCHAR", "request id of a finding"),)
_EVENTS = """
SELECT e.request_id AS request_id, e.id AS id FROM events e JOIN cited c ON e.request_id = c.evidence
WHERE e.id <> '' ORDER BY e.request_id, e.ts, e.id LIMIT 50000
"""


def with_events(engine: Engine, hits: list[Hit]) -> list[Hit]:
    """Each hit with the event ids of its requests after their ids; of each kind at most `SHOWN`."""
    wanted = sorted({evidence for hit in hits for evidence in hit.finding.evidence})
    if not wanted:
        return hits
    engine.fill("cited", _CITED, [(evidence,) for evidence in wanted])
    caused: dict[str, list[str]] = defaultdict(list)
    for request, event in engine.rows(_EVENTS):
        caused[str(request)].append(str(event))
    return [_cite(hit, caused) for hit in hits]


def _cite(hit: Hit, caused: dict[str, list[str]]) -> Hit:
    ids = hit.finding.evidence
    events = [event for request in ids for event in caused.get(request, ())][:SHOWN]
    return replace(hit, finding=replace(hit.finding, evidence=tuple(dict.fromkeys((*ids, *events)))))
