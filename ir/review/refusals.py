"""What Stripe refused our programs since a moment, as the ends of our own egress logs tell: 403s, by endpoint.

What was refused before as well, and never worked, is not in use; what has worked since its last refusal is not refused any more.
"""

import shutil
from pathlib import Path

from ir.ports import LoggedCalls, RefusedCall, ReviewRequest
from ir.review.log_ends import LogEnds
from ir.review.sql.engine import quoted
from ir.review.workspace import Say

_OURS = "own = 1 AND source = 'egress' AND (key_id = '' OR key_id IN ({marks}))"
_WORKED = "status BETWEEN 200 AND 499 AND status NOT IN (401, 403, 429)"
_SEEN = f"SELECT DISTINCT service FROM requests WHERE {_OURS} AND ts > {{since}} LIMIT 1000"
_REFUSED = (
    f"SELECT method, endpoint, MAX(service), MAX(ts) FROM requests WHERE {_OURS} AND ts > {{since}} AND status = 403 "
    "AND error_code <> 'account_invalid' GROUP BY method, endpoint ORDER BY method, endpoint LIMIT 200"
)
_OTHERS = (
    f"SELECT method, endpoint, MAX(CASE WHEN ts <= {{since}} AND status = 403 THEN 1 ELSE 0 END), "
    f"MAX(CASE WHEN ts <= {{since}} AND {_WORKED} THEN 1 ELSE 0 END), MAX(CASE WHEN {_WORKED} THEN ts ELSE 0 END) "
    "FROM requests WHERE own = 1 AND source = 'egress' AND ts > 0 GROUP BY method, endpoint LIMIT 100000"
)


def refused(request: ReviewRequest, since: float, say: Say) -> LoggedCalls | None:
    """Refusals of the key (`key_id`, `key_fingerprint`) after `since` (epoch seconds); None: no call of ours was logged since then."""
    marks = ", ".join(quoted(mark) for mark in (request.key_id, f"key:{request.key_fingerprint}", request.key_fingerprint) if mark)
    folder = Path(request.scratch) / "refusals"
    own = None
    try:
        own = LogEnds(folder, request.egress, request.maps, own=True, say=say)
        fill = {"marks": marks or "''", "since": int(since)}
        seen = own.rows(_SEEN.format(**fill))
        if not seen:
            return None
        before = {(str(m), str(e)): (bool(r), bool(w), float(at)) for m, e, r, w, at in own.rows(_OTHERS.format(**fill))}
        found = []
        for method, endpoint, service, at in own.rows(_REFUSED.format(**fill)):
            refused_before, worked_before, worked_at = before.get((str(method), str(endpoint)), (False, False, 0.0))
            if (worked_before or not refused_before) and worked_at <= float(at):
                found.append(RefusedCall(str(method), str(endpoint), str(service), float(at)))
        return LoggedCalls(tuple(found), frozenset(str(service) for (service,) in seen))
    finally:
        if own is not None:
            own.close()
        shutil.rmtree(folder, ignore_errors=True)
