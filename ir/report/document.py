"""The report as one JSON document. HTML and Markdown are drawn from it, so all three say the same."""

from ir.core.model import Json
from ir.incident import reversibility
from ir.report import (
    approvals,
    before_after,
    cards,
    exposure,
    looks,
    misuse,
    next_steps,
    obligations,
    outages,
    people,
    potential,
    rights,
    summary,
    timeline,
)
from ir.report.formatting import UNKNOWN, iso
from ir.report.source import Story, as_object, as_rows, words

SCHEMA = "ir-report/1"
"""Changes when a key of the document changes its meaning; new keys do not change it. See `docs/report-schema.md`."""


def document(story: Story) -> Json:
    """Everything that a report says: JSON-able, free of secrets and of control characters."""
    told = {**_head(story), **_verdict(story), **_state(story), **_review(story), **_acts(story)}
    # last, since it counts the keys that the other parts made harmless
    return {**told, "promises": next_steps.promises(story)}


def _head(story: Story) -> Json:
    incident = story.incident
    return {
        "schema": SCHEMA,
        "incident": words(story.tamer(incident.id)),
        "status": incident.status,
        "exit_code": int(incident.exit_code),
        "exit_meaning": incident.exit_code.meaning,
        "dry_run": story.dry_run,
        "drill": story.drill,
        "policy": story.policy,
        "playbook": words(story.plan.get("playbook")),
        "key": words(story.plan.get("key")),
        "actor": words(story.tamer(incident.actor)),
        "reversibility": words(reversibility.promise_of(story.plan)),
        "reason": words(story.options.get("reason")),
        "leaked_via": words(story.options.get("leaked_via")) or "unknown",
        "opened_at": iso(incident.opened_at),
        "ended_at": iso(incident.ended_at) if story.ended else None,
        "as_of": iso(story.as_of),
    }


def _verdict(story: Story) -> Json:
    row = cards.cards(story)
    return {
        "banners": summary.banners(story),
        "cards": row,
        "answers": cards.answers(row),
        "summary": summary.summary(story),
        "warnings": [words(row) for row in as_rows(story.facts.get("warnings"))],
    }


def _state(story: Story) -> Json:
    keys = before_after.keys(story)
    return {
        "old": keys[0],
        "new": keys[1] if len(keys) > 1 else None,
        "exposure": exposure.window(story),
        "clocks": exposure.clocks(story),
        "milestones": exposure.milestones(story),
        "services": before_after.services(story),
        "outages": outages.outages(story),
        "account": _account(story),
        "read": _read(story),
        "rights": rights.rights(story),
        "stores": before_after.stores(story),
        "containment": _containment(story),
        "proof": _proof(story),
        "exceptions": summary.exceptions(story),
        "watched": story.settled_run("watch") is not None,
        "missed_consumers": misuse.missed_consumers(story),
        "debts": next_steps.debts(story),
    }


def _account(story: Story) -> Json:
    """The account of the key: Stripe's id and mode, from a look or the inventory; "unknown" where neither told."""
    return {name: words(story.old.get(about)) or UNKNOWN for name, about in (("id", "account"), ("mode", "mode"))}


def _read(story: Story) -> Json:
    """Which parts were read. An empty list in this document means "read, and nothing there" only where this says true."""
    swept, reviewed = as_object(story.facts.get("sweep")), story.reviews()
    return {
        "findings": bool(reviewed),
        "coverage": bool(reviewed),
        "leftovers": swept.get("checked") is True,
        "moving_money": story.settled_run("money") is not None,
        "missed_consumers": story.settled_run("watch") is not None,
        "services": any(run.action in ("wave", "verify") for run in story.incident.runs),
        "stores": any(run.action in ("check", "stage", "wave") for run in story.incident.runs),
    }


def _containment(story: Story) -> Json | None:
    told = story.facts.get("containment")
    if not isinstance(told, dict):
        return None
    return {
        "at": iso(story.facts.get("contained_at")),
        "how": words(told.get("how")),
        "said": words(told.get("said")),
        "permissions_before": [words(row) for row in as_rows(told.get("before"))],
        "permissions_after": _after(words(told.get("how"))),
        "undone": bool(told.get("undone")),
        "seen": not told.get("unseen") and bool(story.facts.get("contained_at")),
    }


def _after(how: str) -> list[str]:
    """What the leaked key may do once it is contained: one harmless thing, nothing, or (by policy) from other addresses nothing."""
    return {"narrowed": ["one harmless permission"], "policy": ["as before, from listed addresses alone"]}.get(how, ["none"])


def _proof(story: Story) -> Json | None:
    told = story.facts.get("proof")
    if not isinstance(told, dict):
        return None
    times = {"from": iso(told.get("from")), "to": iso(told.get("to"))}
    return {**times, "polls": told.get("polls"), "code": words(told.get("code")), "control": words(told.get("control"))}


def _review(story: Story) -> Json:
    told = misuse.review(story)
    score = told["score"] if isinstance(told["score"], int | float | dict | list) else None
    return {
        "review": {"ran": told["ran"], "scope": told["scope"], "score": score, "hours": told["hours"]},
        "verdict": told["verdict"],
        "verdicts": told["verdicts"],
        "proposed": told["proposed"],
        "regular": told["regular"],
        "sdks": told["sdks"],
        "findings": told["findings"],
        "coverage": told["coverage"],
        "blast_radius": told["blast_radius"],
        "leftovers": told["leftovers"],
        "moving_money": misuse.moving_money(story),
        "checked": looks.checked(story),
        "not_checked": looks.not_checked(story),
    }


def _acts(story: Story) -> Json:
    return {
        "actions": timeline.actions(story),
        "signals": people.signals(story),
        "approvals": approvals.approvals(story),
        "potential": potential.potential(story),
        "ladder": obligations.ladder(story),
        "deadlines": obligations.clocks(story),
        "notifications": obligations.notifications(story),
        "obligations": obligations.about(story),
        "timeline": timeline.timeline(story),
        "next_steps": next_steps.next_steps(story),
        "chain": timeline.chain(story),
        "lessons": list(next_steps.LESSONS),
    }
