"""The work that remains for people: next steps, questions for the review meeting, and the promises that this run kept."""

from ir.core.model import Json
from ir.core.wording import counted
from ir.incident import deadlines
from ir.report import forged
from ir.report.before_after import ACCEPTED, ON_NEW, proven_dead, services, stores
from ir.report.formatting import label
from ir.report.misuse import CANNOT_TELL, GONE, leftovers, moving_money, review
from ir.report.source import Story, as_object, named, words
from ir.report.timeline import actions, chain

LESSONS = (
    "How was the leak found, and how long did that take? What would have found it sooner?",
    "Why did the key stand where it leaked, and what keeps the next one from standing there?",
    "What went well?",
    "What went wrong, or took longer than it should have?",
    "Where were we lucky?",
    "Which consumers, stores or owners were missing from the inventory?",
    "Which actions follow, who owns each, and until when?",
)


_KINDS = {
    "key-alive": "key alive",
    "key-unproven": "death not proven",
    "key-waits": "new key not in use",
    "service-behind": "service not moved",
    "store-behind": "store not moved",
    "leftover": "left by an attacker",
    "custody": "copy kept",
    "misuse": "misuse found",
    "undelivered": "events not delivered",
    "unknown-use": "used by we do not know whom",
    "right-lacking": "permission missing",
    "right-learned": "permission to confirm",
}


def debts(story: Story) -> list[Json]:
    """`{kind, about, why, todo, what, name}`: `kind` and `about` as recorded, `what` and `name` as people say it."""
    return [
        {
            "kind": d.kind,
            "about": d.about,
            "why": d.why,
            "todo": d.todo,
            "what": _KINDS.get(d.kind) or label(d.kind),
            "name": _name(story, d.about),
        }
        for d in story.debts
    ]


def _name(story: Story, about: str) -> str:
    """A fingerprint or provider id of our two keys as `payments (mk_…)`; everything else unchanged."""
    for key, role in ((story.old, "the leaked key"), (story.new, "the replacement")):
        if about and about in (key.get("fingerprint"), key.get("id")):
            return f"{role} {named(story, key)}"
    return about


def next_steps(story: Story) -> list[Json]:
    """`{what, why}`: debts first, then what this incident showed, then where else such a key may live."""
    whys: dict[str, list[str]] = {}
    rest = forged.steps(story) if forged.about_webhook(story) else [*_found(story), *_elsewhere(story)]
    for row in (*_debt_rows(story), *_to_tell(story), *_glass(story), *rest):
        whys.setdefault(row["what"], []).append(row["why"])
    return [_step(what, "; ".join(dict.fromkeys(why))) for what, why in whys.items()]


def _step(what: str, why: str) -> Json:
    return {"what": what, "why": why}


def _debt_rows(story: Story) -> list[Json]:
    rows = [_step(debt.todo, debt.why) for debt in story.debts]
    last = story.incident.runs[-1].outcome if story.incident.runs else None
    if not story.ended and last is not None and last.todo:
        rows.append(_step(words(story.tamer(last.todo)), words(story.tamer(last.said))))
    if story.dry_run:
        rows.append(_step("run it again without --dry-run", "a dry run changes nothing"))
    return rows


def _to_tell(story: Story) -> list[Json]:
    """Deadlines that run and are not answered."""
    found = deadlines.open_ones(story.incident) if deadlines.concerns(story.incident) else []
    until = {row.clock.id: f" by {deadlines.utc(row.due)}" if row.due else " without undue delay" for row in found}
    return [_step(row.todo(story.incident.id), f"{row.clock.article}: tell {row.clock.to}{until[row.clock.id]}") for row in found]


def _glass(story: Story) -> list[Json]:
    """Approvals that a person bypassed by breaking the glass."""
    weighed = [as_object(row) for row in as_object(story.facts.get("approvals")).values()]
    broken = [as_object(row["broken_glass"]) for row in weighed if row.get("broken_glass")]
    return [
        _step("have somebody else look at why the glass was broken", f"BREAK GLASS by {words(g.get('by'))}: {words(g.get('reason'))}")
        for g in broken
    ]


def _found(story: Story) -> list[Json]:
    told = review(story)
    with_debt = {debt.about for debt in story.debts}
    rows = [_step(row["next_action"], f"{row['severity']}: {row['title']}") for row in told["findings"] if row["next_action"]]
    rows += [
        _step(row["undo"], f"left behind: {row['kind']} {row['id']}")
        for row in leftovers(story)
        if row["undo"] and row["id"] not in with_debt and row["state"] != GONE
    ]
    rows += [_step(row["undo"], f"money: {row['kind']} {row['id']}") for row in moving_money(story) if row["undo"]]
    if told["verdict"] in ("confirmed", "suspected"):
        rows.append(_step("tell Stripe support", "it sees what no log of yours shows, and stops what is on its way"))
        if not story.facts.get("classified_at"):
            todo = f"decide if this is a personal data breach: ir classify {story.incident.id} --breach --by NAME"
            rows.append(_step(todo, "notification clocks run from the moment when you know it: --aware-at"))
    if not told["ran"]:
        rows.append(_step("run ir review stripe with egress logs", "no review looked whether the key was misused"))
    return rows


def _elsewhere(story: Story) -> list[Json]:
    rows = [
        _step(
            "search the git history, forks, CI logs and container images for the leaked key",
            "removing it from the last commit does not remove it",
        ),
        _step(
            "look through chat, tickets, wikis, paste sites and laptops for copies", "a copy of a dead key still says how keys are handled"
        ),
    ]
    siblings = sorted({f"{row['ref']}: {', '.join(row['siblings'])}" for row in stores(story) if row["siblings"]})
    if siblings:
        rows.append(
            _step(
                f"treat the sibling fields as leaked too if the whole entry leaked ({'; '.join(siblings)})",
                "they are beside the key",
            )
        )
    rows += [
        _step("roll webhook signing secrets that were in the same file or entry", "rotating an API key does not touch them"),
        _step(
            "end Stripe CLI sessions where the machine leaked: `stripe login --new-session`",
            "it revokes the former token (OAuth, since August 2026); older CLI keys are separate, and live up to 90 days",
        ),
        _step("check Connect OAuth tokens, ephemeral keys and installed apps", "they survive the rotation of an API key"),
    ]
    return rows


def promises(story: Story) -> list[Json]:
    """The eight promises with `honoured | broken | not applicable | not shown`, and the reason."""
    told = chain(story)
    return [
        _no_cut_off(story),
        _no_stray(story),
        _no_leak(story),
        _proof(story),
        _dry_run(story),
        _promise("one rotation at a time", "not shown", "a lease is held while a run acts; this record does not carry it"),
        _evidence(told),
        _coverage(story),
    ]


def _promise(name: str, kept: str, said: str) -> Json:
    return {"name": name, "kept": kept, "said": said}


def _dry_run(story: Story) -> Json:
    name = "dry run changes nothing"
    if not story.dry_run:
        return _promise(name, "not applicable", "this was not a dry run")
    wrote = [row["step"] for row in actions(story) if row["did"] == "done" and row["danger"] != "read"]
    if wrote:
        return _promise(name, "broken", f"these steps say that they did something: {', '.join(wrote)}")
    return _promise(name, "honoured", "no step that writes says that it did anything")


def _coverage(story: Story) -> Json:
    told = review(story)
    claims = [about for about, said in told["verdicts"].items() if said != CANNOT_TELL]
    if claims and not told["coverage"]:
        return _promise("honest coverage", "broken", f"a verdict on {', '.join(claims)} without any coverage to stand on")
    return _promise("honest coverage", "honoured", "verdicts on writes, reads and account changes stand apart, with what each is blind to")


def _no_cut_off(story: Story) -> Json:
    name = "no cut-off"
    if story.dry_run or not story.facts.get("retire_asked_at"):
        return _promise(name, "not applicable", "no kill was asked for")
    if story.policy == "exploited" or story.facts.get("containment"):
        return _promise(name, "not applicable", "contain first: an outage was accepted")
    if story.facts.get("dead_on_arrival"):
        return _promise(name, "not applicable", "the key was dead before this run began")
    before = _states_before_kill(story)
    late = [name for name, moved in before.items() if not moved]
    if late:
        return _promise(name, "broken", f"the kill was asked for before these were seen on the replacement: {', '.join(late)}")
    return _promise(name, "honoured", f"looked at {counted(len(before), 'service')} in the very step that asked for the kill")


def _states_before_kill(story: Story) -> dict[str, bool]:
    """Whether the step that asked for the kill had just seen each service hold the replacement, or had it accepted."""
    run = story.settled_run("retire")
    seen = {item.name: item.did.value == "done" for item in run.outcome.items} if run else {}
    rows = {row["name"]: row for row in services(story)}
    return {words(name): seen.get(name, rows[name]["state"] == ON_NEW) or rows[name]["state"].startswith(ACCEPTED) for name in rows}


def _no_stray(story: Story) -> Json:
    ours = {words(story.new.get(name)) for name in ("id", "fingerprint") if story.new.get(name)}
    stray = [debt.about for debt in story.debts if debt.kind == "key-alive" and debt.about in ours]
    if stray:
        return _promise("no stray", "broken", f"alive and not in use: {', '.join(stray)}")
    if not story.new:
        return _promise("no stray", "not applicable", "no replacement was minted")
    lost = as_object(story.facts.get("strays"))
    return _promise(
        "no stray",
        "honoured",
        f"one replacement; {len(lost)} lost with an answer and expired" if lost else "one replacement, in the ledger",
    )


def _no_leak(story: Story) -> Json:
    removed = story.tamer.removed
    if removed:
        return _promise(
            "no leak", "broken", f"{removed} strings of the record held something shaped like a key; it was taken out of this report"
        )
    return _promise("no leak", "honoured", "the record of this report held nothing shaped like a key")


def _proof(story: Story) -> Json:
    if proven_dead(story):
        polls = words(as_object(story.facts.get("proof")).get("polls"))
        return _promise("proof", "honoured", f"{polls or 'every'} polls, a control key answering meanwhile")
    if story.dry_run or story.incident.status in ("refused", "aborted", "rolled back"):
        return _promise("proof", "not applicable", "nothing was claimed to be dead")
    return _promise("proof", "not shown", "not proven dead, and this report does not say so")


def _evidence(told: Json) -> Json:
    if told["holds"] is None:
        return _promise("evidence holds", "not shown", told["said"])
    return _promise("evidence holds", "honoured" if told["holds"] else "broken", told["said"])
