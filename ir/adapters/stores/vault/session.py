"""The HTTP session under hvac: that of requests, which works out for every call anew what cannot change between two of them."""

from typing import Any

import requests


class Session(requests.Session):
    """For one server. Proxies and authorities are read from the environment once; a redirect is not followed and not looked into."""

    def __init__(self) -> None:
        super().__init__()
        self._environment: dict[str, Any] | None = None

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
        if self._environment is None:
            self._environment = dict(self.merge_environment_settings(str(prepared.url), dict(proxies or {}), False, verify, cert))
        answer = self.get_adapter(str(prepared.url)).send(prepared, timeout=timeout, **self._environment)
        if answer.cookies:
            self.cookies.update(answer.cookies)
        return answer


def _by_token(request: Any) -> Any:
    """Neither `.netrc` nor what stands in an address says who we are."""
    return request
