"""`--map FILE`: a person's table of the fields of a foreign log and the columns that they mean.

files: "cloudtrail/*.jsonl"        # which files it is for (default: all)
kind: requests                     # requests | webhooks | events | activity
own: false                         # true: our own egress log
zone: Europe/Berlin                # of times that state none (default: UTC)
dates: day                         # day | month: what 05/11/2026 begins with (default: as the file's other dates tell)
columns:                           # column of docs/review-schema.md → field, pointer (a.b.c) or several, joined by `:`
  ts: eventTime
  endpoint: [service, eventName]
  verb: readOnly                   # read/true/GET count as reads
"""

import fnmatch
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from ir.core.errors import BadFile
from ir.review.sql.schema import TABLES

_RAW = {"path", "id"}


class ColumnMap(BaseModel):
    """One map. Columns that are not named stay empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: str = "*"
    kind: Literal["requests", "webhooks", "events", "activity"] = "requests"
    own: bool | None = None
    zone: str = "UTC"
    dates: Literal["", "day", "month"] = ""
    columns: dict[str, str | list[str]]

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        if "at" in columns:  # the column's name in the stored facts and in people's heads
            columns = {("ts" if name == "at" else name): field for name, field in columns.items()}
        allowed = {c.name for table in ("requests", "activity") for c in TABLES[table]} | _RAW
        unknown = sorted(set(columns) - allowed)
        if unknown:
            raise ValueError(f"no such column: {', '.join(unknown)}; columns are {', '.join(sorted(allowed))}")
        return columns

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError):
            raise ValueError(f"no such time zone: {zone[:40]}; write Europe/Berlin or UTC") from None
        return zone

    def fits(self, file: Path) -> bool:
        """Whether this map is for that file."""
        return fnmatch.fnmatch(str(file), self.files) or fnmatch.fnmatch(file.name, self.files) or file.match(self.files)

    def names(self) -> frozenset[str]:
        """The fields that it uses."""
        return frozenset(path[-1] for several in self.paths().values() for path in several)

    def paths(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Column → field paths; several are joined."""
        return {
            column: tuple(tuple(name.split(".")) for name in ([names] if isinstance(names, str) else names))
            for column, names in self.columns.items()
        }


def load_map(file: str) -> ColumnMap:
    """Read one map.

    Raises:
        BadFile: with what is wrong and where.
    """
    import yaml

    try:
        data = yaml.safe_load(Path(file).read_text())
        return ColumnMap.model_validate(data)
    except OSError:
        raise BadFile(file, 0, "", "cannot be read", "give the path of a column map") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadFile(file, mark.line + 1 if mark else 0, "", "not YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise BadFile(file, 0, path, str(first["msg"]), "see docs/review-schema.md") from None
