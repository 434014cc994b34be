"""HTTP/1.1 with keep-alive on loopback: one event loop in one thread, so that hundreds of idle clients cost nothing."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from ir.drill.twin.message import Request

_MOST_HEAD, _MOST_BODY = 64 * 1024, 8 * 1024 * 1024
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_PATIENCE = 10.0


@dataclass(slots=True)
class Reply:
    """Bytes for the wire.

    Attributes:
        payload: a whole response, or the part of it that arrives; None = never answered.
        delay: real seconds before it is sent.
        close: afterwards close the connection; `reset` closes it without good-bye.
    """

    payload: bytes | None
    delay: float = 0.0
    close: bool = False
    reset: bool = False


Handler = Callable[[Request], Reply]


def response(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """A whole HTTP response."""
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """Listens from `start` to `stop`.

    Args:
        handle: called in the server's thread, one request at a time.
        port: 0 takes a free one.
    """

    def __init__(self, handle: Handler, port: int = 0) -> None:
        self._handle, self.port = handle, port
        self._thread = threading.Thread(target=self._run, name="stripe-twin", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._problem: OSError | None = None
        self._open: set[_Connection] = set()

    def start(self) -> None:
        """Returns when connections are accepted.

        Raises:
            OSError: the port is taken.
        """
        self._thread.start()
        self._ready.wait(_PATIENCE)
        if self._problem:
            raise self._problem

    def stop(self) -> None:
        """Closes every connection; returns when the thread has ended."""
        if self._thread.is_alive():
            assert self._loop  # noqa: S101 - the thread that lives made it
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        self._loop = loop = asyncio.new_event_loop()
        try:
            listener = loop.run_until_complete(
                loop.create_server(lambda: _Connection(self._handle, self._open), "127.0.0.1", self.port, backlog=1024)
            )
        except OSError as problem:
            self._problem = problem
            loop.close()
            self._ready.set()
            return
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        loop.run_forever()
        listener.close()
        for connection in list(self._open):
            connection.abort()
        # One more turn, in which the transports close their sockets.
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(listener.wait_closed())
        loop.close()


class _Connection(asyncio.Protocol):
    """Requests of one client, answered in order."""

    def __init__(self, handle: Handler, registry: "set[_Connection]") -> None:
        self._handle, self._registry = handle, registry
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self._ip = ""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes nothing else
        self._transport, self._ip = transport, transport.get_extra_info("peername")[0]
        self._registry.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.discard(self)
        self._transport = None
        if self._timer:
            self._timer.cancel()

    def abort(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def _work(self) -> None:
        while not self._busy and self._transport:
            request = self._next()
            if request is None:
                return
            self._busy = True
            reply = self._handle(request)
            if request.wants_close:
                reply.close = True
            if reply.delay:
                self._timer = asyncio.get_running_loop().call_later(reply.delay, self._late, reply)
            else:
                self._send(reply)

    def _late(self, reply: Reply) -> None:
        self._timer = None
        self._send(reply)
        self._work()

    def _send(self, reply: Reply) -> None:
        if self._transport is None or (reply.payload is None and not reply.close):
            return
        if reply.reset:
            self._transport.abort()
            return
        if reply.payload:
            self._transport.write(reply.payload)
        self._busy = False
        if reply.close:
            self._busy = True
            self._transport.close()

    def _next(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MOST_HEAD:
                self._deny(431)
            return None
        head = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        first = head[0].split(" ")
        length = headers.get("content-length", "0")
        if len(first) != 3 or not length.isdigit() or "transfer-encoding" in headers:
            self._deny(411 if "transfer-encoding" in headers else 400)
            return None
        size = int(length)
        if size > _MOST_BODY:
            self._deny(413)
            return None
        if len(self._buffer) < end + 4 + size:
            if headers.get("expect", "").lower() == "100-continue" and len(self._buffer) == end + 4 and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        del self._buffer[: end + 4 + size]
        path, _, query = first[1].partition("?")
        return Request(first[0], unquote(path), query, headers, body, self._ip)

    def _deny(self, status: int) -> None:
        if self._transport:
            self._transport.write(response(status, {"Connection": "close"}, b""))
            self._transport.close()
            self._busy = True
