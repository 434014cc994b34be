"""The JSON Schema of an inventory, for editors; `docs/inventory.schema.json` is made from this.

It describes the form of each row; `ir inventory check` checks what must hold between rows.
"""

import inspect
import json
import re
from typing import Any

from pydantic import BaseModel

from ir.inventory.rows import Inventory
from ir.inventory.service_rows import CHECKS, RELOADS

_ADDRESS = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTES = re.compile(r"\nAttributes:\n(?P<rows>.*)\Z", re.DOTALL)
_ROW = re.compile(r"(?:^|\. )(?P<names>[a-z_]+(?:, [a-z_]+)*): ")
_ONE_OF = {"Reload": RELOADS, "Verify": CHECKS}
_NOT_OF_WEBHOOKS = ("permissions", "connect_permissions", "rotate_every", "rotate_window", "rotate_from")


def schema() -> dict[str, Any]:
    """The schema, with the rows' docstrings as descriptions."""
    made = _untitled(Inventory.model_json_schema(by_alias=True, mode="validation"))
    rows = made["$defs"]
    for model in _models(Inventory):
        _describe(made if model is Inventory else rows[model.__name__], model)
    for row, names in _ONE_OF.items():
        rows[row]["oneOf"] = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    for name in _NOT_OF_WEBHOOKS:
        del rows["Webhook"]["properties"][name]
    rows["Key"]["properties"]["kind"] = {"enum": ["secret", "restricted"]}
    del rows["KeyKind"]
    return {"$schema": _ADDRESS, "title": "Inventory of `ir`", **made}


def text() -> str:
    """The schema as a file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _untitled(value: Any) -> Any:
    """Without the titles that only repeat a field's name."""
    if isinstance(value, list):
        return [_untitled(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _untitled(one) for name, one in value.items() if not (name == "title" and isinstance(one, str))}


def _describe(told: dict[str, Any], model: type[BaseModel]) -> None:
    """A sentence for the row, and one for each field that its docstring explains."""
    doc = inspect.getdoc(model) or ""
    rows = _ATTRIBUTES.search(doc)
    told["description"] = " ".join(_ATTRIBUTES.sub("", doc).split())
    for name, about in _fields(rows["rows"] if rows else ""):
        if name in told["properties"]:
            told["properties"][name]["description"] = about


def _fields(rows: str) -> list[tuple[str, str]]:
    """Names and sentences of an `Attributes` section; a line may explain several fields, one after the other."""
    found = []
    for line in re.sub(r"\n {5,}", " ", rows).splitlines():
        pieces = _ROW.split(line.strip())
        for names, about in zip(pieces[1::2], pieces[2::2], strict=True):
            said = about.strip().rstrip(".") + "."
            found += [(name, said[:1].upper() + said[1:]) for name in names.split(", ")]
    return found


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all that its fields are made of."""
    found: list[type[BaseModel]] = []
    waiting: list[Any] = [model]
    while waiting:
        one = waiting.pop()
        if not (inspect.isclass(one) and issubclass(one, BaseModel)):
            waiting += getattr(one, "__args__", ())
        elif one not in found:
            found.append(one)
            waiting += [field.annotation for field in one.model_fields.values()]
    return found
