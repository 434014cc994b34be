"""What of a plan can be undone: for this action, this issuer, this key and this inventory. It is decided here alone.

Danger is no property of an action alone: to contain a key is to narrow it where an API does it, to attach a policy where the inventory
knows our own addresses, and otherwise to rotate it with expiration *Now*, which kills it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from ir.core.model import Danger, Json
from ir.incident.action_catalog import ACTIONS, ActionSpec
from ir.incident.facts import Facts
from ir.inventory import Account

OVERLAP_BUDGET = 3600.0
"""Seconds that a leaked key and its replacement may live side by side."""


class Way(StrEnum):
    """The ways to take a leaked key from strangers; the value says where it is done."""

    NARROWING = "issuer `managed`"
    POLICY = "issuer `dashboard`, with `egress_ips`"
    ROTATION = "issuer `dashboard`, without"
    KILL = "nothing is to replace it"

    @property
    def kills(self) -> bool:
        """Whether the key cannot be brought back, so that our own services lose it, too."""
        return self in (Way.ROTATION, Way.KILL)


class _Step(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def danger(self) -> Danger: ...


@dataclass(frozen=True)
class _Recorded:
    id: str
    action: str
    danger: Danger


@dataclass(frozen=True)
class Effect:
    """The properties of an action in this plan: see `action_catalog.Action`."""

    danger: Danger
    says: str
    undo: str


CONTAINS = {
    Way.NARROWING: Effect(
        Danger.REVERSIBLE, "narrow the leaked key to one harmless permission; services that use it fail", "restore its permissions by hand"
    ),
    Way.POLICY: Effect(
        Danger.REVERSIBLE, "guide you to an access policy that keeps strangers from the leaked key", "take the access policy away by hand"
    ),
    Way.ROTATION: Effect(
        Danger.IRREVERSIBLE,
        "guide you through a rotation with expiration `Now`: the leaked key dies, services that use it fail, and its replacement is made",
        "",
    ),
    Way.KILL: Effect(Danger.IRREVERSIBLE, "guide you to kill the leaked key; services that use it fail", ""),
}


def way(account: Account, *, replaces: bool, made: bool = False) -> Way:
    """The way of containment; `replaces`: a replacement is wanted, `made`: there is one already."""
    if account.issuer != "dashboard":
        return Way.NARROWING
    if replaces and account.egress_ips:
        return Way.POLICY
    return Way.ROTATION if replaces and not made else Way.KILL


def of(name: str, account: Account, *, replaces: bool) -> ActionSpec:
    """An action as it is for this key: its danger, what the plan says of it, and how it is undone ("" = not at all)."""
    action = ACTIONS[name]
    if name != "contain":
        return action
    effect = CONTAINS[way(account, replaces=replaces)]
    return replace(action, danger=effect.danger, says=effect.says, undo=effect.undo)


def promise(steps: Sequence[_Step]) -> str:
    """What of a plan can be undone, in words: for the plan, the question, the dry run, the report and the JSON document alike."""
    first = next((number for number, step in enumerate(steps) if step.danger is Danger.IRREVERSIBLE), None)
    contained = any(step.action == "contain" for step in steps[:first])
    by_hand = " (the containment by hand, the rest with ir rollback)" if contained else " (ir rollback)"
    if first is None:
        return "Nothing in it is irreversible." + (" The containment is undone by hand." if contained else "")
    if steps[first].action == "contain":
        untouched = all(step.danger is Danger.READ for step in steps[:first])
        before = "Nothing is changed before it." if untouched else "What comes before it can be undone."
        return f"`{steps[first].id}` kills the leaked key, which cannot be undone. {before}"
    before = f"Up to `{steps[first - 1].id}` everything can be undone{by_hand}. " if first else ""
    return f"{before}After it the old key dies." if before else "The old key dies, which cannot be undone."


def promise_of(plan: Json) -> str:
    """As `promise`, of a recorded plan; "" of one that this version cannot read."""
    try:
        return promise([_Recorded(row["id"], row["action"], Danger(row["danger"])) for row in plan["steps"]])
    except (KeyError, TypeError, ValueError):
        return ""


def forward(facts: Facts) -> bool:
    """Whether the only way is forward: services are without a key until each has another, so none waits for anything else."""
    contained = facts.get("containment", {})
    return bool(facts.get("dead_on_arrival") or (contained and not contained.get("undone")))


def dead(facts: Facts) -> bool:
    """Whether no leaked key is left to kill: it was dead on arrival, or containment killed it and it was seen dead."""
    if facts.get("dead_on_arrival"):
        return True
    killed = facts.get("containment", {}).get("how") in ("rotated", "expired")
    return bool(killed and facts.get("old", {}).get("liveness") in ("expired", "invalid"))
