"""The looks that were made, and the things that a reader might take for granted although they were not looked at."""

from ir.core.model import Did, Json
from ir.report.formatting import iso
from ir.report.misuse import review
from ir.report.source import Story, as_object, as_rows, words

_UNASKED = {
    "review": "misuse review",
    "quiet": "use of the old key by our own services",
    "sweep": "leftovers of an attacker",
    "watch": "services after the kill, and consumers that were missed",
    "money": "pending payouts, transfers and new accounts",
}


def checked(story: Story) -> list[Json]:
    """Each look of the plan that got an answer, bad answers included: the latest try of each step."""
    runs = {run.id: run for run in story.incident.runs if run.action in _LOOKS}
    return [
        {
            "what": _LOOKS[run.action],
            "did": run.outcome.did.value,
            "said": words(story.tamer(run.outcome.said)),
            "at": iso(run.ended),
            "step": run.id,
        }
        for run in runs.values()
        if run.outcome.did in _ANSWERED
    ]


_ANSWERED = (Did.DONE, Did.FAILED)
_LOOKS = {
    "preflight": "key, stores and services before the change",
    "check": "the replacement: alive, same account, same mode",
    "verify": "every service on the replacement",
    "prove": "the death of the leaked key",
    **_UNASKED,
}


def not_checked(story: Story) -> list[Json]:
    """`{what, why}` for everything that a reader might take for granted and that was not looked at."""
    rows = [_blind(row) for row in review(story)["coverage"] if row["rows"] == 0 or row["blind_to"]]
    last = {run.id: run for run in story.incident.runs}
    for run in last.values():
        if run.action in _LOOKS and run.outcome.did not in _ANSWERED:
            said = words(story.tamer(run.outcome.said)) or "no reason given"
            rows.append({"what": _LOOKS[run.action], "why": f"{run.outcome.did.value}: {said}"})
        rows += [
            {"what": words(story.tamer(item.name)), "why": words(story.tamer(item.said)) or item.did.value}
            for item in run.outcome.items
            if run.action in _LOOKS and item.did in (Did.SKIPPED, Did.UNKNOWN) and not story.dry_run
        ]
    ran = {run.action for run in story.incident.runs}
    for action, what in _UNASKED.items():
        if action not in ran and not (action == "money" and story.policy != "exploited"):
            rows.append({"what": what, "why": "this step has not run" if _planned(story, action) else "no step of this playbook asks"})
    rows.append(
        {
            "what": "consumers that the inventory does not list",
            "why": "they cannot be known in advance; their 401s after the kill show them",
        }
    )
    return rows


def _planned(story: Story, action: str) -> bool:
    return any(as_object(step).get("action") == action for step in as_rows(story.plan.get("steps")))


def _blind(row: Json) -> Json:
    why = f"{'nothing was read, so blind to' if row['rows'] == 0 else 'read, but blind to'}: {row['blind_to']}"
    return {"what": row["source"], "why": why if row["blind_to"] else "nothing was read"}
