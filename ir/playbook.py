"""Playbooks: ordered steps for one policy; with an inventory they become a Plan (checked, printable, hashable).

What an action is (danger, what it needs, what it gives) stands here as data, in `ACTIONS`. Dry run, confirmation
and retry follow from `danger` in one place, the runner.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ir import yaml_file
from ir.durations import Seconds
from ir.errors import BadFile, UsageError
from ir.inventory import Inventory, Key, waves
from ir.model import Danger, Json, Policy
from ir.shipped_files import shipped_folder


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParams(_Params):
    """An action without settings."""


class ReviewParams(_Params):
    """`budget`: seconds the review may take, 0 = all it needs. `since`: how far back."""

    budget: Seconds = 0.0
    since: Seconds = 30 * 86400.0


class WaveParams(_Params):
    """`which` waves; `soak`: seconds to wait and look again; `patience`: seconds per service until it must pass."""

    which: Literal["canary", "rest", "all"] = "all"
    soak: Seconds = 0.0
    patience: Seconds = 60.0


class VerifyParams(_Params):
    """`patience`: seconds per service until it must pass."""

    patience: Seconds = 60.0


class QuietParams(_Params):
    """`for`: seconds without use of the old key by us; `required`: whether use afterwards stops the run."""

    for_: Annotated[Seconds, Field(alias="for")] = 10.0
    required: bool = False


class GraceParams(_Params):
    """`for`: seconds in which both keys live (scheduled policy)."""

    for_: Annotated[Seconds, Field(alias="for")] = 0.0


class RetireParams(_Params):
    """`patience`: seconds per service for the last look before the kill."""

    patience: Seconds = 60.0


class ProveParams(_Params):
    """`window`: seconds of unbroken death; `limit`: seconds to wait for it; `every`: seconds between polls."""

    window: Seconds = 15.0
    limit: Seconds = 600.0
    every: Seconds = 1.0


class WatchParams(_Params):
    """`for`: seconds to look at the services after the kill."""

    for_: Annotated[Seconds, Field(alias="for")] = 30.0


@dataclass(frozen=True)
class Action:
    """What an action is.

    Attributes:
        danger: what it does to the world.
        says: one line for the printed plan.
        undo: how it is undone, empty when there is nothing to undo.
        needs, gives: facts that must stand before it, and that it establishes; one of `needs` joined by `|` suffices.
    """

    danger: Danger
    says: str
    undo: str = ""
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    params: type[_Params] = NoParams


_R, _W, _X = Danger.READ, Danger.REVERSIBLE, Danger.IRREVERSIBLE

ACTIONS: dict[str, Action] = {
    "preflight": Action(_R, "look at the key, every store and every service before anything changes", gives=("looked",)),
    "review": Action(_R, "read Stripe's record and our logs for misuse", gives=("reviewed",), params=ReviewParams),
    "contain": Action(_W, "take the leaked key away from strangers", "restore its permissions or access policy", gives=("contained",)),
    "money": Action(_R, "list pending payouts, transfers and new accounts, each with its cancel link", gives=("money",)),
    "custody": Action(_W, "keep the old key where the run can find it again", "discard", gives=("custody",)),
    "mint": Action(_W, "get a replacement key and keep it", "expire the replacement", ("custody",), ("new-key",)),
    "check": Action(_R, "prove the replacement: alive, same account, same mode", "", ("new-key",), ("checked",)),
    "stage": Action(_W, "place the replacement beside the current key in every store", "discard the stage", ("new-key",), ("staged",)),
    "wave": Action(
        _W,
        "promote in the stores, reload the services, verify each",
        "put the old key back and reload",
        ("staged", "checked"),
        ("promoted",),
        WaveParams,
    ),
    "verify": Action(_R, "look at every service once more: does it hold the replacement?", "", ("promoted",), ("verified",), VerifyParams),
    "quiet": Action(_R, "ask whether our services still use the old key", "", ("promoted",), ("quiet",), QuietParams),
    "grace": Action(_R, "let both keys live for a while", "", ("promoted",), ("grace",), GraceParams),
    "retire": Action(_X, "kill the old key", "", ("custody", "verified|contained|no-services"), ("retired",), RetireParams),
    "prove": Action(_R, "poll the old key until it is proven dead", "", ("retired",), ("proven",), ProveParams),
    "sweep": Action(_R, "look for what an attacker left behind", gives=("swept",)),
    "watch": Action(_R, "look at the services after the kill", "", ("retired",), ("watched",), WatchParams),
    "report": Action(_R, "write the incident report and the evidence bundle", gives=("reported",)),
}


class StepRow(_Params):
    """One step as written in a playbook."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    action: str
    with_: Annotated[Json, Field(alias="with")] = {}
    approval: Literal["required"] | None = None


class Playbook(_Params):
    """A playbook file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")]
    policy: Policy
    about: str = ""
    steps: Annotated[list[StepRow], Field(min_length=1)]


@dataclass(frozen=True)
class Step:
    """One step of a plan; `wave` names the services that it is about."""

    id: str
    action: str
    danger: Danger
    says: str
    undo: str
    params: Json
    approval: bool = False
    wave: str = ""
    last_wave: bool = False


@dataclass(frozen=True)
class Plan:
    """A playbook bound to one key of an inventory."""

    playbook: str
    policy: Policy
    key: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> Json:
        """A JSON object; `plan_from_json` reads it back."""
        return asdict(self)

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON; approvals are bound to it."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def last_reversible(self) -> Step | None:
        """The last step before the first irreversible one; None when there is no irreversible step."""
        for index, step in enumerate(self.steps):
            if step.danger is Danger.IRREVERSIBLE:
                return self.steps[index - 1] if index else None
        return None


def plan_from_json(data: Json) -> Plan:
    """Inverse of `Plan.to_json`."""
    steps = tuple(Step(**{**row, "danger": Danger(row["danger"])}) for row in data["steps"])
    return Plan(data["playbook"], Policy(data["policy"]), data["key"], steps, tuple(data["notes"]))


def shipped() -> list[str]:
    """Names of the playbooks that come with the tool."""
    return sorted(path.name.removesuffix(".yaml") for path in shipped_folder("playbooks").iterdir() if path.name.endswith(".yaml"))


def load(name_or_file: str) -> Playbook:
    """A shipped playbook by name, or a file (anything with a `/` or ending in `.yaml`).

    Raises:
        UsageError: no shipped playbook of that name.
        BadFile: with file, line, path, what is wrong and the fix.
    """
    if "/" in name_or_file or name_or_file.endswith((".yaml", ".yml")):
        return loads(yaml_file.read(Path(name_or_file)), name_or_file)
    if name_or_file not in shipped():
        raise UsageError(
            f"there is no playbook `{name_or_file}`", next_step=f"one of {', '.join(shipped())}, or a file such as ./mine.yaml"
        )
    path = shipped_folder("playbooks") / f"{name_or_file}.yaml"
    return loads(path.read_text(encoding="utf-8"), path.name)


def loads(text: str, name: str) -> Playbook:
    """As `load`, from text."""
    data, lines = yaml_file.parse(text, name)
    book = yaml_file.check(Playbook, data, lines, name)
    seen: set[str] = set()
    facts: set[str] = set()
    for index, row in enumerate(book.steps):
        where = ("steps", index)
        for part, what, fix in _step_problems(book, index, row, seen, facts):
            path = (*where, *part)
            line = lines.get(path) or lines.get(where, 0)
            raise BadFile(name, line, yaml_file.dotted(path), what, fix)
        seen.add(row.id)
        facts |= set(ACTIONS[row.action].gives)
    return book


Problem = tuple[tuple[str, ...], str, str]


def _step_problems(book: Playbook, index: int, row: StepRow, seen: set[str], facts: set[str]) -> list[Problem]:
    action = ACTIONS.get(row.action)
    if action is None:
        return [(("action",), f"there is no action `{row.action}`", f"one of: {', '.join(sorted(ACTIONS))}")]
    if row.id in seen:
        return [(("id",), f"the id `{row.id}` stands twice", "ids are unique")]
    if "reported" in facts:
        return [((), f"`{row.id}` cannot be reached: `report` ends the run", "move `report` to the end")]
    if row.action == "retire" and "retired" in facts:
        return [((), f"`{row.id}` cannot be reached: the key is retired already", "remove one `retire`")]
    if row.action == "retire" and book.policy is not Policy.EXPLOITED and "verified" not in facts:
        return [((), "`retire` stands before any `verify`: services would be cut off", "put a `verify` step before it")]
    missing = [need for need in action.needs if not set(need.split("|")) & facts]
    if missing:
        givers = [name for name, a in ACTIONS.items() if set(missing[0].split("|")) & set(a.gives)]
        return [((), f"`{row.action}` needs what only `{'` or `'.join(givers)}` gives", "put that step before it")]
    if row.approval and action.danger is Danger.READ:
        return [(("approval",), f"`{row.action}` changes nothing, so there is nothing to approve", "remove it")]
    return _param_problems(action, row)


def _param_problems(action: Action, row: StepRow) -> list[Problem]:
    try:
        action.params.model_validate(row.with_)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        known = ", ".join(f.alias or n for n, f in action.params.model_fields.items()) or "none"
        text = "is not a setting of this action" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        return [(("with", str(item["loc"][0])), text, f"settings here: {known}")]
    return []


def compile_plan(book: Playbook, inventory: Inventory, key: Key) -> Plan:
    """Bind a playbook to a key: waves are spelled out, settings filled in."""
    services = inventory.services_of(key.name)
    names = waves(services)
    rest = [n for n in names if n != "canary"]
    notes = ["consumers that the inventory does not list will fail when the old key is retired"]
    if "canary" not in names and services:
        notes.append("no service is in wave `canary`: the first wave goes without a rehearsal")
    steps: list[Step] = []
    for row in book.steps:
        params = ACTIONS[row.action].params.model_validate(row.with_).model_dump(by_alias=True, mode="json")
        if row.action != "wave":
            steps.append(_step(row, row.id, params))
            continue
        chosen = {"canary": [n for n in names if n == "canary"], "rest": rest, "all": names}[params["which"]]
        if params["which"] != "canary" and not chosen:
            chosen = [""]  # no service: the stores are still promoted
        steps += [_step(row, f"{row.id}.{name or 'stores'}", params, name) for name in chosen]
    last = max((i for i, s in enumerate(steps) if s.action == "wave"), default=-1)
    steps = [Step(**{**asdict(s), "danger": s.danger, "last_wave": i == last}) for i, s in enumerate(steps)]
    return Plan(book.name, book.policy, key.name, tuple(steps), tuple(notes))


def _step(row: StepRow, id_: str, params: dict[str, Any], wave: str = "") -> Step:
    action = ACTIONS[row.action]
    return Step(id_, row.action, action.danger, action.says, action.undo, params, row.approval == "required", wave)
