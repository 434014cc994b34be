"""A watch finds misuse after the fact: tell the incidents of that key, and reopen one that had ended.

See `docs/decisions/0006-a-watch-reopens-by-a-signal.md`.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from ir.core.model import Debt, Finding, Json
from ir.engine.dbos_records import read_entries
from ir.evidence import audit_log
from ir.incident import folding
from ir.incident.record import Incident
from ir.runtime import words
from ir.runtime.app_state import State

_OVER = ("done", "rolled back", "aborted", "attested", "reopened")
_UNTOLD = 1_000_000
"""Added to a signal's number, so that its notice is never taken for that of an audit entry."""


def record_of(kept: State, name: str) -> Incident:
    """What is recorded of an incident, and what was sent to it since."""
    record = folding.fold(read_entries(kept.engine, name))
    folding.hear_late(record, kept.signals.sent(name))
    return record


def tell_misuse(
    kept: State,
    account: str,
    key: str,
    found: Iterable[Finding],
    actor: str,
    announce: Callable[[Incident], None] = lambda _record: None,
    warn: Callable[[str], None] = lambda _text: None,
) -> list[str]:
    """Send findings to every open incident of a key, else to the last one that ended; returns the ids of those it is news to.

    `account` is `acct_…`, `key` its name in the inventory ("" = every key of the account); `announce` tells people of a record's
    last entry (`notifications.Desk.announce`). Of an incident that has ended it is a word in the chain, else a signal to its process.
    """
    told, found = [], list(found)
    for name in _concerned(kept, account, key):
        record = record_of(kept, name)
        fresh = [one for one in found if not set(one.evidence) <= _known(record)]
        if not fresh:
            continue
        body: Json = {"debt": asdict(_debt(name, fresh)), "evidence": sorted({e for one in fresh for e in one.evidence})}
        if record.status in _OVER and audit_log.entries(kept.engine, name):
            record = words.say(kept, name, actor, [{"kind": "misuse", **body}], warn)
            number = int(record.words[-1]["n"])
        else:  # a process of it takes it in
            number = _UNTOLD + kept.signals.send(name, "misuse", actor, body)
            record = record_of(kept, name)
        _note(kept, record, body["debt"]["why"])
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        record.last = {"kind": "signal", "n": number, "at": at, "body": {**body, "kind": "misuse"}}
        announce(record)
        told.append(name)
    return told


def close_again(kept: State, name: str, actor: str, reason: str, warn: Callable[[str], None] = lambda _text: None) -> Incident:
    """End a reopened incident by a person's word in the chain. One that an earlier version reopened by a signal ends by a signal, too."""
    if not record_of(kept, name).reopened:
        kept.signals.send(name, "close", actor, {"reason": reason})
    if audit_log.entries(kept.engine, name):
        words.say(kept, name, actor, [{"kind": "closed", "about": "misuse", "reason": reason}], warn)
    record = record_of(kept, name)
    _note(kept, record, f"attested, not proven: {reason}")
    return record


def _note(kept: State, record: Incident, said: str) -> None:
    row = kept.index.find(record.id)
    summary = {**(row.summary if row is not None else {}), "said": said}
    summary["debts"] = [asdict(debt) for debt in record.debts.values()]
    kept.index.note(record.id, record.status, int(record.exit_code), summary)


def _concerned(kept: State, account: str, key: str) -> list[str]:
    rows = [row for row in kept.index.rows() if not row.summary.get("rehearsal") and not row.summary.get("drill")]
    ours = [row for row in rows if key in ("", row.summary.get("key")) and row.status != "refused"]
    ours = [row for row in ours if not account or _account(kept, row.incident) in ("", account)]
    running = [row.incident for row in ours if row.status not in _OVER]
    return running or [row.incident for row in ours[:1]]


def _account(kept: State, name: str) -> str:
    return str(record_of(kept, name).facts.get("old", {}).get("account", ""))


def _known(record: Incident) -> set[str]:
    """Evidence that the incident's own review or an earlier signal has shown already."""
    reviews = (record.facts.get("triage", {}), record.facts.get("review", {}))
    known = {e for review in reviews for one in review.get("findings", []) for e in one["evidence"]}
    return known | {e for said in (*record.signals, *record.words) for e in said.get("evidence", [])} | record.late


def _debt(name: str, fresh: list[Finding]) -> Debt:
    worst = max(fresh, key=lambda one: (one.severity == "critical", one.last_seen))
    more = f", and {len(fresh) - 1} more" if len(fresh) > 1 else ""
    why = f"the watch found misuse: {worst.rule} {worst.title.lower()} ({worst.count}){more}"
    return Debt("misuse", "misuse", why, f"ir review stripe shows it; when it is dealt with: ir close {name} --attest REASON --by NAME")
