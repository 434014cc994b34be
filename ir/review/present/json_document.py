"""The review as one JSON document (schema: `docs/review.schema.json`)."""

from dataclasses import asdict

from ir.core.model import Json
from ir.ports import Reviewed, ReviewRequest
from ir.review.detect.rules import LEVELS
from ir.review.judge.verdict import CONFIRMED, NONE, SUSPECTED

MISUSE = (CONFIRMED, SUSPECTED)
GDPR_HOURS = 72


def document(reviewed: Reviewed, request: ReviewRequest) -> Json:
    """Everything, in plain types."""
    return {
        "verdict": reviewed.verdict,
        "verdicts": reviewed.verdicts,
        "reasons": reviewed.reasons,
        "score": reviewed.score,
        "score_parts": reviewed.score_parts,
        "window": {
            "since": int(request.since),
            "exposed_at": int(request.exposed_at),
            "proposed_at": reviewed.proposed_at,
            "misuse_before": reviewed.began,
            "until": int(request.until),
        },
        "clocks": clocks(reviewed, request),
        "proposed": list(reviewed.proposed),
        "regular": list(reviewed.regular),
        "sdks": list(reviewed.sdks),
        "findings": [_finding(asdict(finding)) for finding in reviewed.findings],
        "coverage": list(reviewed.coverage),
        "blast_radius": reviewed.blast_radius,
        "leftovers": list(reviewed.leftovers),
        "next": next_steps(reviewed),
        "complete": reviewed.complete,
        "affected": reviewed.affected,
    }


def _finding(row: Json) -> Json:
    return {**row, "evidence": list(row["evidence"]), "money": list(row["money"])}


def clocks(reviewed: Reviewed, request: ReviewRequest) -> Json:
    """Epoch seconds, 0 = not known. The data-protection clock starts when a person classifies the incident, not here."""
    strong = [f for f in reviewed.findings if LEVELS.index(f.severity) >= LEVELS.index("medium")]
    return {
        "exposed": int(request.exposed_at),
        "first_misuse": min((f.first_seen for f in strong), default=0),
        "last_misuse": max((f.last_seen for f in strong), default=0),
        "detected": int(request.until) if strong else 0,
        "gdpr_hours_after_classification": GDPR_HOURS,
    }


def next_steps(reviewed: Reviewed) -> list[str]:
    """The three things to do next, most urgent first."""
    steps: list[str] = []
    if reviewed.verdict in MISUSE:
        steps.append("take the key away now: ir rotate stripe --policy exploited (or ir contain)")
        ranked = sorted(reviewed.findings, key=lambda f: -LEVELS.index(f.severity))
        steps += [f"{f.rule}: {f.next_action}" for f in ranked if LEVELS.index(f.severity) >= LEVELS.index("medium")]
    steps += [f"decide on {left['kind']} {left['id']}: {left['undo']}" for left in reviewed.leftovers[:1]]
    steps += [asked(row) for row in reviewed.proposed[:1]]
    steps += _missing({str(row["source"]): row for row in reviewed.coverage}, exposed=reviewed.exposed or bool(reviewed.proposed))
    if reviewed.verdict == NONE:
        steps.append("keep watching until the key is dead and three days after: ir review stripe --watch 72h")
    return list(dict.fromkeys(steps))[:3]


def asked(row: Json) -> str:
    """The task of a person about a group that came late."""
    return f"ask who runs {row['who']}; if it is ours: --ours '{row['group']}', or in the inventory's account: ours: ['{row['group']}']"


def _missing(sources: dict[str, Json], *, exposed: bool) -> list[str]:
    steps = []
    if not sources["events"]["rows"]:
        steps.append("let it read Stripe's events: make a restricted read-only key, then --review-key-from prompt")
    if not sources["egress"]["rows"]:
        steps.append("give our own egress logs: --egress 'logs/*.jsonl.gz' (a Request-Id per line is enough)")
    elif sources["egress"].get("answers") == []:
        steps.append("put Stripe's request id into our egress logs, one line for each program: docs/egress-logs.md")
    elif "95 %" in str(sources["egress"]["blind_to"]):
        steps.append("find the services whose logs are missing and give them with --egress")
    if not exposed:
        steps.append("say when the key got out: --exposed-at TIME; what was usual before can then be told from what came after")
    if not sources["request-log"]["rows"] or sources["request-log"].get("answers") == []:
        steps.append("export the key's request log (Dashboard > API keys > View request logs), then --logs FILE")
    if not sources["activity"]["rows"]:
        steps.append("export the security history (Dashboard > Settings > Security history), then --logs FILE")
    return steps
