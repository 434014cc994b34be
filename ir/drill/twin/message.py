"""One request and one answer, and how their parameters are written: forms for v1, JSON for v2."""

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ir.core.model import Json
from ir.drill.twin.error_answers import bad_request


@dataclass(slots=True)
class Request:
    """A request as it came off the wire; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ip: str = "127.0.0.1"

    def params(self) -> Json:
        """Query and body as one nested object; v1 values are strings.

        Raises:
            ApiError: 400 when a JSON body cannot be read.
        """
        found = decode_form(self.query) if self.query else {}
        if self.body:
            found |= self._json() if self.path.startswith("/v2/") else decode_form(self.body.decode(errors="replace"))
        return found

    def _json(self) -> Json:
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise bad_request("The request body is not valid JSON.") from None
        if not isinstance(found, dict):
            raise bad_request("The request body must be a JSON object.")
        return found

    def credential(self) -> str:
        """The key in the Authorization header, by Bearer or Basic; "" when there is none."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip()
        if scheme.lower() != "basic":
            return ""
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
        except ValueError:
            return ""

    @property
    def wants_close(self) -> bool:
        """The client closes the connection after this answer."""
        return self.headers.get("connection", "").lower() == "close"


@dataclass(slots=True)
class Answer:
    """An answer."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


def decode_form(text: str) -> Json:
    """`a[b]=c&d[0]=e` as `{"a": {"b": "c"}, "d": ["e"]}`; `d[]=e` appends."""
    root: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *outer, last = name.replace("]", "").split("[")
        spot = root
        for step in outer:
            inner = spot.setdefault(step, {})
            if not isinstance(inner, dict):
                raise bad_request(f"Invalid parameter: {name}", param=name)
            spot = inner
        spot[last or str(len(spot))] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name == str(index) for index, name in enumerate(value)):
        return [_lists(item) for item in value.values()]
    return {name: _lists(item) for name, item in value.items()}
