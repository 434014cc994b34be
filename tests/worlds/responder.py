"""A small real world for real processes of the command: the Stripe twin, two env files, three services, one leaked key.

Every wait in its playbook is tiny, so that a whole rotation costs little more than starting Python.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

import ir
from ir.core.model import Json, Mode
from ir.drill.twin import Fate, Key, StripeTwin, TwinSettings
from ir.drill.twin.message import Request
from ir.engine.dbos_records import read_entries
from tests.worlds.loopback import Loopback, QuietHandler
from tests.worlds.started import COMMAND, Started, start

_VARIABLE = "STRIPE_KEY"
PLAYBOOK = """\
name: quick
policy: {policy}
steps:
  - {{id: preflight, action: preflight}}
{contain}  - {{id: custody,   action: custody}}
  - {{id: mint,      action: mint}}
  - {{id: check,     action: check}}
  - {{id: stage,     action: stage}}
  - {{id: canary,    action: wave, with: {{which: canary, soak: 0s, patience: 3s}}}}
  - {{id: waves,     action: wave, with: {{which: rest, patience: 3s}}}}
  - {{id: verify,    action: verify, with: {{patience: 3s}}}}
  - {{id: retire,    action: retire, approval: required, with: {{patience: 3s}}}}
  - {{id: prove,     action: prove, with: {{window: 0.3s, limit: 20s, every: 0.1s}}}}
  - {{id: watch,     action: watch, with: {{for: 0s}}}}
  - {{id: report,    action: report}}
"""


class KeyHolder(Loopback):
    """A service that holds the key that it read when it was last reloaded."""

    def __init__(self, look: Callable[[], str]) -> None:
        self.look, self.key = look, look()
        super().__init__(_Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Service(KeyHolder):
    """One that reads an env file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(lambda: read(file))


class _Answers(QuietHandler):
    server: KeyHolder

    def get(self) -> None:
        mark = hashlib.sha256(self.server.key.encode()).hexdigest()[:16]
        body = f'{{"key_fingerprint": "{mark}"}}'.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def post(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.key = self.server.look()
        self.get()


def environment_of(folder: Path) -> dict[str, str]:
    """Of a command whose home is a folder of the test's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = {"HOME": str(folder), "IR_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    home["PYTHONPATH"] = str(Path(ir.__file__).parents[1])  # the code that is tested here, wherever it lies
    return {**kept, **home}


class Responder:
    """One world; `ir` runs in processes of its own.

    Attributes:
        more: further environment variables of the command.
        cut_off: what was seen when the leaked key was expired while a service still held it.
    """

    def __init__(self, folder: Path, twin: StripeTwin, *, policy: str = "exposed", database: str = "", guided: bool = False) -> None:
        self.folder, self.twin, self.database = folder, twin, database
        self.leaked = twin.create_secret_key("payments")
        self.app = twin.create_app_key()
        self.files = [folder / "one.env", folder / "two.env"]
        for file in self.files:
            private(file, f"KEPT=1\n{_VARIABLE}={self.leaked.token.reveal()}\nALSO=2\n")
        private(folder / "app.env", f"APP={self.app.token.reveal()}\n")
        self.services = [_Service(self.files[0]), _Service(self.files[0]), _Service(self.files[1])]
        for service in self.services:
            service.__enter__()
        contain = "  - {id: contain,   action: contain}\n" if policy == "exploited" else ""
        private(folder / "quick.yaml", PLAYBOOK.format(policy=policy, contain=contain))
        self.guided = guided
        private(folder / "inventory.yaml", self._inventory())
        self.policy, self.cut_off = policy, list[str]()
        self.more: dict[str, str] = {}
        twin.decide(self._watch)

    def close(self) -> None:
        for service in self.services:
            service.__exit__()

    def another_key(self, key: Key) -> None:
        """A key of the same account that something else uses: it is listed, with a store of its own."""
        private(self.folder / "other.env", f"{_VARIABLE}={key.token.reveal()}\n")
        row = f'  - {{name: other, account: main, kind: secret, stored_in: ["dotenv://other.env#{_VARIABLE}"]}}\n'
        text = self._inventory()
        private(self.folder / "inventory.yaml", text.replace("services:\n", f"{row}services:\n"))

    def other_service(self) -> None:
        """A service of that other key, listed; once."""
        if len(self.services) > 3:
            return
        service = _Service(self.folder / "other.env")
        service.__enter__()
        self.services.append(service)
        with (self.folder / "inventory.yaml").open("a") as file:
            file.write(self._row(3, service, "other"))

    # ── processes ──

    @property
    def environment(self) -> dict[str, str]:
        return {**environment_of(self.folder), **({"IR_DATABASE_URL": self.database} if self.database else {}), **self.more}

    def start(self, *argv: str, program: Sequence[str] = COMMAND) -> Started:
        """`ir …`, in a process of its own; `program`: what Python runs instead. The umask is open: what is private is so by itself."""
        return start(*argv, cwd=self.folder, env=self.environment, program=program, umask=0)

    def execute(self, *argv: str, program: Sequence[str] = COMMAND) -> subprocess.Popen[str]:
        """The same, executed: for the options of Python itself, and for a look at what the kernel shows of it."""
        return subprocess.Popen(
            [sys.executable, *program, *argv],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0,
        )

    def rotate(self, *more: str) -> Started:
        return self.start("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes", *more)

    def ir(self, *argv: str) -> tuple[int, str]:
        """Run to the end: exit code, and everything that it printed."""
        return ended(self.start(*argv))

    # ── looking ──

    def entries(self) -> int:
        """How many audit entries are recorded by now, of all incidents."""
        return self._count("ir_entries")

    def incidents(self) -> list[str]:
        """Ids that hold a lease or stand in the index."""
        with self._database.connect() as db:
            found = {str(row[0]) for table in ("ir_leases", "ir_incidents") for row in db.execute(sa.text(f"SELECT incident FROM {table}"))}  # noqa: S608 - two names of ours
        return sorted(found)

    def recorded(self) -> list[Json]:
        """The audit entries of the last incident, as the database has them."""
        return read_entries(self._database, self.incidents()[-1])

    def live(self) -> list[Key]:
        """Live keys of the account besides the leaked one."""
        return [key for key in self.twin.live_keys() if key.id != self.leaked.id]

    def state(self) -> object:
        """All that a rotation changes: env files and what lies beside them, what services hold, keys and what they may do."""
        files = {path.name: path.read_bytes() for path in self.folder.glob("*.env*")}
        keys = [(key.id, self.twin.is_alive(key)) for key in (self.leaked, *self.twin.live_keys())]
        return files, [service.key for service in self.services], keys

    def forget_the_holder(self) -> None:
        """As if the process that holds the leases ran on another machine, and had been silent for a minute."""
        with self._database.begin() as db:
            db.execute(sa.text("UPDATE ir_leases SET host = 'elsewhere', heartbeat = heartbeat - 60"))

    def is_whole(self) -> str:
        """Empty when the rotation ended as it should, else what is wrong."""
        live, wrong = self.live(), []
        if len(live) != 1:
            wrong.append(f"{len(live)} replacements live: {[key.name for key in live]}")
        if self.twin.is_alive(self.leaked):
            wrong.append("the leaked key lives")
        for thing, key in [*((file.name, read(file)) for file in self.files), *((s.url, s.key) for s in self.services)]:
            if not live or key != live[0].token.reveal():
                wrong.append(f"{thing} is not on the replacement")
        left = [path.name for path in self.folder.glob("*.env.ir-*")]
        return "; ".join([*wrong, *([f"custody is left: {left}"] if left else []), *self.cut_off])

    def _count(self, table: str) -> int:
        try:
            with self._database.connect() as db:
                return int(db.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() or 0)  # noqa: S608 - a name of ours
        except sa.exc.DBAPIError:
            return 0  # the engine has not made its tables yet

    @cached_property
    def _database(self) -> sa.Engine:
        """Made once, since it is asked again and again; a connection lasts for one question."""
        url = f"sqlite:///file:{self.folder / 'home' / 'ir.sqlite'}?mode=rw&uri=true"
        if self.database:
            url = "postgresql+psycopg://" + self.database.partition("://")[2]
        return sa.create_engine(url, poolclass=sa.pool.NullPool)

    def _watch(self, request: Request) -> Fate | None:
        """At the call that kills the leaked key no service may hold it; a look only."""
        dying = request.path.endswith(f"/{self.leaked.id}/expire") and self.policy != "exploited"
        if dying and any(service.key == self.leaked.token.reveal() for service in self.services):
            self.cut_off.append("the leaked key was expired while a service held it")
        return None

    def _inventory(self) -> str:
        stores = ", ".join(f'"dotenv://{file.name}#{_VARIABLE}"' for file in self.files)
        issuer = "dashboard" if self.guided else 'managed, app_key: "dotenv://app.env#APP"'
        text = f"""\
version: 1
accounts:
  - {{name: main, id: {self.twin.account}, mode: test, issuer: {issuer}, api_base: "{self.twin.url}"}}
keys:
  - {{name: payments, account: main, kind: secret, permissions: [payment_intent_write, charge_read, balance_read], stored_in: [{stores}]}}
services:
"""
        return text + "".join(self._row(number, service, "payments") for number, service in enumerate(self.services[:3]))

    def _row(self, number: int, service: _Service, key: str) -> str:
        wave, check = "canary" if number == 0 else "main", 'expect: {status: 200, json: {key_fingerprint: "{{ new.fingerprint }}"}}'
        return (
            f'  - {{name: s{number}, uses: [{key}], reads_from: "dotenv://{service.file.name}#{_VARIABLE}", wave: {wave},'
            f' reload: {{http: "{service.url}/reload"}}, verify: [{{http: "{service.url}/healthz", {check}}}]}}\n'
        )


@contextmanager
def responder(folder: Path, *, seed: int = 0, policy: str = "exposed", database: str = "", guided: bool = False) -> Iterator[Responder]:
    """A world in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with StripeTwin(seed=seed, settings=TwinSettings(mode=Mode.TEST, death_delay=0.2, narrow_delay=0.1)) as twin:
        made = Responder(folder, twin, policy=policy, database=database, guided=guided)
        try:
            yield made
        finally:
            made.close()


def ended(process: Started | subprocess.Popen[str], seconds: float = 60.0) -> tuple[int, str]:
    """Wait for a process: exit code (negative: the signal that killed it) and what it printed."""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise AssertionError(f"still running after {seconds:g} s:\n{said}") from None
    return process.wait(), said


def read(file: Path) -> str:
    """The key that an env file holds."""
    return next(line.partition("=")[2] for line in file.read_text().splitlines() if line.startswith(f"{_VARIABLE}="))


def private(path: Path, text: str) -> None:
    """A file for its owner alone."""
    path.write_text(text)
    path.chmod(0o600)
