"""`ir drill stripe-webhook`: replace signing secrets while events happen, and count what was lost or forged."""

import sys

from ir.cli.drill_output import DrillOutput
from ir.cli.options import AsJson
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.drill.embedded.webhook_drill import conduct


def stripe_webhook(as_json: AsJson = False) -> None:
    """Rehearse a webhook: a wrong paste, events in flight, an endpoint for connected accounts; nothing leaves this machine."""
    screen = Screen(as_json=as_json)
    seen = conduct(screen.say, DrillOutput(as_json=as_json).show)
    if as_json:
        screen.document(seen.to_json())
    for problem in seen.problems:
        screen.say(f"NOT KEPT: {problem}")
    screen.say("passed" if not seen.problems else "failed")
    sys.exit(int(ExitCode.DONE if not seen.problems else ExitCode.UNEXPECTED))
