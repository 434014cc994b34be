"""The verdict in plain words: what comes first, is the leaked key dead, are all services moved, what is owed."""

from ir.core.model import Json
from ir.report.before_after import ACCEPTED, ON_NEW, leaked_key_debts, proven_dead, services
from ir.report.formatting import UNKNOWN, moment, span, utc
from ir.report.source import Story, as_object, as_rows, words

_ENDS = {
    "rolled back": ("bad", "Rolled back", "the services are back on the leaked key, and the leaked key lives"),
    "aborted": ("bad", "Aborted", "the run was stopped before its end; nothing in use was killed"),
    "attested": ("warn", "Attested, not proven", "a human closed this incident without proof"),
    "refused": ("warn", "Refused", "the run did not start; nothing was changed"),
    "waiting": ("warn", "Waiting for a human", "the incident is open"),
    "running": ("warn", "Still running", "the incident is open"),
    "debt": ("warn", "Done, with debt", "something is still owed; see below"),
}


def banners(story: Story) -> list[Json]:
    """What a reader must know before anything else; empty for a plain success."""
    rows = []
    if story.rehearsal:
        rows.append(_banner("info", "Dry run", "a rehearsal: nothing was changed, and nothing below says that anything was"))
    if story.drill:
        rows.append(_banner("info", "Drill", "this happened in an embedded world, with keys and money that are not real"))
    kind, title, text = _ENDS.get(story.incident.status, ("", "", ""))
    if kind:
        rows.append(_banner(kind, title, _with_reason(story, text)))
    if story.facts.get("dead_on_arrival"):
        rows.append(
            _banner("warn", "Dead on arrival", "the leaked key was dead already when this run first looked at it; the services came first")
        )
    return rows


def _banner(kind: str, title: str, text: str) -> Json:
    return {"kind": kind, "title": title, "text": text}


def _with_reason(story: Story, text: str) -> str:
    end = story.ended
    by = words(end.get("by") or end.get("attested_by"))
    said = words(end.get("reason") or end.get("said"))
    waiting = "" if story.ended or not story.incident.runs else _open_question(story)
    return "; ".join(part for part in (text, f"by {by}" if by else "", said, waiting) if part)


def _open_question(story: Story) -> str:
    last = story.incident.runs[-1]
    return words(story.tamer(f"{last.id}: {last.outcome.todo or last.outcome.said}"))


def answers(story: Story) -> list[Json]:
    """Three questions, three answers: `yes | no | not proven | not yet | unknown | not applicable`."""
    return [_dead(story), _moved(story), _owed(story)]


def _answer(question: str, answer: str, tone: str, text: str) -> Json:
    return {"question": question, "answer": answer, "tone": tone, "text": text}


def _dead(story: Story) -> Json:
    question = "Is the leaked key proven dead?" if story.policy != "scheduled" else "Is the old key proven dead?"
    proof, owed = as_object(story.facts.get("proof")), leaked_key_debts(story)
    if story.rehearsal:
        return _answer(question, "not applicable", "none", "a dry run kills nothing")
    if proven_dead(story):
        return _answer(question, "yes", "good", _proof_said(story, proof))
    if story.incident.status == "rolled back":
        return _answer(question, "no", "bad", "it lives: the run was rolled back before it was killed")
    if owed:
        return _answer(question, "no" if _alive(story) else "not proven", "bad", "; ".join(owed))
    if story.incident.status == "attested":
        return _answer(question, "not proven", "warn", "attested by a human instead")
    if story.facts.get("retire_asked_at"):
        return _answer(question, "not yet", "warn", f"its death was asked for at {utc(story.facts['retire_asked_at'])}; asked is not dead")
    seen = str(story.old.get("liveness") or UNKNOWN)
    return _answer(
        question,
        "no" if _alive(story) else UNKNOWN,
        "bad" if _alive(story) else "warn",
        f"{seen} when last looked at; no kill was asked for",
    )


def _alive(story: Story) -> bool:
    return story.old.get("liveness") in ("alive", "narrow") or any(d.kind == "key-alive" for d in story.debts)


def _proof_said(story: Story, proof: Json) -> str:
    parts = [f"since {utc(story.facts.get('dead_at'))}"]
    if proof.get("polls"):
        parts.append(f"{words(proof['polls'])} polls, all {words(proof.get('code')) or '401'}")
    control = words(proof.get("control"))
    parts.append(f"control key: {control}" if control else "control key: not checked, none was at hand")
    return "; ".join(parts)


def _moved(story: Story) -> Json:
    question = "Are all services on the replacement?"
    rows = services(story)
    if story.rehearsal:
        return _answer(question, "not applicable", "none", f"a dry run moves nothing; {len(rows)} services would be moved")
    if story.options.get("no_replacement"):
        return _answer(question, "not applicable", "none", "no replacement was asked for: the operator says that nothing uses the key")
    if not rows:
        return _answer(question, UNKNOWN, "warn", "the record names no service; consumers that are not listed cannot be checked")
    if story.incident.status == "rolled back":
        return _answer(question, "no", "bad", f"rolled back: {len(rows)} services belong on the leaked key again")
    there = [row for row in rows if row["state"] == ON_NEW]
    accepted = [row["name"] for row in rows if row["state"].startswith(ACCEPTED)]
    rest = [f"{row['name']} ({row['state']})" for row in rows if row not in there and row["name"] not in accepted]
    if rest:
        answer = "not yet" if not story.ended else "no"
        return _answer(question, answer, "bad" if story.ended else "warn", f"{len(there)} of {len(rows)}; the others: {_some(rest)}")
    if accepted:
        return _answer(question, "not proven", "warn", f"{len(there)} of {len(rows)}; accepted without proof: {_some(accepted)}")
    return _answer(question, "yes", "good", f"{len(rows)} of {len(rows)}, each seen holding it")


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _owed(story: Story) -> Json:
    question = "What is owed?"
    if story.debts:
        return _answer(
            question, f"{len(story.debts)} debt{'s' if len(story.debts) > 1 else ''}", "bad", "; ".join(d.why for d in story.debts)
        )
    if story.rehearsal:
        return _answer(question, "not applicable", "none", "a dry run owes nothing")
    if not story.ended:
        return _answer(question, "not finished", "warn", "the rest of the plan")
    if story.incident.status == "attested":
        return _answer(question, "proof", "warn", "the death of the key was attested, not shown")
    if story.incident.status == "debt":
        return _answer(question, UNKNOWN, "bad", "it ended with debt, and this record does not name it")
    if story.incident.status in ("aborted", "rolled back"):
        return _answer(question, "the rotation", "bad", "the leaked key has to be rotated still")
    if story.incident.status == "refused":
        return _answer(question, "the rotation", "bad", "nothing was changed, so everything is still to be done")
    return _answer(question, "nothing", "good", "no key, store, service or leftover is outstanding")


def summary(story: Story) -> list[str]:
    """What happened, in a few sentences."""
    told, plan = story.facts, story.plan
    account = " ".join(words(story.old.get(n)) for n in ("account", "mode") if story.old.get(n)) or "account unknown"
    actor, key, playbook = words(story.tamer(story.incident.actor)) or "Somebody", words(plan.get("key")), words(plan.get("playbook"))
    asked = f"key {key or UNKNOWN} ({account}), policy {story.policy or UNKNOWN}, playbook {playbook or UNKNOWN}"
    said = [f"{actor} opened this incident at {utc(story.incident.opened_at)}: {asked}."]
    reason = words(story.options.get("reason"))
    via = words(story.options.get("leaked_via")) or UNKNOWN
    said.append(f"Reason given: {reason or 'none'}. It leaked through: {via}{_source(story)}.")
    if told.get("containment"):
        said.append(f"Contained at {utc(told.get('contained_at'))}: {words(as_object(told['containment']).get('said')) or UNKNOWN}.")
    said += _last_words(story)
    if story.ended:
        took = (story.incident.ended_at, story.incident.opened_at)
        said.append(f"It ended at {utc(took[0])}{_took(story)} as: {story.incident.status}.")
    return said


def _source(story: Story) -> str:
    source, closed = words(story.options.get("source")), words(story.options.get("source_closed_by"))
    if not source:
        return ""
    return f", from {source}" + (f", which {closed} says is closed" if closed else ", and nobody has said that it is closed")


def _took(story: Story) -> str:
    start, end = moment(story.incident.opened_at), moment(story.incident.ended_at)
    return f", after {span(end - start)}," if start and end and end >= start else ""


def _last_words(story: Story) -> list[str]:
    """What the telling steps said, in their own words."""
    told = []
    for action in ("mint", "verify", "retire", "prove"):
        run = story.settled_run(action)
        if run is not None and run.outcome.said:
            text = words(story.tamer(run.outcome.said))
            told.append(f"{text[:1].upper()}{text[1:].rstrip('.')}.")
    return told


def exceptions(story: Story) -> list[Json]:
    """What a human accepted, by name and reason."""
    rows = []
    for option in ("accept_unverified", "accept_unhealthy", "accept_unreachable"):
        given = story.options.get(option)
        pairs = given if isinstance(given, dict) else dict(str(pair).partition("=")[::2] for pair in as_rows(given))
        what = option.removeprefix("accept_")
        rows += [{"what": what, "name": name, "reason": words(reason) or "none given"} for name, reason in pairs.items()]
    for name, row in as_object(story.facts.get("pending")).items():
        told = f"unfinished rotation of {words(as_object(row).get('owner'))} discarded"
        rows.append({"what": told, "name": words(name), "reason": words(story.options.get("discard_pending")) or "none given"})
    return rows
