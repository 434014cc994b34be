"""The critical path of a plan: for each step the longest chain of outward calls that have to wait for each other.

What may go side by side counts once, however much of it there is. Nothing here is measured: a chain is the reason why the
next call cannot be made before the answer of the last one is known. The benchmark sees to it that no chain is longer than
what was really seen, so that the path cannot be made to look longer than it is.
"""

from collections.abc import Sequence

from benchmarks.slow_world import Call
from ir.incident.plan import Plan, Step

CHAINS: dict[str, tuple[str, ...]] = {
    "preflight": (
        "read the store (the leaked key is not known before), beside: a stranger's stage, our permissions",
        "probe the key, beside: ask every service",
        "find the key's row, only if it lives",
    ),
    "review": (),
    "custody": ("keep it, if nothing is there", "say whose it is"),
    "mint": (
        "is it in custody already? beside: did an earlier call mint?",
        "mint",
        "does it answer? beside: whose is it?",
        "what does custody hold?",
        "keep it beside that",
        "read it back",
        "did the call mint twice?",
    ),
    "check": ("probe the replacement",),
    "stage": ("what does the store hold, and what lies beside?", "stage", "mark it as staged"),
    "wave": (
        "what does the store hold?",
        "promote, if nobody else wrote",
        "read it back, beside: mark it as promoted",
        "what does the service hold?",
        "reload it",
        "does it hold the replacement?",
    ),
    "verify": ("ask every service",),
    "quiet": (
        "when was the old key used last?",
        "use it once: Stripe dates the answer",
        "does Stripe show that use? beside: who tells the old key?",
        "was it used since, after that time?",
    ),
    "retire": (
        "all stores, beside: all services, the old key, the replacement",
        "does Stripe's own row show that look? then it is this key's",
        "kill the old key",
    ),
    "prove": ("probe the old key, beside: the control key", "is a stray left?"),
    "sweep": ("read the lists", "destinations of the accounts that they show"),
    "watch": ("ask every service, beside: every store", "does the old key answer again?"),
    "report": (),
    "discard": ("remove what lies beside each store",),
}
"""Action → what each call of its chain waits for. A managed issuer, stores of Vault, no review key."""


def steps_of(plan: Plan) -> list[Step]:
    """The plan's steps, and the tidying that the workflow does at the end."""
    first = plan.steps[0]
    return [*plan.steps, Step("discard", "discard", first.danger, "discard", "", {})]


def length(plan: Plan) -> int:
    """Calls one after the other, at the least."""
    return sum(len(CHAINS[step.action]) for step in steps_of(plan))


def longest_chain(calls: Sequence[Call]) -> int:
    """How many of these calls were made one after the other, at the most."""
    count, free = 0, 0.0
    for call in sorted(calls, key=lambda c: c.end):
        if call.start >= free:
            count, free = count + 1, call.end
    return count
