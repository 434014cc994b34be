"""The signing secrets of one webhook incident: for checks that sign test events, and to tell which secret a service still accepts."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from ir.core.errors import PortError
from ir.core.model import Json
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.facts import Facts, of_role

if TYPE_CHECKING:
    from ir.adapters.verifiers.webhook import WebhookVerifier


class SignedWith:
    """Secrets by fingerprint, looked up when they are needed.

    Args:
        world: the incident's world; called late, since its own ports want this.
    """

    def __init__(self, world: Callable[[], World]) -> None:
        self._world = world

    def facts(self) -> Json:
        """The record's facts so far, for adapters, which do not know their shape."""
        return cast(Json, self._facts())

    def _facts(self) -> Facts:
        return self._world().run.facts()

    def by_mark(self, mark: str) -> Secret | None:
        """The old or the new secret with this fingerprint; None when neither's place has it."""
        world = self._world()
        for known in (world.keys.leaked, world.keys.replacement):
            if known is not None and known.fingerprint == mark:
                return known
        facts = self._facts()
        try:
            if mark and facts.get("old", {}).get("fingerprint") == mark:
                return world.old_key(facts)
            if mark and facts.get("new", {}).get("fingerprint") == mark:
                return world.new_key(facts)
        except PortError:
            pass
        return None

    def former(self) -> Secret | None:
        """The old secret while both live, else None."""
        facts = self._facts()
        both_live = facts.get("new") and not facts.get("retire_asked_at")
        return self.by_mark(facts["old"]["fingerprint"]) if both_live else None

    def given_up(self) -> Secret | None:
        """The old secret once its death was asked for, else None."""
        facts = self._facts()
        return self.by_mark(facts["old"]["fingerprint"]) if facts.get("retire_asked_at") else None

    def other(self, secret: Secret) -> Secret | None:
        """The new secret for the old one, and the other way round."""
        facts = self._facts()
        marks = [of_role(facts, role).get("fingerprint", "") for role in ("old", "new")]
        return next((self.by_mark(mark) for mark in marks if mark and mark != secret.fingerprint), None)

    def accepted(self, secret: Secret) -> Sequence[bool | None]:
        """Each service's answer to this secret. No service is asked where only refusals may be provoked (dry run)."""
        world = self._world()
        checks = self._checks()
        if any(check.refusals_only for check in checks):
            return []
        return world.each(checks, lambda check: check.accepts(secret))

    def send(self, event: Json, secret: Secret) -> bool | None:
        """Send one of Stripe's events, signed with this secret, to every service: each took it, one refused it, or it cannot be told."""
        text = json.dumps(event, indent=2)
        told = self._world().each(self._checks(), lambda check: check.deliver(text, secret))
        return False if False in told else None if None in told or not told else True

    def processed(self, since: float) -> list[str] | None:
        """Sorted ids of events that services report as processed since then; None when no service reports any. Raises PortError."""
        checks = [check for check in self._checks() if check.tells]
        found = self._world().each(checks, lambda check: check.processed(since))
        return sorted(set().union(*found)) if checks else None

    def _checks(self) -> "list[WebhookVerifier]":
        from ir.adapters.verifiers.webhook import WebhookVerifier

        return [check for each in self._world().ports.verifiers.values() for check in each if isinstance(check, WebhookVerifier)]
