"""Events that happen at a twin all the time, and their deliveries, counted by the world: none may be lost."""

from dataclasses import dataclass

from ir.drill.embedded import webhook_receiver
from tests.worlds.webhook_service import WebhookService


@dataclass(kw_only=True)
class Traffic(webhook_receiver.Traffic):
    """The drill's traffic, with the service that it goes to."""

    service: WebhookService

    def lost(self) -> list[str]:
        """Events that the service never took, after everything that is due was tried once more."""
        self.twin.deliver()
        taken = {event["id"] for event in self.service.events}
        return [event for event in self.sent if event not in taken]
