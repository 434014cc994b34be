"""Findings cite events beside the requests that caused them: requests open in Workbench, events in any archive."""

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


_OURS = "SELECT DISTINCT c.evidence AS evidence FROM requests r JOIN cited c ON r.request_id = c.evidence WHERE r.own = 1"


def with_events(engine: Engine, hits: list[Hit], *, egress: bool) -> list[Hit]:
    """Each hit with the event ids of its requests after their ids, of each kind at most `SHOWN`.

    Where our own logs were given (`egress`), each also says how many of the requests that it cites they hold.
    """
    wanted = sorted({evidence for hit in hits for evidence in hit.finding.evidence})
    if not wanted:
        return hits
    engine.fill("cited", _CITED, [(evidence,) for evidence in wanted])
    caused: dict[str, list[str]] = defaultdict(list)
    for request, event in engine.rows(_EVENTS):
        caused[str(request)].append(str(event))
    ours = {str(row[0]) for row in engine.rows(_OURS)} if egress else set()
    return [_cite(_owned(hit, ours) if egress else hit, caused) for hit in hits]


def _owned(hit: Hit, ours: set[str]) -> Hit:
    cited = [one for one in hit.finding.evidence if one.startswith("req_")]
    if not cited:
        return hit
    held = sum(one in ours for one in cited)
    return replace(hit, finding=replace(hit.finding, why=f"{hit.finding.why}; {held} of {len(cited)} cited requests are in our own logs"))


def _cite(hit: Hit, caused: dict[str, list[str]]) -> Hit:
    ids = hit.finding.evidence
    events = [event for request in ids for event in caused.get(request, ())][:SHOWN]
    return replace(hit, finding=replace(hit.finding, evidence=tuple(dict.fromkeys((*ids, *events)))))
