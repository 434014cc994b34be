"""The rule pack: one YAML file per detection, with Sigma's field names, portable SQL and its own examples.

A rule's SELECT gives one row per hit with the columns `entity, ts, evidence, currency, amount, seen, usual, level`
(`level` '' = the rule's own), over the tables of `docs/review-schema.md` and the derived `acts`.
Parameters in braces are numbers; see `RuleParameters`.
"""

import re
import string
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from ir.core.errors import BadFile
from ir.core.model import Json
from ir.review.detect.window import Window
from ir.review.sql.schema import TABLES

Level = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: tuple[str, ...] = ("informational", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class RuleParameters:
    """The numbers of one review that rules use: times in epoch seconds, lengths in hours, flags 0 or 1.

    Attributes:
        since, judged, until, exposed, middle: window; `middle` halves the baseline.
        hours, base_hours: length of what is judged, and of the baseline.
        baseline: whether there is one.
        ghost_baseline, ghost_hours: the same for what our egress logs cover.
        loss: share of our own traffic that our logs lose.
        api_from, api_until: what the API's events cover.
        own_from, own_until: the first and the last line of our egress logs.
    """

    since: int
    judged: int
    until: int
    exposed: int
    middle: int
    hours: float
    base_hours: float
    baseline: int
    ghost_baseline: int = 0
    ghost_hours: float = 1.0
    loss: float = 0.0
    api_from: int = 0
    api_until: int = 0
    own_from: int = 0
    own_until: int = 0

    @classmethod
    def of(cls, window: Window, **more: Any) -> "RuleParameters":
        """Make them from a window; the spans of our logs and the API are added by name."""
        return cls(
            since=window.since,
            judged=window.judged,
            until=window.until,
            exposed=window.exposed,
            middle=(window.since + window.judged) // 2,
            hours=round(window.hours, 3),
            base_hours=round(window.base_hours, 3),
            baseline=int(window.baseline),
            **more,
        )


_CALLS = (
    "(SELECT " + ", ".join(f"l.{column.name} AS {column.name}" for column in TABLES["requests"]) + " FROM requests l "
    "LEFT JOIN ours m ON l.request_id = m.request_id WHERE l.own = 0 AND (l.ts < {judged} OR m.request_id IS NULL))"
)
"""The meaning of `{calls}` in a rule: Stripe's log, from the exposure on without requests that our own logs hold, too."""


class Example(BaseModel):
    """Rows that must, or must not, make the rule fire; `ts` is relative to the exposure, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    match: bool
    requests: list[Json] = []
    events: list[Json] = []
    activity: list[Json] = []
    objects: list[Json] = []


class Rule(BaseModel):
    """One detection.

    Attributes:
        keeps: SELECTs that are kept as tables first, in their order, for `sql` to use, since a part that is used twice is worked out
            twice otherwise; each is named after its rule (`s06_charges`).
        needs: sources without which it cannot see: `events`, `egress`, `requests` (logs that show strangers), `activity`,
            `webhooks`, `api` (events from the API), `baseline`.
        judges: which verdict it feeds. stage: its place in an attack.
        next: what a human does. why: sentence with `{entity} {hits} {seen} {usual}`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9-]{1,30}$")]
    title: str
    status: Literal["experimental", "test", "stable"] = "experimental"
    level: Level
    logsource: dict[str, str]
    tags: list[str] = []
    falsepositives: list[str] = []
    question: str
    usual: str
    next: str
    needs: list[Literal["events", "egress", "requests", "activity", "webhooks", "api", "baseline"]] = []
    judges: Literal["writes", "reads", "account"]
    stage: Literal["recon", "write", "cashout", "persistence"]
    why: str
    keeps: dict[str, str] = {}
    sql: str
    sigma: Json = {}
    examples: Annotated[list[Example], Field(min_length=1)]

    @field_validator("sql")
    @classmethod
    def _parameters(cls, sql: str) -> str:
        known = {*RuleParameters.__dataclass_fields__, "calls"}
        used = {name for _, name, _, _ in string.Formatter().parse(sql) if name is not None}
        if used - known:
            raise ValueError(f"unknown parameter {', '.join(sorted(used - known))}; there are {', '.join(sorted(known))}")
        if ";" in sql:
            raise ValueError("one SELECT, without a semicolon")
        return sql

    @field_validator("keeps")
    @classmethod
    def _kept(cls, keeps: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        begin = f"{str(info.data.get('id', '')).replace('-', '').lower()}_"
        for name, sql in keeps.items():
            if not re.fullmatch(f"{begin}[a-z]{{1,30}}", name):
                raise ValueError(f"`{name[:40]}` must be named {begin} and small letters")
            cls._parameters(sql)
        return keeps

    @field_validator("examples")
    @classmethod
    def _both(cls, examples: list[Example]) -> list[Example]:
        if {e.match for e in examples} != {True, False}:
            raise ValueError("needs at least one example that matches and one that does not")
        return examples

    def tables(self, parameters: RuleParameters) -> dict[str, str]:
        """What is to be kept first: SELECTs with numbers filled in, by name."""
        return {name: _filled(sql, parameters) for name, sql in self.keeps.items()}

    def query(self, parameters: RuleParameters) -> str:
        """The SELECT with numbers filled in."""
        return _filled(self.sql, parameters)


def _filled(sql: str, parameters: RuleParameters) -> str:
    numbers = {name: _number(value) for name, value in asdict(parameters).items()}
    return sql.format(**numbers, calls=_CALLS.format(**numbers))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def load_rules(folders: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The shipped pack, then the user's folders; a later rule replaces an earlier one of the same id.

    Raises:
        BadFile: with file, place and what is wrong.
    """
    found = {rule.id: rule for rule in _shipped()}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise BadFile(str(folder), 0, "", "is not a folder of rules", "give a folder with one YAML file per rule")
        found |= {rule.id: rule for rule in _rules_in(folder)}
    return tuple(found[name] for name in sorted(found))


@cache
def _shipped() -> tuple[Rule, ...]:
    """The shipped pack, read once: a watch reviews again and again."""
    return _rules_in(Path(str(files("ir.review").joinpath("rules"))))


def _rules_in(folder: Path) -> tuple[Rule, ...]:
    return tuple(load_rule(file) for file in sorted(folder.glob("*.y*ml")))


def load_rule(file: Path) -> Rule:
    """Read one rule; raises BadFile."""
    import yaml

    try:
        return Rule.model_validate(yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 # both are safe loaders
    except OSError:
        raise BadFile(str(file), 0, "", "cannot be read") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadFile(str(file), mark.line + 1 if mark else 0, "", "not YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadFile(str(file), 0, ".".join(map(str, first["loc"])), str(first["msg"]), "see docs/review-schema.md") from None
