"""Read what the engine recorded of an incident without starting an engine; and the encoding of those records."""

import json
from itertools import count
from typing import Any

import sqlalchemy as sa
from dbos import DBOSClient, Serializer
from dbos import error as dbos_errors

from ir.core.model import Json
from ir.evidence import audit_log
from ir.storage.patience import patient

STREAM = "audit"
"""The engine's stream, in which entries lay up to recording version 2: such an incident is read, given up and closed, not resumed."""

_ADD_TO_STREAM = (
    'INSERT INTO {table} (workflow_uuid, key, value, serialization, function_id, "offset")'
    ' SELECT :incident, :key, :entry, :form, 0, COALESCE(MAX("offset"), -1) + 1 FROM {table} WHERE workflow_uuid = :incident AND key = :key'
)
_FIRST = 1
"""The number of an incident's first step in the engine's tables; no number is left out."""


class Plain(Serializer):
    """JSON for the engine; an exception becomes `{class}`, never its text."""

    def name(self) -> str:
        """The mark of rows that are encoded so."""
        return "ir-json"

    def serialize(self, data: Any) -> str:
        """JSON without spaces."""
        return json.dumps(data, default=_encode, separators=(",", ":"))

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805 - the engine's own signature
        """The data; an error's class becomes a `RuntimeError` that names it."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and data.get("__error__"):
            return RuntimeError(f"recorded engine error: {data['__error__']}")
        return data


def _encode(value: object) -> object:
    if isinstance(value, BaseException):
        return {"__error__": type(value).__name__}
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not recorded")


def as_recorded(output: Json) -> Json:
    """A step's output in the form in which its record returns it."""
    plain: Json = json.loads(Plain().serialize(output))
    return plain


def client(engine: sa.Engine) -> DBOSClient:
    """Access to the engine's tables without starting an engine."""
    return DBOSClient(system_database_engine=engine, serializer=Plain())


def read_steps(engine: sa.Engine, incident: str) -> list[Any]:
    """The engine's records of an incident, up to the first that is missing. What lies behind a hole counts as not done."""
    steps = sorted(client(engine).list_workflow_steps(incident), key=lambda step: step["function_id"])
    return [step for place, step in enumerate(steps, start=_FIRST) if step["function_id"] == place]


def hole(engine: sa.Engine, incident: str) -> int | None:
    """The number of the first record that is missing with others behind it.

    A process goes on for a moment with a database that an older copy has replaced, before it finds out (`patience.FellBack`).
    """
    numbers = {step["function_id"] for step in client(engine).list_workflow_steps(incident, load_output=False)}
    first = next(number for number in count(_FIRST) if number not in numbers)
    return first if any(number > first for number in numbers) else None


def read_entries(engine: sa.Engine, incident: str) -> list[Json]:
    """All entries recorded so far, read without starting an engine. Empty when there is no such incident."""
    return audit_log.entries(engine, incident) or in_stream(engine, incident)


def add_to_stream(engine: sa.Engine, incident: str, entry: Json) -> None:
    """Write one entry behind those of `in_stream`. By the name of the engine's table: from outside a workflow it has no other entrance."""
    form = Plain()
    add = _ADD_TO_STREAM.format(table="streams" if engine.dialect.name == "sqlite" else "dbos.streams")
    with engine.begin() as db:
        db.execute(sa.text(add), {"incident": incident, "key": STREAM, "entry": form.serialize(entry), "form": form.name()})


@patient
def in_stream(engine: sa.Engine, incident: str) -> list[Json]:
    """All entries of an incident that was begun under recording version 2 or before, none of any other or of one that was not begun."""
    entries: list[Json] = []
    try:
        for entry in client(engine).read_stream(incident, STREAM, polling_interval_sec=0.01, timeout_seconds=0.05):
            entries.append(entry)
    except (dbos_errors.DBOSStreamTimeoutError, dbos_errors.DBOSNonExistentWorkflowError):  # the stream has ended, or was never begun
        pass
    return entries
