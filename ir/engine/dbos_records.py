"""Read what the engine recorded of an incident without starting an engine; and the encoding of those records."""

import json
from typing import Any

import sqlalchemy as sa
from dbos import DBOSClient, Serializer
from dbos import error as dbos_errors

from ir.core.model import Json
from ir.evidence import audit_log

STREAM = "audit"
"""The engine's stream, in which entries lay up to recording version 2: such an incident is read, given up and closed, not resumed."""


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


def read_entries(engine: sa.Engine, incident: str) -> list[Json]:
    """All entries recorded so far, read without starting an engine. Empty when there is no such incident."""
    return audit_log.entries(engine, incident) or in_stream(engine, incident)


def in_stream(engine: sa.Engine, incident: str) -> list[Json]:
    """All entries of an incident that was begun under recording version 2 or before, none of any other or of one that was not begun."""
    entries: list[Json] = []
    try:
        for entry in client(engine).read_stream(incident, STREAM, polling_interval_sec=0.01, timeout_seconds=0.05):
            entries.append(entry)
    except (dbos_errors.DBOSStreamTimeoutError, dbos_errors.DBOSNonExistentWorkflowError):  # the stream has ended, or was never begun
        pass
    return entries
