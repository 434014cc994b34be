"""The HTTP session under hvac: that of requests, without environment or redirects, and with Vault's index of its log."""

import base64
import json
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from ir.clients.watched_pool import watched, within
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
        self.auth = _by_token
        self._proxy, self._trusted = proxy, authority or True
        self._after = _After()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]  # as hvac calls it
        """One call; raises what requests raises."""
        if options.get("allow_redirects"):
            raise ValueError("a redirect would carry the token to another host")
        # A value is read as services read it, from our node: the read waits until that node has our write.
        as_services_do = method.upper() == "GET" and "/data/" in url
        headers = {**(options.pop("headers", None) or {}), **({} if as_services_do else self._after.headers)}
        way = {"http": self._proxy.url, "https": self._proxy.url} if self._proxy else {}
        fixed = {"headers": headers, "verify": self._trusted, "cert": self.cert, "proxies": way}
        answer = self._sent(method, url, options | fixed)
        self._after.hear(answer.headers.get("X-Vault-Index", ""))
        return answer

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: where a redirect leads is not looked at."""
        return None

    def _sent(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        try:
            with within(float(options["timeout"])) as watch:
                answer = super().request(method, url, **options)
            if watch.expired:  # what looks like the end of the body may be our own deadline
                raise requests.exceptions.ReadTimeout
            return answer
        except requests.exceptions.ProxyError as error:
            assert self._proxy is not None  # noqa: S101 - only a proxy raises it
            failed = self._proxy.refuses("Vault", error)
        # outside of the handler: the library's error holds the request, and with it the token
        raise failed


class WatchedAdapter(HTTPAdapter):
    """Connections whose calls end in time, directly or by way of a proxy."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See `HTTPAdapter`."""
        super().init_poolmanager(*arguments, **options)
        watched(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """See `HTTPAdapter`."""
        return watched(super().proxy_manager_for(proxy, **options))


class _After:
    """The index of the server's log at its last answer. A node that is behind it passes our reads on to the active one.

    Vault Enterprise and OpenBao, whose standbys answer reads by themselves; others say nothing of an index, and are told of none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cluster, self._value, self._text = "", 0, ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request that carry the index."""
        return {"X-Vault-Index": self._text, "X-Vault-Inconsistent": "forward-active-node"} if self._text else {}

    def hear(self, text: str) -> None:
        """Take in the index of an answer; one that is older or unreadable changes nothing."""
        try:
            told = json.loads(base64.b64decode(text, validate=True)) if 0 < len(text) < _LONGEST else {}
            cluster, value = str(told["cluster"]), int(told["value"])
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            if cluster != self._cluster or value > self._value:
                self._cluster, self._value, self._text = cluster, value, text


def _by_token(request: Any) -> Any:
    """Authenticate by token alone: neither `.netrc` nor a login in an address counts."""
    return request
