"""The HTTP session under hvac: that of requests, which works out for every call anew what cannot change between two of them."""

from typing import Any

import requests

from ir.clients.way_out import Proxy


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
        told = {**self.headers, **(headers or {})}
        prepared.prepare(method.upper(), url, told, params=params, json=json, cookies=self.cookies, auth=_by_token)
        answer = self._sent(prepared, timeout)
        if answer.cookies:
            self.cookies.update(answer.cookies)
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


def _by_token(request: Any) -> Any:
    """Neither `.netrc` nor what stands in an address says who we are."""
    return request
