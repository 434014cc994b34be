"""JSON calls to the API of one host that keeps keys: to its own address only, over TLS or on this machine, limited in time, never repeated.

The address is the host's own, or the one that a `hosts:` row of the inventory gives; a token is sent nowhere else.
"""

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ir.clients.http_client import HttpEdge
from ir.clients.http_connection import HttpResponse
from ir.core import untrusted_json, urls
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret


@dataclass(frozen=True)
class Login:
    """How an inventory says that a host is reached; every field may be left out.

    Attributes:
        api_base: another address than the host's own.
        token: the host's token, read by reference when it is needed; raises PortError.
        team: whose the projects are, where the host asks for it.
        program: what prints a login, as the host's own tools call it; only where the inventory lists it.
        env: names of the environment variables that the program needs.
    """

    api_base: str = ""
    token: Callable[[], Secret] | None = field(default=None, repr=False)
    team: str = ""
    program: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostResponse:
    """A good answer; `headers` by names in lower case."""

    status: int
    data: Any = field(repr=False)
    headers: Mapping[str, str]


def part(text: str) -> str:
    """Quote a name as one part of a path."""
    return quote(text, safe="")


class HostApi:
    """One host; safe to use from many threads.

    Args:
        host: what people call it.
        base: its address, perhaps with a path.
        token: gives what stands after `Bearer`; None: no login.
        timeout: seconds per call.
        tls: the trusted authorities and our certificate; None: the same as everywhere.
        headers: more headers, none of them secret.
        meanings: codes of refusals that this host gives an odd status, and what each means.

    Raises:
        Rejected: the address is none, or keys would go to another machine in the clear.
    """

    def __init__(
        self,
        host: str,
        base: str,
        token: Callable[[], Secret] | None,
        *,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        meanings: Mapping[str, type[PortError]] | None = None,
    ) -> None:
        self.host, self._base, self._token, self._timeout = host, base.rstrip("/"), token, timeout
        self._headers, self._meanings = dict(headers or {}), dict(meanings or {})
        try:
            place = urls.parse(base)
        except ValueError as error:
            raise Rejected(f"the address of {host} cannot be used: {error}") from None
        if urls.in_the_clear(base):
            raise Rejected(f"the address of {host} is {place}: keys would go to another machine in the clear", next_step="use https")
        self._where, self._tls = place.host, tls

    def ask(
        self,
        method: str,
        path: str,
        about: str,
        body: object = None,
        *,
        needs: str = "",
        content: str = "application/json",
        accept: str = "",
    ) -> HostResponse:
        """One call.

        Args:
            method: of HTTP.
            path: from the base on, with its query; names in it quoted (`part`).
            about: what it is about, for an error's text.
            body: what to send as JSON; None: nothing.
            needs: a field that a good answer has; without it, it is no answer of this host's.
            content: media type of the body.
            accept: media type of the answer.

        Raises:
            Denied: 401, 403. Missing: 404. Conflict: 409, 412. Rejected: what else of 4xx. Unknown: everything else.
        """
        plain = {**self._headers, **({"Content-Type": content} if body is not None else {}), **({"Accept": accept} if accept else {})}
        login = self._bearer()
        try:
            answer = HttpEdge([self._where], lambda name: login[name], tls=self._tls).call(
                method,
                f"{self._base}{path}",
                headers={name: name for name in login},
                plain=plain,
                body=b"" if body is None else json.dumps(body).encode(),
                timeout=self._timeout,
            )
        except Missing as error:  # the machine answered, not the thing that was asked for
            raise Unknown(f"{self.host} cannot be reached about {about}: {error.what}", next_step=error.next_step) from None
        return self._judged(answer, about, needs)

    def _bearer(self) -> dict[str, Secret]:
        """The header that carries the login, none without one. Made before any name is looked up: without a login there is no call."""
        return {"Authorization": Secret(f"Bearer {self._token().reveal()}")} if self._token is not None else {}

    def _judged(self, answer: HttpResponse, about: str, needs: str) -> HostResponse:
        data = _parsed(answer)
        if data is None:
            raise Unknown(f"what answered about {about} was not {self.host}, or not all of its answer arrived (status {answer.status})")
        if answer.status >= 300:
            raise self._refused(answer, data, about)
        if needs and (not isinstance(data, dict) or needs not in data):
            raise Unknown(f"what answered about {about} was not {self.host}, or not all of its answer arrived")
        return HostResponse(answer.status, data, answer.headers)

    def _refused(self, answer: HttpResponse, data: Any, about: str) -> PortError:
        status, code = answer.status, _code(data)
        if code in self._meanings:
            return self._meanings[code](f"{self.host} refuses the request about {about} (status {status}: {code})")
        said = f" ({code})" if code else ""
        if limited(answer):
            return Unknown(f"{self.host} is asked too often about {about} (status {status})")
        if status == 401:
            return Denied(f"{self.host} does not take the login about {about}: it is not valid, or has run out", next_step="log in again")
        if status == 403:
            return Denied(f"{self.host} denies access to {about}{said}")
        if status == 404:
            return Missing(f"{self.host} has no {about}, or does not let us see it")
        if status in (409, 412):
            return Conflict(f"{about} at {self.host} was changed by somebody else meanwhile")
        if 400 <= status < 500:
            return Rejected(f"{self.host} refuses the request about {about} (status {status}{said})")
        return Unknown(f"{self.host} gave no usable answer about {about} (status {status})")


def limited(answer: HttpResponse) -> bool:
    """Whether the host refuses for too many requests; some hosts answer 403 with a count that is used up, or with a time to wait."""
    used_up = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    return answer.status == 429 or (answer.status == 403 and used_up)


def _parsed(answer: HttpResponse) -> Any:
    """The JSON of an answer, `{}` for an empty one where that is allowed; None when it is not JSON."""
    if not answer.body and answer.status in (201, 202, 204):
        return {}
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        found = untrusted_json.loads(answer.body)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _code(data: Any) -> str:
    """The short code of an error, the inner one where there are two. The host's sentence is left out: it may repeat what was sent."""
    found = (data.get("reason") or data.get("error")) if isinstance(data, dict) else ""
    if isinstance(found, dict):
        inner = found.get("innererror")
        found = (inner.get("code") if isinstance(inner, dict) else "") or found.get("code") or found.get("status")
    return found if isinstance(found, str) and found.replace("_", "").replace("-", "").isalnum() and len(found) < 60 else ""
