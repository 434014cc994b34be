"""Playbooks: ordered steps for one policy, as a person writes them; one that cannot work is refused when it is loaded."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ir.core import yaml_file
from ir.core.errors import BadFile, IrError, UsageError
from ir.core.model import Danger, Json, Policy
from ir.core.resources import shipped_folder
from ir.incident.action_catalog import ACTIONS, ActionSpec, Params

_LONGEST_BESIDE = 100_000
"""Bytes of a file in an inventory's folder that may be a playbook."""


class StepRow(Params):
    """One step as written in a playbook; `approvals`: how many people have to approve it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    action: str
    with_: Json = Field(default_factory=dict, alias="with")
    approval: Literal["required"] | None = None
    approvals: Annotated[int, Field(ge=1, le=9)] = 1


class Playbook(Params):
    """A playbook file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,60}$")]
    policy: Policy
    about: str = ""
    steps: Annotated[list[StepRow], Field(min_length=1)]


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


def beside(folder: Path) -> list[Playbook]:
    """Playbooks among the files of a folder, such as the inventory's; other files are not looked at."""
    found = []
    for path in sorted(folder.glob("*.y*ml")):
        with suppress(IrError, OSError):
            text = yaml_file.read(path) if path.stat().st_size <= _LONGEST_BESIDE else ""
            found += [loads(text, str(path))] if "steps:" in text else []
    return found


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


Problem = tuple[tuple[str | int, ...], str, str]


def _step_problems(book: Playbook, index: int, row: StepRow, seen: set[str], facts: set[str]) -> list[Problem]:
    action = ACTIONS.get(row.action)
    if action is None:
        return [(("action",), f"there is no action `{row.action}`", f"one of: {', '.join(sorted(ACTIONS))}")]
    if row.id in seen:
        return [(("id",), f"the id `{row.id}` is listed twice", "ids are unique")]
    if "reported" in facts:
        return [((), f"`{row.id}` cannot be reached: `report` ends the run", "move `report` to the end")]
    if row.action == "retire" and "retired" in facts:
        return [((), f"`{row.id}` cannot be reached: the key is retired already", "remove one `retire`")]
    if row.action == "retire" and book.policy is not Policy.EXPLOITED and "verified" not in facts:
        return [((), "`retire` comes before any `verify`: services would be cut off", "put a `verify` step before it")]
    missing = [need for need in action.needs if not set(need.split("|")) & facts]
    if missing:
        givers = [name for name, a in ACTIONS.items() if set(missing[0].split("|")) & set(a.gives)]
        return [((), f"`{row.action}` needs what only `{'` or `'.join(givers)}` gives", "put that step before it")]
    if row.approval and action.danger is Danger.READ:
        return [(("approval",), f"`{row.action}` changes nothing, so there is nothing to approve", "remove it")]
    if row.approvals > 1 and not row.approval:
        return [(("approvals",), "no person is asked for an approval", "write `approval: required` too")]
    return _param_problems(action, row)


def _param_problems(action: ActionSpec, row: StepRow) -> list[Problem]:
    try:
        action.params.model_validate(row.with_)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        known = ", ".join(f.alias or n for n, f in action.params.model_fields.items()) or "none"
        text = "is not a setting of this action" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        return [(("with", str(item["loc"][0])), text, f"settings here: {known}")]
    return []
