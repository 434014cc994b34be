"""The page without a browser: a client that reads it and sends the same forms."""

import json
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode, urlsplit

from ir.core.errors import Refused
from ir.core.model import Json

_HOPS = 3


class PageClient:
    """One visitor.

    Args:
        origin: of the page.
        cookie: name and value that let it in.
    """

    def __init__(self, origin: str, cookie: str) -> None:
        self._origin, self._cookie = origin, cookie

    def see(self, path: str) -> Json:
        """What stands there; `problem` says what is wrong. Raises Refused: the page is gone."""
        return self._json(*self._ask("GET", path))

    def send(self, path: str, **fields: str) -> Json:
        """Send a form as the page would; what the page shows then. Raises Refused: the page is gone."""
        mark = str(self.see("/apikeys")["form"])
        return self._json(*self._ask("POST", path, {"form": mark, **fields}))

    def invitation(self) -> str:
        """An address for a browser. Raises Refused: the page is gone."""
        return self._ask("GET", "/invitation")[1]

    def _json(self, status: int, body: str) -> Json:
        try:
            found: Json = json.loads(body)
        except ValueError:
            raise Refused(f"the page of the rehearsal answered {status}", next_step="end this form, and begin it again") from None
        return found

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"Cookie": self._cookie, "Accept": "application/json", "Origin": self._origin}
        body = urlencode(fields) if fields is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for _ in range(_HOPS):
            line = HTTPConnection(urlsplit(self._origin).netloc, timeout=10)
            try:
                line.request(method, path, body, headers)
                answer = line.getresponse()
                text = answer.read().decode()
            except (OSError, HTTPException):
                raise Refused("the rehearsal is over: its page does not answer") from None
            finally:
                line.close()
            if answer.status != 303:
                return answer.status, text
            method, path, body = "GET", answer.getheader("Location", ""), None
        raise Refused("the page of the rehearsal sends one round in circles")
