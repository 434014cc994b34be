"""The durable runner: one incident is one workflow of DBOS, on embedded SQLite or on PostgreSQL.

What the engine gives: recorded steps, replay. What it does not: locks (see `storage.leases`), idempotence (see `actions`) and an
audit stream that costs one trip to the database (see `evidence.audit_log`). Traps that this room knows: the
executor id is unique to the process, or the engine would run other people's incidents; an incident is resumed only on a
queue that this process alone listens to; the serialiser is JSON and encodes an engine error without its text; a process
that leaves an incident waiting ends at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import error as dbos_errors

from ir.core.errors import Unreplayable, unexpected
from ir.core.model import Json
from ir.engine.dbos_records import Plain, client, hole
from ir.engine.dbos_steps import HandedBack, RecordedSteps
from ir.engine.heartbeat import Heartbeat
from ir.engine.workflow import Workflow
from ir.evidence import audit_log
from ir.incident.context import World
from ir.incident.plan import plan_from_json
from ir.storage.database import trouble
from ir.storage.leases import Leases
from ir.storage.patience import Away, FellBack
from ir.storage.process_identity import Me
from ir.storage.signal_log import SignalLog

APPLICATION = "ir-engine"
SCHEMA_VERSION = "8"
"""Version of recorded steps: an incident begun under another version is refused, not replayed wrongly (`replay_check`)."""
_POLL = 0.1
"""Seconds between looks at the audit stream. Each look costs a query, and a person does not read faster."""
_SILENCE = 1.0
"""Seconds without an entry after which the reader asks whether there will be more."""
_ACTIVE = ("PENDING", "ENQUEUED", "DELAYED")
"""The engine's words for workflows that it has not ended."""
_NEVER = 86400.0
"""Seconds between the engine's looks for schedules: `ir` gives it none (see `fleet.schedule`)."""


class Runner:
    """The engine of this process.

    Args:
        engine: a database engine (`database.open_engine`); DBOS keeps its tables beside ours.
        me: this process.
    """

    def __init__(self, engine: sa.Engine, me: Me, leases: Leases, signals: SignalLog) -> None:
        self.engine, self.me, self.leases, self.signals = engine, me, leases, signals
        self.queue = f"ir-{me.executor}"
        self.heartbeat = Heartbeat(leases, me)
        self.broken: dict[str, str] = {}
        """Incidents that broke off in this process, and the reason: the record could not be written, or a bug of ours."""
        self.over: Callable[[str], None] = lambda _incident: None
        """Called when this process stops running an incident, because the incident ended or was released while it waits."""
        self._launched = self._queued = False
        self._queueing = threading.Lock()
        self._coming: set[str] = set()
        """Incidents in this process's queue."""
        self._stopped: dict[str, Unreplayable] = {}
        self._rested: set[str] = set()

    def launch(self) -> None:
        """Start the engine; costs about a second."""
        if self._launched:
            return
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": self.engine,
            "serializer": Plain(),
            "executor_id": self.me.executor,
            "application_version": SCHEMA_VERSION,
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": _NEVER,
            "log_level": "CRITICAL",
            "console_log_level": "CRITICAL",
        }
        DBOS(config=config)
        DBOS.listen_queues([self.queue])
        DBOS.launch()
        self._launched = True
        self.heartbeat.begin()

    # ── starting and resuming ──

    def start(self, opening: Json, world: World, fence: int) -> None:
        """Begin an incident; returns once it is durable.

        Raises:
            Refused: an incident of that id exists.
        """
        self.launch()
        self._carry(world, fence)
        with SetWorkflowID(world.incident):
            DBOS.start_workflow(_incident, opening)

    def resume(self, world: World, fence: int) -> None:
        """Go on with an incident in this process and no other. The caller holds its lease, and `replay_check` has passed."""
        self.launch()
        self._carry(world, fence)
        with self._queueing:
            self._coming.add(world.incident)
            if not self._queued:
                DBOS.register_queue(self.queue, polling_interval_sec=_POLL)
                self._queued = True
            self._wake(world.incident)

    def _wake(self, incident: str) -> None:
        """Put an incident into the queue; a record behind a missing one is dropped, and its step done again as after a kill."""
        missing = hole(self.engine, incident)
        if missing is None:
            DBOS.resume_workflow(incident, queue_name=self.queue)
            return
        DBOS.cancel_workflow(incident)  # the engine rewinds none that it takes for running
        DBOS.rewind_workflow(incident, start_step=missing, queue_name=self.queue)

    def status(self, incident: str) -> str:
        """The engine's word for an incident: `PENDING`, `SUCCESS` …; empty when it was never begun."""
        self.launch()
        found = DBOS.get_workflow_status(incident)
        return str(found.status) if found else ""

    def _carry(self, world: World, fence: int) -> None:
        self.heartbeat.fences[world.incident] = fence
        self._rested.discard(world.incident)
        _carried[world.incident] = (world, self)

    def arrived(self, incident: str) -> None:
        """The incident runs now.

        Its empty queue is deleted, since the engine looks into each queue ten times a second, and a look costs what a step costs.
        """
        with self._queueing, suppress(sa.exc.DBAPIError, Away):  # a queue too many does no harm
            self._coming.discard(incident)
            if not self._coming:
                self.forget_queue()

    def rest(self, incident: str) -> None:
        """Stop working for an incident. The next process then need not wait for the heartbeat to grow old."""
        _carried.pop(incident, None)
        with suppress(sa.exc.DBAPIError, Away):  # then this process has to end before the next one may go on
            self.leases.let_go(self.me, incident, self.heartbeat.fences.pop(incident, 0))
        self._rested.add(incident)
        self.over(incident)

    def stop(self, incident: str, said: str) -> None:
        """Let go of an incident whose record this version cannot follow. Nothing was done, and nothing is recorded as final."""
        self._stopped[incident] = Unreplayable(f"{incident} cannot be continued: {said}", incident=incident)
        client(self.engine).cancel_workflow(incident)  # inside of it, the engine's own call would be recorded as one more step

    # ── reading ──

    def follow(self, incident: str, *, offset: int = 0) -> Iterator[Json]:
        """Entries as they come, until the incident's workflow ends, or breaks off in this process.

        Raises:
            Unreplayable: it was stopped because its record is not what this version does.
        """
        self.launch()
        over, asked = False, time.monotonic()
        while True:
            entries = audit_log.entries(self.engine, incident, offset)
            offset += len(entries)
            yield from entries
            if entries:
                continue
            if over:
                break
            if incident in self.broken:
                over = True
            elif incident in self._rested or time.monotonic() - asked > _SILENCE:
                asked, state = time.monotonic(), self.status(incident)
                over = state not in _ACTIVE
                if over and not state:
                    self.broken.setdefault(incident, FellBack().what)
            if not over:  # one more look, for entries written before its end
                time.sleep(_POLL)
        if incident in self._stopped:
            raise self._stopped.pop(incident)

    def close(self) -> None:
        """Stop the engine, in tests; a command line ends with `end_process` instead."""
        self.heartbeat.fences.clear()
        self.forget_queue()
        if self._launched:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            self._launched = False

    def forget_queue(self) -> None:
        """Remove this process's queue from the database; incidents that wait are resumed on another one."""
        if self._queued:
            DBOS.delete_queue(self.queue)
            self._queued = False


_carried: dict[str, tuple[World, Runner]] = {}


class OtherPlan(Exception):
    """The plan in the engine's tables differs from the plan that this process has checked."""


@DBOS.workflow(name="incident")
def _incident(opening: Json) -> int:
    """The workflow; its id is the incident's. The process that runs it wires its world, which is never recorded."""
    incident = str(DBOS.workflow_id)
    world, runner = _carried[incident]
    steps = RecordedSteps(incident, runner.engine, runner.signals, patient=world.run.patient, broken=runner.broken)
    try:
        runner.arrived(incident)
        if plan_from_json(opening["plan"]).hash != world.plan.hash:
            raise OtherPlan
        code = Workflow(steps, world, opening).run()
        steps.check_kept()
        runner.leases.release(incident)
    except dbos_errors.DBOSUnexpectedStepError as error:
        _, place, expected, recorded = error.inputs
        runner.stop(incident, f"`{recorded}` is record {place}, where this version would go on with `{expected}`")
        raise HandedBack from None
    except OtherPlan:
        runner.stop(incident, "the plan that its engine has is not the one in its record")
        raise HandedBack from None
    except audit_log.OtherEntry as error:
        runner.stop(
            incident, f"entry {error.entry['n']} is `{error.entry['step'] or error.entry['kind']}`, where this version would write another"
        )
        raise HandedBack from None
    except Exception as error:  # noqa: BLE001 - whatever it is, recorded as the end it would leave an incident that cannot be resumed
        runner.broken[incident] = _why(error, steps)
        raise HandedBack from None
    finally:
        runner.rest(incident)
    return code


def _why(error: Exception, steps: RecordedSteps) -> str:
    try:
        steps.check_kept()
    except FellBack as fell_back:
        return fell_back.what
    except (sa.exc.SQLAlchemyError, Away):
        pass  # then the error itself has to do
    if isinstance(error, Away):
        return error.what
    said = trouble(error)
    if said:
        return f"its record cannot be written ({said}); once that is fixed, it looks at what it did last and goes on"
    return f"{unexpected(error)}, which is a bug; what was done is recorded"
