"""The HTTP session under hvac: that of requests, which works out for every call anew what cannot change between two of them."""

import base64
import json
import threading
from typing import Any

import requests

from ir.clients.way_out import Proxy

_LONGEST = 2000


class Session(requests.Session):
    """For one server; nothing is read from the environment, and a redirect is neither followed nor looked into.

    Args:
        proxy: the way there, None: directly.
        authority: path of the authorities to trust, "": the library's.
    """

    def __init__(self, proxy: Proxy | None, authority: str) -> None:
        super().__init__()
        self.trust_env = False
        self._proxy, self._trusted = proxy, authority or True
        self._after = _After()

    def request(  # type: ignore[override]  # what hvac passes, and no more
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        json: Any = None,
        timeout: Any = None,
        verify: Any = None,
        cert: Any = None,
        proxies: Any = None,
        allow_redirects: bool = False,
    ) -> requests.Response:
        """One call; raises what requests raises."""
        if allow_redirects:
            raise ValueError("a redirect would carry the token to another host")
        prepared = requests.PreparedRequest()
        # A value is read as services read it, of the node that we were given: ours is waited for until that node has it.
        as_services_do = method.upper() == "GET" and "/data/" in url
        told = {**self.headers, **(headers or {}), **({} if as_services_do else self._after.headers)}
        prepared.prepare(method.upper(), url, told, params=params, json=json, cookies=self.cookies, auth=_by_token)
        answer = self._sent(prepared, timeout)
        if answer.cookies:
            self.cookies.update(answer.cookies)
        self._after.hear(answer.headers.get("X-Vault-Index", ""))
        return answer

    def _sent(self, prepared: requests.PreparedRequest, timeout: Any) -> requests.Response:
        by = {"http": self._proxy.url, "https": self._proxy.url} if self._proxy else {}
        try:
            return self.get_adapter(str(prepared.url)).send(prepared, timeout=timeout, verify=self._trusted, cert=self.cert, proxies=by)
        except requests.exceptions.ProxyError as error:
            assert self._proxy is not None  # noqa: S101 - only a proxy raises it
            failed = self._proxy.refuses("Vault", error)
        # Outside of the handler: the library's error holds the request, and with it the token.
        raise failed


class _After:
    """How far the server was in its log with what it told us last: a node that is behind that passes our reads on to the active one.

    Vault Enterprise and OpenBao, whose standbys answer reads by themselves; others say nothing of an index, and are told of none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cluster, self._value, self._text = "", 0, ""

    @property
    def headers(self) -> dict[str, str]:
        """What a request says of it."""
        return {"X-Vault-Index": self._text, "X-Vault-Inconsistent": "forward-active-node"} if self._text else {}

    def hear(self, text: str) -> None:
        """The index of an answer; one that is not ahead of what we know, or that cannot be read, changes nothing."""
        try:
            told = json.loads(base64.b64decode(text, validate=True)) if 0 < len(text) < _LONGEST else {}
            cluster, value = str(told["cluster"]), int(told["value"])
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            if cluster != self._cluster or value > self._value:
                self._cluster, self._value, self._text = cluster, value, text


def _by_token(request: Any) -> Any:
    """Neither `.netrc` nor what stands in an address says who we are."""
    return request
