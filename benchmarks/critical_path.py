"""The critical path of a plan: for each step the longest chain of outward calls that wait for each other, and its other waits.

What may go side by side counts once, however much of it there is. Nothing here is measured: a chain is the reason why the
next call cannot be made before the answer of the last one is known. The benchmark sees to it that no chain is longer than
what was really seen, so that the path cannot be made to look longer than it is.
"""

from collections.abc import Callable, Sequence

from benchmarks.slow_world import Call
from ir.incident.plan import Plan, Step
from ir.review.collect.collector import RATE
from ir.review.collect.leftover_kinds import SWEEPS

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
    "sweep": ("read the lists, beside: the account's own destinations, its payouts of a year, its log",),
    "watch": ("ask every service, beside: every store", "does the old key answer again?"),
    "report": (),
    "discard": ("remove what lies beside each store",),
}
"""Action → what each call of its chain waits for. A managed issuer, stores of Vault, no review key."""
_BESIDE_LISTS = 3
WAITS: dict[str, Callable[[float], float]] = {
    # As late as Stripe showed our own use, which is one call at the least, it may show another's: only then it is asked again.
    "quiet": lambda delay: delay,
    # The account's production needs its rate limit: a second's worth of requests goes at once, the others at their pace.
    "sweep": lambda _delay: (len(SWEEPS) + _BESIDE_LISTS - 1) / RATE - 1.0,
}
"""Action → seconds in which it waits for nothing but time, given the seconds of a call."""


def steps_of(plan: Plan) -> list[Step]:
    """The plan's steps, and the tidying that the workflow does at the end."""
    first = plan.steps[0]
    return [*plan.steps, Step("discard", "discard", first.danger, "discard", "", {})]


def length(plan: Plan) -> int:
    """Calls one after the other, at the least."""
    return sum(len(CHAINS[step.action]) for step in steps_of(plan))


def seconds(plan: Plan, delay: float) -> float:
    """What a plan takes at the least, when each call takes `delay` seconds."""
    return sum(seconds_of(step.action, delay) for step in steps_of(plan))


def seconds_of(action: str, delay: float) -> float:
    """Of one action."""
    return len(CHAINS[action]) * delay + (WAITS[action](delay) if action in WAITS else 0.0)


def longest_chain(calls: Sequence[Call]) -> int:
    """How many of these calls were made one after the other, at the most."""
    count, free = 0, 0.0
    for call in sorted(calls, key=lambda c: c.end):
        if call.start >= free:
            count, free = count + 1, call.end
    return count
