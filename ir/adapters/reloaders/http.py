"""Reload by a POST to the service itself, or to the program that restarts it."""

from collections.abc import Callable, Mapping

from ir.clients.http_client import HttpEdge, check_headers
from ir.core import urls
from ir.core.errors import Missing, Rejected, Unknown
from ir.core.secret import Secret, excerpt
from ir.ports import Reloader


class HttpReloader(Reloader):
    """A POST without a body: 2xx is accepted, anything else below 500 is a no. Safe to repeat by contract of the service.

    Args:
        url: where to post to.
        headers: header → reference to its value.
        resolve: reads such a reference; may raise any PortError.
        timeout: seconds.
    """

    def __init__(
        self, *, url: str, resolve: Callable[[str], Secret], headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> None:
        self._place = urls.parse(url)
        check_headers(tuple(headers or ()))
        self._edge = HttpEdge((self._place.host,), resolve)
        self._url, self._headers, self._timeout = url, dict(headers or {}), timeout

    def ready(self) -> None:
        """See `ports.Reloader`. Nothing is sent."""
        self._edge.check(self._url, headers=self._headers, timeout=self._timeout)

    def reload(self) -> str:
        """Post.

        Raises:
            Unknown: time-out, torn answer, connection refused, 429 or 5xx: it may or may not have happened.
            Rejected: it answered no, or the call was not made (see `HttpEdge.call`).
            PortError: a header's value could not be read.
        """
        try:
            answer = self._edge.call("POST", self._url, headers=self._headers, timeout=self._timeout)
        except Missing as error:
            # a service that is just restarting is the usual case
            raise Unknown(error.what, next_step=error.next_step) from None
        if 200 <= answer.status < 300:
            return f"POST {self._place}: {answer.status}"
        said = excerpt(answer.body[:2000].decode("utf-8", errors="replace"), 200)
        what = f"POST {self._place} was answered {answer.status}{': ' + said if said else ''}"
        if answer.status >= 500 or answer.status in (408, 425, 429):
            raise Unknown(what)
        raise Rejected(what)
