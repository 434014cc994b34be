"""A plan: a playbook bound to one key of an inventory; checked, printable, hashable."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from ir.core.errors import UsageError
from ir.core.model import Danger, Json, KeyKind, Policy, copied
from ir.core.store_kind import PlaceKind
from ir.core.wording import counted
from ir.incident import approvers, reversibility
from ir.incident.action_catalog import ACTIONS, ActionSpec
from ir.incident.playbook import Playbook, StepRow
from ir.inventory import Inventory, Key, Webhook, waves


@dataclass(frozen=True)
class Step:
    """One step of a plan; `wave` names the services that it is about, `approvals` how many people have to approve it."""

    id: str
    action: str
    danger: Danger
    says: str
    undo: str
    params: Json
    approval: bool = False
    wave: str = ""
    last_wave: bool = False
    approvals: int = 1


@dataclass(frozen=True)
class WantedRights:
    """The list of permissions that was derived for the replacement, and given with the plan.

    Attributes:
        names: as the key API takes them, `connect:<name>` for connected accounts.
        sha256: of the file that it was read from. coverage: what that says of the logs.
        apart: what was left out, since it was first used when the key may have been out.
    """

    names: tuple[str, ...]
    sha256: str
    apart: tuple[str, ...] = ()
    coverage: str = ""


@dataclass(frozen=True)
class Plan:
    """A playbook bound to one key of an inventory.

    Attributes:
        also: names of the other keys of the inventory that hold the same value: their places and services are this key's here.
        wanted: the list that the replacement gets, where one was derived.
    """

    playbook: str
    policy: Policy
    key: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())
    also: tuple[str, ...] = ()
    wanted: WantedRights | None = None

    def to_json(self) -> Json:
        """A JSON object; `plan_from_json` reads it back."""
        steps = tuple({**vars(step), "params": copied(step.params)} for step in self.steps)
        also: Json = {"also": self.also} if self.also else {}
        also |= {"wanted": asdict(self.wanted)} if self.wanted else {}
        return {"playbook": self.playbook, "policy": self.policy, "key": self.key, "steps": steps, "notes": self.notes, **also}

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON; approvals are bound to it."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def key_alone(self) -> bool:
        """No step asks a store or a service: the red button."""
        return all(ACTIONS[step.action].key_alone for step in self.steps)

    @property
    def reversibility(self) -> str:
        """See `reversibility.promise`."""
        return reversibility.promise(self.steps)


def plan_from_json(data: Json) -> Plan:
    """Inverse of `Plan.to_json`."""
    steps = tuple(Step(**{**row, "danger": Danger(row["danger"])}) for row in data["steps"])
    wanted = _wanted(data["wanted"]) if data.get("wanted") else None
    return Plan(data["playbook"], Policy(data["policy"]), data["key"], steps, tuple(data["notes"]), tuple(data.get("also", ())), wanted)


def _wanted(row: Json) -> WantedRights:
    return WantedRights(**{**row, "names": tuple(row["names"]), "apart": tuple(row["apart"])})


def wanting(plan: Plan, wanted: WantedRights) -> Plan:
    """The same plan, with a list for the replacement that was derived from use, and the hash of its file."""
    listed = f"the {counted(len(wanted.names), 'permission')} of the given list (SHA-256 {wanted.sha256[:16]}…)"
    said = f"whether services need more than {listed}: {', '.join(wanted.names)}"
    return replace(plan, wanted=wanted, notes=(*(note for note in plan.notes if note != _RESTRICTED), said, _RESTRICTED))


def compile_plan(book: Playbook, inventory: Inventory, key: Key, *, replaces: bool = True, also: tuple[str, ...] = ()) -> Plan:
    """Bind a playbook to a key: waves are spelled out, settings filled in; `replaces`: a replacement is wanted, `also`: see `Plan`.

    Raises:
        UsageError: a step needs the approval of more people than the inventory lists.
    """
    for row in book.steps:
        if said := approvers.too_few(row.id, row.approvals, inventory.approvers):
            raise UsageError(said, safe="nothing was changed", next_step="ir inventory check, once the line is there")
    _delivered_before_the_kill(book, key)
    services, account = inventory.services_of(key.name), inventory.account(key.account)
    names = waves(services)
    rest = [n for n in names if n != "canary"]
    notes = ["consumers that the inventory does not list will fail when the old key is retired"]
    if "canary" not in names and services:
        notes.append("no service is in wave `canary`: the first wave goes without a rehearsal")
    notes += _webhook_notes(key) + _store_notes(key)
    if replaces and account.issuer == "managed" and key.kind is KeyKind.SECRET:
        notes.append(_RESTRICTED)
    steps: list[Step] = []
    for row in book.steps:
        params = ACTIONS[row.action].params.model_validate(row.with_).model_dump(by_alias=True, mode="json")
        if row.action != "wave":
            steps.append(_step(row, reversibility.of(row.action, account, replaces=replaces), row.id, params))
            continue
        chosen = {"canary": [n for n in names if n == "canary"], "rest": rest, "all": names}[params["which"]]
        if params["which"] != "canary" and not chosen:
            chosen = [""]  # no service: the stores are still promoted
        wave = ACTIONS[row.action]
        steps += [_step(row, wave, row.id if name == row.id else f"{row.id}.{name or 'stores'}", params, name) for name in chosen]
    last = max((i for i, s in enumerate(steps) if s.action == "wave"), default=-1)
    steps = [replace(step, last_wave=number == last) for number, step in enumerate(steps)]
    return Plan(book.name, book.policy, key.name, tuple(steps), tuple(notes), also)


def clearing(plan: Plan) -> Plan:
    """The same plan with a step that clears strangers' unfinished stages, right after everything was looked at."""
    action = ACTIONS["clear"]
    at = next((number + 1 for number, step in enumerate(plan.steps) if step.action == "preflight"), 0)
    step = Step("clear", "clear", action.danger, action.says, action.undo, {})
    return replace(plan, steps=(*plan.steps[:at], step, *plan.steps[at:]))


_RESTRICTED = (
    "the replacement is a restricted key (rk_…): what its list lacks is refused with 403, and code that expects sk_ breaks; the kill waits "
    "where a service's check tells of such refusals (`lacks`), and where none does, they are not seen"
)
"""Of a secret key that a restricted one replaces."""


def _delivered_before_the_kill(book: Playbook, key: Key) -> None:
    """Require a delivery before the kill: only one that Stripe signed shows which secret the services have."""
    actions = [row.action for row in book.steps]
    if isinstance(key, Webhook) and "retire" in actions and "delivery" not in actions[: actions.index("retire")]:
        raise UsageError(
            f"the playbook `{book.name}` has no `delivery` step before `retire`: a wrong signing secret would pass",
            safe="nothing was changed",
            next_step="put `{id: delivery, action: delivery}` before `retire`",
        )


def _webhook_notes(key: Key) -> list[str]:
    if not isinstance(key, Webhook):
        return []
    if key.roll == "second-endpoint":
        said = (
            "while both endpoints are enabled Stripe delivers every event twice, once signed with each secret: a service has to "
            "recognise an event by its id, and refuses the deliveries signed with the secret that it does not have"
        )
        return [said]
    said = (
        "a pasted signing secret cannot be tried at Stripe, and our own test events show only that two texts are equal: that it is this "
        "endpoint's is seen from a delivery that Stripe signed, else the old secret is put back"
    )
    return [said]


def _store_notes(key: Key) -> list[str]:
    """Notes on places that lack a promise, and how the plan makes up for it."""
    return [
        f"{ref} is write-only: its old value is kept elsewhere before it is written, its services show what it holds (or, weaker, the "
        f"host's own mark of the last change), and {ref.promises.undo}"
        for ref in key.stored_in
        if ref.promises.kind is PlaceKind.WRITE_ONLY
    ]


def _step(row: StepRow, action: ActionSpec, id_: str, params: dict[str, Any], wave: str = "") -> Step:
    asks = row.approval == "required"
    return Step(id_, row.action, action.danger, action.says, action.undo, params, asks, wave, approvals=row.approvals)
