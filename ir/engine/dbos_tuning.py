"""What the engine does again and again that an incident has no use for: left out, since it has no setting (read in DBOS 3.4).

Whoever takes a newer engine looks here first. What is named below is not part of its interface; were it gone, no launch would succeed.
"""

from collections.abc import Callable
from typing import Any

from dbos._dbos import _get_dbos_instance

_NEVER = 86400.0
"""Seconds between looks of the engine where there is nothing to find."""


def quieten(queued: Callable[[], bool]) -> None:
    """Stop its looks for work of kinds that we give it none of: what is delayed, overdue, scheduled, or on its internal queue.

    On that queue anybody's process might find an incident that it must not run. Each worker spent a tenth of its time on these looks.

    Args:
        queued: whether this process has a queue by now; until then there is none to find.
    """
    engine = _get_dbos_instance()
    engine._background_jobs_stop_event.set()  # noqa: SLF001 - see above
    *_, scheduler = engine.background_thread_stop_events
    scheduler.set()
    engine._registry.get_internal_queue()._polling_interval_sec = _NEVER  # noqa: SLF001 - see above
    tables: Any = engine._sys_db  # noqa: SLF001 - see above
    every = tables.list_queues
    tables.list_queues = lambda **those: every(**those) if queued() else []


def trust(begun_here: Callable[[str], bool]) -> None:
    """Do not ask before each step of an incident that began in this process whether the step is recorded: nothing of it can be.

    Should another process have taken it over meanwhile, every act asks for our lease first, and the record of a step for the engine's
    own fence, in the same transaction. The question was a quarter of what a step costs.
    """
    tables: Any = _get_dbos_instance()._sys_db  # noqa: SLF001 - see above
    ask = tables.check_operation_execution

    def asked(incident: str, place: int, name: str, **others: Any) -> Any:
        return None if begun_here(incident) else ask(incident, place, name, **others)

    tables.check_operation_execution = asked
