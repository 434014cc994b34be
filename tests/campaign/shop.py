"""A company with many keys: a Stripe twin, one env file per key, services that answer on loopback, and the real command line."""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from ir.core.model import Json, Mode, Policy
from ir.drill.embedded.inventory_file import playbook
from ir.drill.embedded.options import Waits
from ir.drill.twin import StripeTwin, TwinSettings
from ir.drill.twin.keys import Key
from ir.drill.twin.settings import Now
from tests.worlds.started import Started, start

PERMISSIONS = ["payment_intent_write", "charge_read", "balance_read"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    shop: "Shop"


class _Services(BaseHTTPRequestHandler):
    """`/<service>/healthz` and `/<service>/reload` of every service."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        return

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        shop, name = self.server.shop, self.path.split("/")[1]
        if self.command == "POST":
            shop.reloads[name] = shop.reloads.get(name, 0) + 1
            if name not in shop.stuck:
                shop.held[name] = shop.stored(name.rsplit("-", 1)[0])
        if shop.gate is not None:
            shop.gate.wait(20)
        body = json.dumps({"key_fingerprint": hashlib.sha256(shop.held[name].encode()).hexdigest()[:16]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Shop:
    """See above.

    Attributes:
        held: service → the key that it works with. stuck: services that do not take up a new key.
        logins: home → what only that machine's environment holds.
        gate: while set and not open, services hold every answer back.
    """

    folder: Path
    twin: StripeTwin
    database: str
    port: int
    app: Key
    keys: dict[str, Key] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    reloads: dict[str, int] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    gate: threading.Event | None = None
    rows: dict[str, Json] = field(default_factory=dict)
    logins: dict[str, dict[str, str]] = field(default_factory=dict)
    _running: list[Started] = field(default_factory=list)

    def stored(self, key: str) -> str:
        """What the store of a key holds now."""
        return (self.folder / f"{key}.env").read_text(encoding="utf-8").split("KEY=")[1].strip()

    def add(self, name: str, *, services: int = 1, **more: object) -> Key:
        """One more key with its own env file; the first service is the canary."""
        made = self.twin.create_secret_key(name)
        self._private(f"{name}.env", f"OTHER=1\nKEY={made.token.reveal()}\n")
        self.keys[name] = made
        users = [f"{name}-{n}" for n in range(services)]
        self.held |= dict.fromkeys(users, made.token.reveal())
        ref = f"dotenv://{name}.env#KEY"
        self.rows[name] = {"name": name, "account": "main", "kind": "secret", "permissions": list(PERMISSIONS), "stored_in": [ref], **more}
        return made

    def write(self, *, issuer: str = "managed", chat: str = "", quiet: float = 0, grace: float = 0, logs: str = "") -> None:
        """The inventory as it is now, and a playbook with these waits alone; `chat` hears of everything, `logs` tell of all requests."""
        account: Json = {"name": "main", "id": self.twin.account, "mode": "test", "issuer": issuer, "api_base": self.twin.url}
        if logs:
            account["logs"] = [logs]
        if issuer == "managed":
            account["app_key"] = "dotenv://app.env#APP"
        services = [self._service(name, number) for number, name in enumerate(self.held)]
        text: Json = {"version": 1, "accounts": [account], "keys": list(self.rows.values()), "services": services}
        if chat:
            self._private("chat.env", f"URL={chat}\n")
            text["notify"] = [{"to": "dotenv://chat.env#URL"}]
        self._private("inventory.yaml", yaml.safe_dump(text, sort_keys=False))
        waits = Waits(soak=0, quiet=quiet, grace=grace, watch=0, window=0)
        for policy in (Policy.EXPOSED, Policy.SCHEDULED):
            self._private(f"{policy.value}.yaml", playbook(policy, waits))

    def _service(self, name: str, number: int) -> Json:
        base, key = f"http://127.0.0.1:{self.port}/{name}", name.rsplit("-", 1)[0]
        return {
            "name": name,
            "uses": [key],
            "reads_from": self.rows[key]["stored_in"][0],
            "wave": "canary" if name.endswith("-0") else "main",
            "reload": {"http": f"{base}/reload"},
            "verify": [{"http": f"{base}/healthz", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}],
        }

    def _private(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")

    # ── the command line ──

    def environment(self, home: str = "home") -> dict[str, str]:
        """Of a process on one machine; every `home` is another machine's disk."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "IR_HOME": str(self.folder / home), "IR_DATABASE_URL": self.database, "COLUMNS": "200", **self.logins.get(home, {})}

    def begin(self, *words: str, home: str = "home") -> Started:
        """Start `ir` and leave it running; it is killed at the end at the latest."""
        made = start(*words, cwd=self.folder, env=self.environment(home), session=True)
        self._running.append(made)
        return made

    def ir(self, *words: str, home: str = "home", within: float = 60.0) -> tuple[int, str]:
        """Run `ir` to its end: exit code and everything it said."""
        made = self.begin(*words, home=home)
        said, _ = made.communicate(timeout=within)
        return made.wait(), said

    def rotate(self, *words: str, policy: str = "exposed") -> list[str]:
        """The words of a rotation without waits."""
        return ["rotate", "stripe", *words, "--inventory", "inventory.yaml", "--playbook", f"./{policy}.yaml", "--yes"]

    def kill(self, process: Started) -> None:
        """No chance to tidy up."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)

    def end(self) -> None:
        """Nothing of ours stays behind."""
        if self.gate is not None:
            self.gate.set()
        for process in self._running:
            if process.poll() is None:
                self.kill(process)

    # ── the truth ──

    def moved(self, name: str) -> bool:
        """The old key is dead, the store holds a living one, every service works with it."""
        fresh = self.stored(name)
        old = self.keys[name]
        users = [held for service, held in self.held.items() if service.rsplit("-", 1)[0] == name]
        return not self.twin.is_alive(old) and fresh != old.token.reveal() and all(held == fresh for held in users)

    def living(self) -> int:
        """Keys alive at the provider, the app's own left out."""
        return len(self.twin.live_keys()) - self.twin.live_keys().count(self.app)


@contextmanager
def shop(folder: Path, database: str, *, clock: Now | None = None) -> Iterator[Shop]:
    """Everything up, no key yet; `clock`: Stripe's, where it is not ours."""
    settings = TwinSettings(mode=Mode.TEST, death_delay=0.0, narrow_delay=0.0)
    with StripeTwin(seed=5, clock=clock, settings=settings) as twin, _Server(("127.0.0.1", 0), _Services) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        made = server.shop = Shop(folder, twin, database, server.server_port, twin.create_app_key())
        made._private("app.env", f"APP={made.app.token.reveal()}\n")  # noqa: SLF001 - the same file
        try:
            yield made
        finally:
            made.end()
            server.shutdown()
            thread.join(5)


def until(holds: object, within: float = 30.0) -> None:
    """Wait until a condition holds; fails when it never does."""
    assert callable(holds)
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
