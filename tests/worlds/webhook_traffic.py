"""Events that happen at a twin all the time, and their deliveries, counted by the world: none may be lost."""

import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ir.drill.twin import StripeTwin
from tests.worlds.webhook_service import WebhookService


@dataclass
class Traffic:
    """Use as a context manager: an event every so many seconds, every delivery that is due tried.

    Attributes:
        silent: nothing happens, deliveries go on. connected: the connected account that events come from, "" = our own.
        sent: ids of events.
    """

    twin: StripeTwin
    service: WebhookService
    every: float = 0.2
    silent: bool = False
    connected: str = ""
    sent: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(20)

    def happen(self) -> str:
        """One event."""
        event = self.twin.plant_event("charge.succeeded", {"object": "charge", "id": "ch_1"}, connected=self.connected)
        self.sent.append(event["id"])
        return str(event["id"])

    def _run(self) -> None:
        while not self._ended.wait(self.every):
            if not self.silent:
                self.happen()
            self.twin.deliver()

    def lost(self) -> list[str]:
        """Events that the service never took, after everything that is due was tried once more."""
        self.twin.deliver()
        taken = {event["id"] for event in self.service.events}
        return [event for event in self.sent if event not in taken]
