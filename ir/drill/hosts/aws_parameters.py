"""The parameters of AWS Systems Manager's Parameter Store in one region, by its API reference: each write is a version with a number.

A write without `Overwrite` of what is there is refused. What a write leaves out of the settings is AWS's default again.
"""

import time
from collections.abc import Callable

from ir.core.model import Json
from ir.drill.hosts.aws_secrets import refused

PAGE = 50
"""Rows of one answer."""


class Parameters:
    """One region.

    Args:
        region: its name, for ARNs.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._all: dict[str, list[Json]] = {}
        self.calls: dict[str, Callable[[Json], Json]] = {
            "DeleteParameter": self._delete,
            "DescribeParameters": self._describe,
            "GetParameter": self._get,
            "GetParameterHistory": lambda asked: _page(asked, [_shown(row, asked) for row in self._found(str(asked["Name"]))]),
            "PutParameter": self._put,
        }

    def _found(self, name: str) -> list[Json]:
        if name not in self._all:
            raise refused("ParameterNotFound")
        return self._all[name]

    def _get(self, asked: Json) -> Json:
        name, _, number = str(asked["Name"]).partition(":")
        rows = self._found(name)
        if number and not (number.isdigit() and 1 <= int(number) <= len(rows)):
            raise refused("ParameterVersionNotFound")
        row = rows[int(number) - 1 if number else -1]
        shown = {key: row[key] for key in ("Name", "Type", "Value", "Version", "LastModifiedDate", "DataType")}
        return {"Parameter": {**_shown(shown, asked), "ARN": f"arn:aws:ssm:{self._region}:123456789012:parameter/{name.lstrip('/')}"}}

    def _put(self, asked: Json) -> Json:
        name, rows = str(asked["Name"]), self._all.get(str(asked["Name"]), [])
        if rows and not asked.get("Overwrite"):
            raise refused("ParameterAlreadyExists")
        kind = asked.get("Type") or (rows[-1]["Type"] if rows else "")
        if not kind:
            raise refused("ValidationException", "A parameter type is required when you create a parameter.")
        given = {key: asked[key] for key in ("Value", "KeyId", "Description", "AllowedPattern") if asked.get(key)}
        defaults = {"DataType": asked.get("DataType") or "text", "Tier": asked.get("Tier") or "Standard"}
        key = {"KeyId": "alias/aws/ssm"} if kind == "SecureString" else {}
        row = {"Name": name, "Type": kind, "Version": len(rows) + 1, "LastModifiedDate": time.time(), **defaults, **key, **given}
        self._all[name] = [*rows, row]
        return {"Version": row["Version"], "Tier": row["Tier"]}

    def _delete(self, asked: Json) -> Json:
        self._found(str(asked["Name"]))
        del self._all[str(asked["Name"])]
        return {}

    def _describe(self, asked: Json) -> Json:
        starts = [tuple(one["Values"]) for one in asked.get("ParameterFilters") or [] if one.get("Option") == "BeginsWith"]
        names = [name for name in sorted(self._all) if all(name.startswith(start) for start in starts)]
        return _page(asked, [{key: value for key, value in self._all[name][-1].items() if key != "Value"} for name in names])


def _page(asked: Json, rows: list[Json]) -> Json:
    start, size = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return {"Parameters": rows[start : start + size], **more}


def _shown(row: Json, asked: Json) -> Json:
    """As it is answered: what is encrypted stays so, unless the call asks for the text."""
    hidden = row["Type"] == "SecureString" and not asked.get("WithDecryption")
    return {**row, "Value": "encrypted"} if hidden else row
