"""Slack, Teams, e-mail, PagerDuty, webhooks and a hundred more, through apprise: one URL says where and how.

The URL holds tokens, so it is a secret and comes by reference. Apprise runs in a process of its own (`delivery`): loading
its services costs more than a second of computing, which must not be taken from the rotation.
"""

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec

from ir.clients import program, way_out
from ir.core.errors import Rejected, Unknown
from ir.core.secret import Secret
from ir.ports import Notifier

_NEEDS = (*way_out.PROXIES, *way_out.AUTHORITIES)
_ARGV = (sys.executable, "-I", "-m", "ir.adapters.notifiers.delivery")
"""Isolated: no module from the current folder, no `PYTHON*` variable."""


class AppriseNotifier(Notifier):
    """One destination.

    Args:
        resolve: reads the URL again for each message, so that a changed one is used.
        timeout: seconds for a whole message, the start of the process included.
    """

    def __init__(self, resolve: Callable[[], Secret], *, timeout: float = 20.0) -> None:
        self._resolve, self._timeout = resolve, timeout

    def notify(self, title: str, body: str, *, urgent: bool) -> str:
        """See `ports.Notifier`."""
        if find_spec("apprise") is None:  # `make drill` leaves it out
            raise Rejected("notices are sent by apprise, which is not installed", next_step="pip install 'apprise>=2.2'")
        order = {"url": self._resolve().reveal(), "title": title, "body": body, "urgent": urgent, "seconds": self._timeout}
        ended = program.run(_ARGV, stdin=json.dumps(order).encode(), env=_NEEDS, timeout=self._timeout)
        try:
            answer = json.loads(ended.out)
            places, status = int(answer["places"]), int(answer["status"])
        except (ValueError, KeyError, TypeError):
            raise Unknown("the message was not delivered in time" if ended.timed_out else "the message was not delivered") from None
        if not places:
            raise Rejected("the URL names no service that apprise knows, or lacks a part", next_step="see apprise's list of URLs")
        if answer.get("delivered") is True:
            return f"delivered to {places} place{'s' * (places != 1)}"
        if status == 407:
            raise Unknown("the proxy asks for a login (HTTP 407)", next_step="give it one in HTTPS_PROXY")
        if 400 <= status < 500 and status not in (408, 429):
            of_the_text = status in (400, 413, 422)
            todo = "the text does not suit it: `ir status` shows it" if of_the_text else "check the URL behind the reference"
            raise Rejected(f"the service refused the message (HTTP {status})", next_step=todo)
        raise Unknown("the service did not take the message" + (f" (HTTP {status})" if status else ""))
