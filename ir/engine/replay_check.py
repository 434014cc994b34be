"""Check, on the record alone, whether this version would do again what an incident has recorded. It runs before anything is resumed.

The engine compares names as it goes and would fail in the middle. Here the workflow is run with recorded outputs only; no step's
body runs. An entry has to come out as it was written, too: one that differs would break the audit chain from there on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from ir.core.errors import IrError, Unreplayable
from ir.core.model import Json
from ir.engine.dbos_records import client
from ir.engine.dbos_runner import SCHEMA_VERSION
from ir.engine.workflow import Workflow
from ir.evidence.hash_chain import WORD
from ir.incident import debts
from ir.incident.context import Options, World
from ir.incident.record import Incident

_STOPPED = ("ERROR", "CANCELLED")
"""The engine's words for workflows that it will not run to an end by itself."""


def check(engine: sa.Engine, record: Incident, entries: Sequence[Json], world: Callable[[], World]) -> None:
    """Reads only; `record` is the fold of all `entries`; `world` wires one that notes, tells and keeps nothing.

    Raises:
        Unreplayable: this version would not do what is recorded.
    """
    state = client(engine).retrieve_workflow(record.id).get_status()
    again = debts.again(record)
    if state.status in _STOPPED:
        said = f"was stopped by its engine ({state.status}), which will not run it again"
        raise Unreplayable(f"{record.id} {said}", incident=record.id, again=again)
    if state.app_version in (None, SCHEMA_VERSION):
        said = _unlike(engine, record, entries, world)
    else:
        said = f"was begun under recording version {state.app_version}, this is {SCHEMA_VERSION}"
    if said:
        version = record.opened.get("version")
        begun = f"version {version}, which began it" if version else "the version that began it"
        raise Unreplayable(f"{record.id} {said}", incident=record.id, begun=begun, again=again)


def _unlike(engine: sa.Engine, record: Incident, entries: Sequence[Json], world: Callable[[], World]) -> str:
    """What differs, "" when nothing does."""
    if not entries:
        return ""  # its process died before the first entry
    unknown = sorted(set(record.opened.get("options", {})) - {field.name for field in fields(Options)})
    if unknown:
        return f"was begun with options that this version does not know: {', '.join(unknown)}"
    rows = [_Row(str(step["function_name"]), step["output"], step["error"]) for step in client(engine).list_workflow_steps(record.id)]
    again = _Again(rows, entries)
    try:
        Workflow(again, world(), record.opened).run()
        again.end()
    except _UpToHere:
        return ""
    except _Other as other:
        return str(other)
    except IrError as error:
        return f"was begun with what this version cannot read: {error.what}"
    except Exception as error:  # noqa: BLE001 - what another version recorded may make today's code raise anything
        return f"has a record that this version cannot read: {type(error).__name__}"
    return ""


class _UpToHere(Exception):
    """All recorded outputs were used up."""


class _Other(Exception):
    """The workflow decided differently from the record."""


@dataclass(frozen=True)
class _Row:
    name: str
    output: Any
    error: object


class _Again:
    """`recorder.Durable` that returns what is recorded, and nothing else."""

    def __init__(self, rows: Sequence[_Row], entries: Sequence[Json]) -> None:
        self._rows, self._entries = rows, entries
        self._place = self._written = 0

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """See `recorder.Durable`; `body` is not run."""
        output: Json = self._next(name).output
        return output

    def emit(self, entry: Json) -> Json | None:
        """See `recorder.Durable`; nothing is written. Only the last entry may be missing: its process died before it was written."""
        if self._written == len(self._entries):
            if self._place == len(self._rows):
                raise _UpToHere
            raise _Other(f"has a record with a hole: entry {self._written} is missing")
        recorded = self._entries[self._written]
        if recorded["kind"] == WORD:
            self._written += 1
            return recorded
        if recorded["hash"] != entry["hash"]:
            told = f"`{recorded['step'] or recorded['kind']}` is entry {self._written}, where this version would write"
            raise _Other(f"cannot be replayed: {told} {_how(entry, recorded)}")
        self._written += 1
        return None

    def signals(self, after: int) -> list[Json]:
        """See `recorder.Durable`; steps ask, and none runs."""
        return []

    def newest_signal(self) -> int:
        """See `recorder.Durable`; steps ask, and none runs."""
        return 0

    def await_signal(self, after: int) -> list[Json]:
        """See `recorder.Durable`; steps ask, and none runs."""
        return []

    def end(self) -> None:
        """The workflow is over: then the record has to be over, too."""
        if self._place == len(self._rows) and self._untold():
            raise _Other(f"cannot be replayed: this version would end before entry {self._written}")
        self._next("the end")

    def _untold(self) -> bool:
        """Whether entries are left that only a step can have written; words of people come at any time."""
        return any(entry["kind"] != WORD for entry in self._entries[self._written :])

    def _next(self, name: str) -> _Row:
        if self._place == len(self._rows):
            if self._untold():
                raise _Other(f"has a record with a hole: `{name}`, from which entry {self._written} was told, is missing")
            raise _UpToHere
        row, place = self._rows[self._place], self._place + 1
        if row.name != name:
            raise _Other(f"cannot be replayed: `{row.name}` is record {place}, where this version would go on with `{name}`")
        if row.error is not None:
            raise _Other(f"cannot be continued: `{name}`, record {place}, ended in an error of the engine")
        self._place = place
        return row


def _how(entry: Json, recorded: Json) -> str:
    if (entry["kind"], entry["step"]) != (recorded["kind"], recorded["step"]):
        return f"`{entry['step'] or entry['kind']}`"
    return "another text"
