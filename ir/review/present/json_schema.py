"""The published JSON schema of `ir review stripe --json`; `docs/review.schema.json` is made from this."""

from ir.core.model import Json
from ir.review.detect.rules import LEVELS
from ir.review.detect.run_rules import SHOWN
from ir.review.judge.verdict import RANKS

_TEXT: Json = {"type": "string"}
_EPOCH: Json = {"type": "integer", "minimum": 0, "description": "epoch seconds, UTC; 0 = not known"}
_DAYS: Json = {"type": "integer", "minimum": -1, "description": "days; -1 = not known"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_VERDICT: Json = {"enum": list(RANKS)}
_SEVERITY: Json = {"enum": list(LEVELS)}
_MONEY: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["currency", "amount"],
        "properties": {
            "currency": _TEXT,
            "amount": {"type": "integer", "description": "minor units; whole units of zero-decimal currencies"},
        },
    },
}


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ir review stripe --json",
    **_object(
        verdict=_VERDICT,
        verdicts=_object(writes=_VERDICT, reads=_VERDICT, account=_VERDICT),
        reasons={"type": "object", "additionalProperties": _list(_TEXT)},
        score={"type": "number", "minimum": 0, "maximum": 100},
        score_parts={"type": "object", "additionalProperties": {"type": "number"}},
        window=_object(since=_EPOCH, exposed_at=_EPOCH, proposed_at=_EPOCH, misuse_before=_EPOCH, until=_EPOCH),
        clocks=_object(
            exposed=_EPOCH, first_misuse=_EPOCH, last_misuse=_EPOCH, detected=_EPOCH, gdpr_hours_after_classification={"type": "integer"}
        ),
        proposed=_list(
            _object(
                at=_EPOCH,
                group=_TEXT,
                who=_TEXT,
                key=_TEXT,
                requests=_COUNT,
                of=_COUNT,
                last_seen=_EPOCH,
                new=_TEXT,
                kinds=_TEXT,
                every=_TEXT,
                said=_TEXT,
                follows=_list(_TEXT),
                evidence=_list(_TEXT),
            )
        ),
        regular=_list(_object(who=_TEXT, key=_TEXT, every=_TEXT, visits=_COUNT, requests=_COUNT, last_seen=_EPOCH, due=_EPOCH, said=_TEXT)),
        sdks=_list(
            _object(
                service=_TEXT,
                key=_TEXT,
                client=_TEXT,
                version=_TEXT,
                released=_TEXT,
                days=_DAYS,
                api_version=_TEXT,
                api_days=_DAYS,
                requests=_COUNT,
                last_seen=_EPOCH,
                evidence=_TEXT,
                breaks=_TEXT,
                newest=_TEXT,
            )
        ),
        findings=_list(
            _object(
                rule=_TEXT,
                severity=_SEVERITY,
                title=_TEXT,
                why=_TEXT,
                usual=_TEXT,
                first_seen=_EPOCH,
                last_seen=_EPOCH,
                count={"type": "integer", "minimum": 1},
                evidence={"type": "array", "items": _TEXT, "maxItems": 2 * SHOWN},
                money=_MONEY,
                next_action=_TEXT,
                told={"type": "boolean", "description": "an earlier review of the same account told all of it"},
                proposed={"type": "boolean", "description": "rests on an exposure time that is proposed, not known"},
            )
        ),
        coverage=_list(
            {
                "type": "object",
                "required": ["source", "from", "to", "rows", "gaps", "blind_to", "answers"],
                "properties": {
                    "source": {"enum": ["events", "activity", "egress", "request-log", "webhook-log", "objects"]},
                    "from": _EPOCH,
                    "to": _EPOCH,
                    "rows": {"type": "integer", "minimum": 0},
                    "gaps": _list(
                        {"type": "object", "required": ["from", "to", "why"], "properties": {"from": _EPOCH, "to": _EPOCH, "why": _TEXT}}
                    ),
                    "blind_to": _TEXT,
                    "answers": _list({"enum": ["writes", "whose writes", "reads", "account", "webhooks"]}),
                },
            }
        ),
        blast_radius=_object(
            customers_written={"type": "integer"},
            customers_read_at_most={"type": ["integer", "null"], "description": "upper bound; null = cannot be told"},
            read_requests={"type": ["integer", "null"]},
            requests={"type": "integer"},
            objects={"type": "object"},
            money={"type": "array"},
            card_fingerprints={"type": "integer"},
            connected_accounts={"type": "integer"},
        ),
        leftovers=_list(_object(kind=_TEXT, id=_TEXT, created=_EPOCH, severity=_SEVERITY, why=_TEXT, undo=_TEXT)),
        next={"type": "array", "items": _TEXT, "maxItems": 3},
        complete={"type": "boolean"},
        affected=_TEXT,
    ),
}
