"""The JSON Schema of an inventory says of its form what the program says."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from ir import inventory
from ir.cli import run
from ir.core.errors import BadFile
from ir.inventory import schema

EXAMPLE = Path(__file__).parents[2] / "inventory.example.yaml"
JUDGE = jsonschema.Draft202012Validator(schema.schema())
Change = Callable[[Any], object]


def _example() -> Any:
    """As an editor has it: a date is text."""
    return _texts(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _agree(data: Any) -> bool:
    """Whether both take it; they must say the same."""
    try:
        inventory.loads(yaml.safe_dump(data), "it")
        taken = True
    except BadFile:
        taken = False
    mistakes = [error.message for error in JUDGE.iter_errors(data)]
    assert (not mistakes) is taken, mistakes
    return taken


def test_it_is_a_schema_and_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    assert run(["inventory", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema.schema()


RIGHT: list[Change] = [
    lambda data: None,
    lambda data: data["keys"][0].update(rotate_every=7776000, rotate_from="2026-11-01"),
    lambda data: data["keys"][0].update(rotate_window={"days": ["mon..thu", "sat"], "from": "09:00", "to": 960, "zone": "Europe/Berlin"}),
    lambda data: data["keys"][0].update(rotate_window={"days": "fri"}),
    lambda data: data["services"][1].update(reads_from=[data["services"][1]["reads_from"]], stale="2 m", wave="late"),
    lambda data: data["services"][1].update(verify=[{"command": ["a"], "http": None, "timeout": 0.5}]),
    lambda data: data["notify"].append({"to": "env://X", "when": ["done"]}),
]
WRONG: list[Change] = [
    lambda data: data.update(versions=1),
    lambda data: data.update(version=2),
    lambda data: data.update(accounts=[]),
    lambda data: data["accounts"][0].update(id="main"),
    lambda data: data["accounts"][0].pop("mode"),
    lambda data: data["keys"][0].update(stored_in=[]),
    lambda data: data["keys"][0].update(stored_in=["s3://bucket/key"]),
    lambda data: data["keys"][0].update(kind="webhook"),
    lambda data: data["keys"][0].update(rotate_every="a week"),
    lambda data: data["keys"][0].update(rotate_window={"days": "someday"}),
    lambda data: data["keys"][0].update(rotate_window={"from": "25:00"}),
    lambda data: data["webhooks"][0].update(rotate_every="90d"),
    lambda data: data["services"][1].update(reload={}),
    lambda data: data["services"][1].update(reload={"polls": 1, "command": ["a"]}),
    lambda data: data["services"][1].update(verify=[]),
    lambda data: data["services"][1].update(reads_from=[]),
    lambda data: data["services"][1]["verify"][0].update(proves="much"),
    lambda data: data["services"][1]["verify"][0].update(command=["a"]),
    lambda data: data["notify"][0].update(when=["never"]),
    lambda data: data.update(plain_http=["https://vault"]),
]


@pytest.mark.parametrize("change", RIGHT)
def test_both_take_what_is_right(change: Change) -> None:
    data = _example()
    change(data)
    assert _agree(data)


@pytest.mark.parametrize("change", WRONG)
def test_both_refuse_what_is_wrong(change: Change) -> None:
    data = _example()
    change(data)
    assert not _agree(data)


def test_every_row_and_most_fields_are_explained() -> None:
    made = schema.schema()
    rows = [made, *made["$defs"].values()]
    assert all(row.get("description") for row in rows)
    assert made["$defs"]["Account"]["properties"]["egress"]["description"].startswith("Globs of our own egress logs")
    assert made["$defs"]["Key"]["properties"]["rotate_from"]["description"].startswith("The day that the first period counts from")
