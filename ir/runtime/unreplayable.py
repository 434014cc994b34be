"""End an incident that this version cannot go on with (`replay_check`): it is given up or closed without being resumed.

Nothing recorded is run again. Its entries are believed, the world is looked at where this version can still wire it, and the
end is chained to the same audit stream, so that the version that began it sees the end, too.
"""

from collections.abc import Callable

from dbos import WorkflowSerializationFormat

from ir.core.errors import ExitCode, IrError
from ir.core.model import Debt, Json
from ir.engine.dbos_records import STREAM, as_recorded, client, in_stream, read_entries
from ir.engine.workflow import Workflow
from ir.evidence import audit_log
from ir.evidence.hash_chain import chained
from ir.incident import debts as debt_rules
from ir.incident import folding
from ir.incident.record import Incident
from ir.runtime import index_summary, wiring, worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import setting_from
from ir.runtime.lifecycle import hold
from ir.runtime.worlds import ProcessContext


def end(record: Incident, entries: list[Json], kept: State, given: ProcessContext, kind: str, body: Json) -> Incident:
    """Obey `kind` (one of `lifecycle.ENDS`) without replay; returns the incident as it ended.

    It may be killed at any moment and is then called again. The engine's run is cancelled first, so that no process goes on with it.

    Raises:
        AlreadyRunning: a process lives that runs it.
    """
    fence = hold(record, kept, kind)
    word = kept.signals.send(record.id, kind, given.operator.name, body)
    client(kept.engine).cancel_workflow(record.id)
    journal = _Unrecorded(kept, record.id)
    try:
        world = worlds.real(setting_from(record.id, record.opened), kept, given, fence)
        workflow = Workflow(journal, world, record.opened)
    except (IrError, LookupError, TypeError, ValueError) as error:
        _unseen(record, journal, kept, word, error.what if isinstance(error, IrError) else type(error).__name__)
    else:
        for entry in entries:
            world.hooks.witness(entry)
        workflow.end(record, word)
    kept.leases.release(record.id)
    return folding.fold(read_entries(kept.engine, record.id))


def note_the_end(record: Incident, kept: State) -> None:
    """Of an incident that has ended: a process that died right after the last entry left its row and its leases as they were."""
    holder, row = kept.leases.holder(record.id), kept.index.find(record.id)
    if holder is not None and holder.alive:
        return
    if row is not None and row.status != record.status:
        _note(record, kept)
    if holder is not None:
        kept.leases.release(record.id)


def _note(record: Incident, kept: State) -> None:
    row = kept.index.find(record.id)
    summary = index_summary.summary(record, set(row.summary.get("destinations", [])) if row is not None else set())
    kept.index.note(record.id, record.status, int(record.exit_code), summary)


def _unseen(record: Incident, journal: "_Unrecorded", kept: State, word: int, why: str) -> None:
    """End an incident whose world this version cannot wire: everything that it may have left becomes a debt."""
    for signal in journal.signals(record.heard):
        if signal["id"] <= word:
            said = {**signal["body"], "kind": signal["kind"], "id": signal["id"]}
            _write(record, journal, "signal", said, signal["actor"])
    again = debt_rules.again(record)
    left = Debt(
        "key-unproven", f"strays of {record.id}", f"which keys it left was not looked at: this version cannot read it ({why})", again
    )
    for debt in [left, *debt_rules.live_keys(record), *debt_rules.never_looked_at(record), *debt_rules.kept(record)]:
        record.debts.setdefault(debt.about, debt)
    debts = [debt_rules.not_resumed(record, debt).__dict__ for debt in record.debts.values()]
    body: Json = {"status": "aborted", "exit_code": int(ExitCode.DEBT), "said": "given up; nothing more is done", "debts": debts}
    if record.signals[-1]["kind"] == "close":
        body = _attested(record)
    _write(record, journal, "ended", body, record.signals[-1]["by"])
    _note(record, kept)


def _attested(record: Incident) -> Json:
    """End it by a person's word. No key can be looked at from here, so a key that was last seen alive counts as alive."""
    word = record.signals[-1]
    alive = {about: debt_rules.not_resumed(record, debt) for about, debt in record.debts.items() if debt.kind == "key-alive"}
    alive.pop(str(record.opened.get("key", "")), None)  # never looked at: that is what the word is about
    keeps = word.get("accept_alive", {})
    accepted = {about: {"why": debt.why, "reason": keeps[about], "by": word["by"]} for about, debt in alive.items() if about in keeps}
    named, others = str(word.get("debt", "")), debt_rules.by_word(record)
    stays = {debt.about for debt in others if (len(others) > 1 and debt.about != named) or debt_rules.critical(record, debt.about)}
    left = [debt.__dict__ for about, debt in record.debts.items() if (about in alive and about not in accepted) or about in stays]
    said = f"attested, not proven: {word['reason']}"
    code = ExitCode.DEBT if alive or left else ExitCode.DONE
    return {"status": "attested", "exit_code": int(code), "said": said, "debts": left, "accepted": accepted}


def _write(record: Incident, journal: "_Unrecorded", kind: str, body: Json, actor: str) -> None:
    at = wiring.SystemClock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    word: Json | None = {}
    while word is not None:
        entry = chained(record.last, at=at, incident=record.id, kind=kind, step="", actor=actor, body=body)
        word = journal.emit(entry)
        folding.absorb(record, word or entry)


class _Unrecorded:
    """`recorder.Durable` beside the engine: steps run and are not recorded, entries go to the end of the incident's stream."""

    def __init__(self, kept: State, incident: str) -> None:
        self._kept, self._incident = kept, incident
        self._tables = client(kept.engine)._sys_db  # noqa: SLF001 - a stream has no other entrance from outside its workflow
        self._streamed = not audit_log.entries(kept.engine, incident) and bool(in_stream(kept.engine, incident))
        """By a version whose entries lie in the engine's stream: there it looks for the end."""

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """See `recorder.Durable`; run once, and never again."""
        return as_recorded(body())

    def emit(self, entry: Json) -> Json | None:
        """See `recorder.Durable`."""
        if not self._streamed:
            return audit_log.append(self._kept.engine, entry)
        self._tables.write_stream_from_step(self._incident, 0, STREAM, entry, serialization_type=WorkflowSerializationFormat.DEFAULT)
        return None

    def signals(self, after: int) -> list[Json]:
        """See `recorder.Durable`."""
        return self._kept.signals.sent(self._incident, after)

    def newest_signal(self) -> int:
        """See `recorder.Durable`."""
        return self._kept.signals.latest()

    def await_signal(self, after: int) -> list[Json]:
        """See `recorder.Durable`; an end waits for nothing."""
        return self.signals(after)
