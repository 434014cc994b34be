"""An emergency on a key that is being rotated, with both values alive: take the rotation over, contain the old key, kill it next."""

from dataclasses import replace

from ir import inventory
from ir.actions import contain as containing
from ir.core.model import Json, Outcome, Policy
from ir.core.secret import Secret
from ir.incident import folding
from ir.incident.action_catalog import ACTIONS
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting

_OPEN = ("running", "waiting")
_OVERLAPS = (Policy.SCHEDULED.value, Policy.EXPOSED.value)


def under_way(kept: State, setting: Setting, leaked: Secret | None = None) -> str:
    """The rotation that an emergency takes over, "" = none.

    It is one with this very key as its old one, whose replacement lives already: nothing that could be begun is as near to the kill.
    """
    if setting.plan.policy is not Policy.EXPLOITED:
        return ""
    source = inventory.loads(setting.text, setting.name)
    account = source.account(source.key(setting.key).account).id
    for row in kept.index.rows(setting.key):
        told = row.summary
        same = told.get("account") == account and bool(told.get("drill")) is setting.options.drill and not told.get("rehearsal")
        if row.status in _OPEN and same and told.get("policy") in _OVERLAPS and told.get("new"):
            return row.incident if leaked is None or leaked.fingerprint == told["old"] else ""
    return ""


def overlaps(record: Incident, *policies: Policy) -> bool:
    """Whether a rotation of one of these policies has its replacement already, and waits, or is to wait, before the kill."""
    return record.plan.get("policy") in {policy.value for policy in policies} and "new" in record.facts and not record.ended


def contain(kept: State, world: World, record: Incident, by: str, *, ends: bool, reason: str = "") -> Outcome:
    """Contain at once, beside whatever process runs the incident, and tell it afterwards; `ends`: nothing is waited for before the kill."""
    fixed = containing.prepare(world, record, Step("contain", "contain", ACTIONS["contain"].danger, "contain", "", {}))
    folding.merge(record.facts, fixed)
    outcome = containing.act(world, record)
    folding.merge(fixed, outcome.facts)
    told: Json = {**fixed, **({"emergency": {"by": by, "at": world.now(), "reason": reason}} if ends else {})}
    if ends or {"containment", "new", "proof"} & set(told):  # else nothing has changed that its process would have to know
        kept.signals.send(record.id, "contain", by, {"said": outcome.said, "facts": told})
    return replace(outcome, facts=fixed)
