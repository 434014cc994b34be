"""The timeline: every act with its time and its actor, each row tied to its entry in the audit chain."""

from typing import Any

from ir.core.model import Json
from ir.evidence import bundle_verifier, hash_chain
from ir.evidence import files as evidence_files
from ir.report import people
from ir.report.formatting import iso, moment
from ir.report.misuse import findings
from ir.report.source import Story, as_object, as_rows, words


def timeline(story: Story) -> list[Json]:
    """`{at, actor, kind, what, did, said, entry, hash}` by time; rows that come from evidence have no entry."""
    rows = [_row(entry) for entry in story.shown_entries] or _unlinked(story)
    rows += [_evidence_row(row) for row in findings(story.reviews())]
    return sorted(rows, key=lambda row: (moment(row["at"]) or 0.0, -1 if row["entry"] is None else row["entry"]))


def _row(entry: Json) -> Json:
    body = as_object(entry.get("body"))
    outcome = as_object(body.get("outcome"))
    kind = words(entry.get("kind"))
    what = words(entry.get("step")) if kind == "step" else people.what(body) if kind in ("signal", "word") else kind
    said = outcome.get("said") if kind == "step" else _body_said(kind, body)
    attempt = body.get("attempt")
    return {
        "at": iso(entry.get("at")),
        "actor": words(entry.get("actor")),
        "kind": kind,
        "what": f"{what} (try {attempt})" if isinstance(attempt, int) and attempt > 1 else what,
        "did": words(outcome.get("did")),
        "said": words(said),
        "entry": entry.get("n") if isinstance(entry.get("n"), int) else None,
        "hash": words(entry.get("hash")),
    }


def _body_said(kind: str, body: Json) -> str:
    if kind == "opened":
        plan, options = as_object(body.get("plan")), as_object(body.get("options"))
        reason = words(options.get("reason"))
        return f"key {words(plan.get('key'))}, policy {words(plan.get('policy'))}" + (f", reason: {reason}" if reason else "")
    if kind == "ended":
        return ", ".join(part for part in (words(body.get("status")), words(body.get("reason") or body.get("said"))) if part)
    if kind in ("signal", "word"):
        return people.said(body)
    shown = {name: value for name, value in body.items() if name not in ("facts", "plan_hash", "hash", "signature")}
    return words(shown)


def _unlinked(story: Story) -> list[Json]:
    """The steps without entries: the report still tells them, but cannot tie them to the chain."""
    runs = [(run, as_object(story.tamer({"said": run.outcome.said, "actor": run.actor}))) for run in story.incident.runs]
    empty = {"entry": None, "hash": ""}
    rows = [{"at": iso(run.ended), "kind": "step", "what": run.id, "did": run.outcome.did.value, **told, **empty} for run, told in runs]
    first = {
        "at": iso(story.incident.opened_at),
        "actor": words(story.tamer(story.incident.actor)),
        "kind": "opened",
        "what": "opened",
        "did": "",
    }
    return [{**first, "said": _body_said("opened", story.opened), **empty}, *rows]


def _evidence_row(row: Json) -> Json:
    said = f"{row['title']} ({row['severity']}, {row['rule']})"
    base = {"at": row["first_seen"], "actor": "from evidence", "kind": "finding", "what": "first seen", "did": row["severity"]}
    return {**base, "said": said, "entry": None, "hash": ""}


def actions(story: Story) -> list[Json]:
    """Every attempt at every step: its actor, time, duration and result."""
    rows = []
    for run in story.incident.runs:
        start, end = moment(run.started), moment(run.ended)
        told = as_object(story.tamer({"actor": run.actor, "said": run.outcome.said, "todo": run.outcome.todo}))
        times = {"started": iso(run.started), "ended": iso(run.ended), "seconds": end - start if start and end and end >= start else None}
        step = _step_of(story, run.id)
        about = {"step": run.id, "action": run.action, "attempt": run.attempt, "danger": words(step.get("danger"))}
        rows.append({**about, "did": run.outcome.did.value, **told, **times})
    return rows


def _step_of(story: Story, id_: str) -> Json:
    return next((step for step in map(as_object, as_rows(story.plan.get("steps"))) if step.get("id") == id_), {})


def chain(story: Story) -> Json:
    """The strength of the evidence (`docs/report-schema.md`); `holds` is None when the entries were not given."""
    last: dict[str, Any] = story.incident.last or {}
    if not story.entries:
        count = last["n"] + 1 if isinstance(last.get("n"), int) else 0
        said = "not checked: this report was written without its entries; ir verify checks them"
        told = {"head": story.incident.head, "entries": count, "holds": None, "anchored": False, "said": said}
        return {**told, "stamps": [], "checkpoints": 0, "signed_entries": 0, "signers": [], "files": 0, "purged": []}
    verdict, stamps = story.verdict, _stamps(story)
    for stamp in stamps if verdict.holds else ():
        if stamp["checked"]:
            verdict = bundle_verifier.with_stamp(verdict, stamp["entries"], words(stamp["at"]), words(stamp["by"]))
    same = verdict.head == story.incident.head or not verdict.holds
    said = verdict.said if same else "the entries are not those that this incident was told from"
    said = "; ".join(filter(None, [said, hash_chain.lost_before(story.entries)]))
    return {
        "head": verdict.head or story.incident.head,
        "entries": verdict.entries,
        "holds": verdict.holds and same,
        "anchored": verdict.state == "anchored" and verdict.holds and same,
        "stamps": stamps,
        "said": words(story.tamer(said)),
        "checkpoints": len(story.checkpoints),
        "signed_entries": max((int(one["statement"]["size"]) for one in story.checkpoints), default=0) if verdict.holds else 0,
        "signers": list(verdict.signers),
        "files": len(bundle_verifier.recorded_files(story.entries)),
        "purged": [_purged(story, row) for row in evidence_files.purges(story.checkpoints)],
    }


def _stamps(story: Story) -> list[Json]:
    """`{at, entries, by, checked}` of each time stamp; `checked`: its authority was known at the time."""
    try:
        found = bundle_verifier.stamps_of(story.checkpoints)
    except bundle_verifier.Broken:
        return []
    said = {int(word["entries"]): word for word in story.incident.words if word.get("kind") == "stamped" and word.get("checked")}
    whose = {size: words(story.tamer(word.get("whose"))) for size, word in said.items()}
    return [{"at": one.at, "entries": one.size, "by": whose.get(one.size, ""), "checked": one.size in whose} for one in found]


def _purged(story: Story, row: Json) -> Json:
    told = as_object(story.tamer({name: row.get(name, "") for name in ("by", "reason", "second")}))
    return {"at": iso(row["at"]), **told, "files": len(row["files"]), "copies": as_rows(story.tamer(row.get("copies", [])))}
