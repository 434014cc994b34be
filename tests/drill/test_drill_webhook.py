"""`ir drill stripe-webhook`: what its world counts."""

import re

from ir.drill.embedded.webhook_drill import IN_FLIGHT, conduct


def test_no_event_is_lost_and_no_forged_one_believed() -> None:
    told: list[str] = []
    shown = bytearray()
    seen = conduct(told.append, shown.extend)
    text = shown.decode()
    assert seen.problems == [], text
    assert (seen.lost, seen.forged) == (0, 0) and seen.events > IN_FLIGHT
    assert "the services refuse what Stripe signs" in text and "went to the services, signed with the new secret" in text
    assert re.search(r"(whsec_|[sr]k_(live|test)_)[A-Za-z0-9]{16,}", text) is None, "a secret stood on the screen"
    assert "connect: true" in text and "is deleted from" in text
