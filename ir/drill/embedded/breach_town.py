"""The world of a breach drill: two Stripe accounts, three hosts with many keys and much else, and services that run there."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import yaml

from ir.core.model import Json, Mode, Policy
from ir.core.secret import fingerprint
from ir.drill.embedded import inventory_file, sandbox
from ir.drill.embedded.options import Waits
from ir.drill.embedded.sandbox import Folder, Servers
from ir.drill.embedded.stores import write_private
from ir.drill.hosts.github_twin import GithubTwin
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.server import TOKEN, HostTwin
from ir.drill.hosts.vercel_twin import VercelTwin
from ir.drill.twin import Key, StripeTwin, TwinSettings

PLACES = ("vercel://", "github-actions://acme", "k8s://drill")
"""What is breached."""
WAITS = Waits(soak=0, quiet=0, grace=0, watch=0, window=1)
_PAYS = ("payment_intent_write", "charge_read", "balance_read")
_KINDS = (
    (Mode.LIVE, "secret", _PAYS),
    (Mode.TEST, "secret", _PAYS),
    (Mode.LIVE, "restricted", _PAYS),
    (Mode.LIVE, "restricted", (*_PAYS, "payout_write")),
    (Mode.LIVE, "secret", _PAYS),
)
"""As they come in an inventory: in no order of danger."""
_FOREIGN = ("DATABASE_URL", "GITHUB_TOKEN", "SLACK_WEBHOOK_URL", "AWS_SECRET_ACCESS_KEY", "NEXT_PUBLIC_SITE", "INTERNAL_THING")
HOSTILE = "<img src=x>|[a](javascript:1)\x1b[2J\u202e`"
"""A hostile name."""


@dataclass(frozen=True)
class Placed:
    """One key: whose it is, where it lies at a host, and how its service takes it up."""

    name: str
    mode: Mode
    kind: str
    permissions: tuple[str, ...]
    key: Key
    host: HostTwin
    ref: str
    also: str
    reload: Json


@dataclass
class Town:
    """A drill's world.

    Attributes:
        twins: mode → Stripe's account of that mode. apps: the keys there that may make keys. hosts: by name.
        env: environment of `ir`; holds no Stripe key.
    """

    place: Folder
    twins: Mapping[Mode, StripeTwin]
    hosts: Mapping[str, HostTwin]
    port: int
    env: dict[str, str]
    rows: list[Placed] = field(default_factory=list)
    apps: dict[Mode, Key] = field(default_factory=dict)

    @property
    def tokens(self) -> list[str]:
        """Every key's value, as it was."""
        return [row.key.token.reveal() for row in self.rows]

    def alive(self) -> list[str]:
        """Names of keys whose old value still works."""
        return [row.name for row in self.rows if self.twins[row.mode].is_alive(row.key)]

    def behind(self) -> list[str]:
        """Names of keys whose service does not work with a living key, or whose places disagree."""
        return [row.name for row in self.rows if not self._holds_a_living_one(row)]

    def _holds_a_living_one(self, row: Placed) -> bool:
        held = row.host.runtime(row.name)
        living = {key.token.reveal() for key in self.twins[row.mode].live_keys()}
        second = self.stored(row.name) if row.also else held
        return held in living and held != row.key.token.reveal() and second == held

    def stored(self, name: str) -> str:
        """What the env file of a key holds."""
        return (self.place.stores / f"{name}.env").read_text(encoding="utf-8").partition("=")[2].strip()

    def strays(self) -> int:
        """Living keys at Stripe beyond one per row."""
        return sum(len([key for key in twin.live_keys() if key is not self.apps[mode]]) for mode, twin in self.twins.items()) - len(
            self.rows
        )

    def told(self) -> list[str]:
        """Requests to hosts that hold a key where none must be."""
        new = [row.host.runtime(row.name) for row in self.rows]
        return [line for host in self.hosts.values() for line in host.told([*self.tokens, *new])]

    # ── papers ──

    def write(self) -> None:
        """The inventory, and the shipped playbook with shorter waits."""
        hosts = [{"name": "k8s", "context": "drill", "api_base": self.hosts["k8s"].address, "token": f"env://{TOKEN}"}]
        hosts += [{"name": name, "api_base": self.hosts[name].address, "token": f"env://{TOKEN}"} for name in ("vercel", "github-actions")]
        text: Json = {
            "version": 1,
            "accounts": [self._account(mode) for mode in self.twins],
            "keys": [self._key(row) for row in self.rows],
            "hosts": hosts,
            "services": [self._service(row) for row in self.rows],
        }
        write_private(self.place.root / "inventory.yaml", yaml.safe_dump(text, sort_keys=False))
        write_private(self.place.root / "playbook.yaml", inventory_file.playbook(Policy.EXPOSED, WAITS))

    def _account(self, mode: Mode) -> Json:
        tool = f"dotenv://./stores/tool-{mode.value}.env"
        about = {"name": mode.value, "id": self.twins[mode].account, "mode": mode.value, "issuer": "managed"}
        return {**about, "app_key": f"{tool}#APP", "api_base": self.twins[mode].url}

    def _key(self, row: Placed) -> Json:
        stored = [row.ref, *([row.also] if row.also else [])]
        return {
            "name": row.name,
            "account": row.mode.value,
            "kind": row.kind,
            "permissions": list(row.permissions),
            "stored_in": stored,
        }

    def _service(self, row: Placed) -> Json:
        check = {"http": f"http://127.0.0.1:{self.port}/{row.name}", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}
        return {"name": row.name, "uses": [row.name], "reads_from": row.ref, "reload": row.reload, "verify": [check]}


class _Services(ThreadingHTTPServer):
    """What runs at the hosts says by fingerprint which key its platform gave it."""

    daemon_threads = True
    request_queue_size = 128
    hosts: dict[str, HostTwin]


class _Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Services

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Quiet."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        host = self.server.hosts[name]
        with host.lock:
            body = f'{{"key_fingerprint": "{fingerprint(host.runtime(name))}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def town(count: int, *, keep: bool = False, seed: int = 7) -> Iterator[Town]:
    """So many keys on three hosts, beside what is not ours."""
    settings = {mode: TwinSettings(mode=mode, death_delay=0.5, narrow_delay=0.5) for mode in (Mode.LIVE, Mode.TEST)}
    with ExitStack() as stack:
        place = stack.enter_context(sandbox.folder(keep=keep))
        twins = {mode: stack.enter_context(StripeTwin(seed=seed + n, settings=settings[mode])) for n, mode in enumerate(settings)}
        vercel, github, k8s = stack.enter_context(VercelTwin()), stack.enter_context(GithubTwin()), stack.enter_context(K8sTwin())
        hosts: dict[str, HostTwin] = {"vercel": vercel, "github-actions": github, "k8s": k8s}
        token = f"host-{secrets.token_hex(16)}"
        for host in hosts.values():
            host.tokens[token] = frozenset({"*"})
        server = stack.enter_context(_Services(("127.0.0.1", 0), _Health))
        stack.callback(server.shutdown)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        env = {**sandbox.environment(place, Servers(None, None)), TOKEN: token}
        made = Town(place, twins, hosts, server.server_port, env)
        _furnish(made, count, vercel, github, k8s)
        server.hosts = {row.name: row.host for row in made.rows}
        made.write()
        yield made


def _furnish(made: Town, count: int, vercel: VercelTwin, github: GithubTwin, k8s: K8sTwin) -> None:
    for mode, twin in made.twins.items():
        made.apps[mode] = twin.create_app_key()
        write_private(made.place.stores / f"tool-{mode.value}.env", f"APP={made.apps[mode].token.reveal()}\n")
    for number in range(count):
        mode, kind, permissions = _KINDS[number % len(_KINDS)]
        name = f"{mode.value}-{kind}-{number:02}"
        twin = made.twins[mode]
        key = twin.create_secret_key(name) if kind == "secret" else twin.create_restricted_key(permissions, name)
        host, ref, reload = _put((vercel, github, k8s)[number % 3], number, name, key.token.reveal())
        also = "" if host is k8s else f"dotenv://./stores/{name}.env#KEY"
        if also:
            write_private(made.place.stores / f"{name}.env", f"KEY={key.token.reveal()}\n")
        made.rows.append(Placed(name, mode, kind, permissions, key, host, ref, also, reload))
    for project in {"shop", "blog"} & set(vercel.projects):
        vercel.deployed(project)
    _beside(vercel, github, k8s)


def _put(host: HostTwin, number: int, name: str, value: str) -> tuple[HostTwin, str, Json]:
    """The key at a host, and the service that runs there with it."""
    variable = f"STRIPE_KEY_{number}"
    if isinstance(host, VercelTwin):
        project = ("shop", "blog")[number // 3 % 2]
        host.put(project, variable, value)
        host.services[name] = (project, variable)
        return host, f"vercel://{project}/{variable}", {"vercel": {"project": project}}
    if isinstance(host, GithubTwin):
        repo = ("acme/shop", "acme/jobs")[number // 3 % 2]
        host.put(repo, variable, value)
        host.services[name] = (repo, "", variable)
        return host, f"github-actions://{repo}/{variable}", {"polls": "1s"}
    assert isinstance(host, K8sTwin)  # noqa: S101 - the third of them
    host.put_secret("shop", name, {"api_key": value})
    host.deploy("shop", name, ("shop", name, "api_key"), replicas=1)
    return host, f"k8s://drill/shop/{name}#api_key", {"rollout": {"context": "drill", "namespace": "shop", "deployment": name}}


def _beside(vercel: VercelTwin, github: GithubTwin, k8s: K8sTwin) -> None:
    """What else is there, and is not ours to rotate."""
    for name in _FOREIGN:
        vercel.put("shop", name, "not-a-stripe-key")
        github.put("acme/shop", name, "not-a-stripe-key")
    vercel.put("shop", HOSTILE, "not-a-stripe-key")
    vercel.put("shop", "STRIPE_OLD_KEY", "not-a-stripe-key")
    k8s.put_secret("shop", "database", {"password": "not-a-stripe-key"})
    vercel.shared = [{"key": "SENTRY_AUTH_TOKEN", "projectId": ["prj_shop", "prj_blog"], "updatedAt": 1_700_000_000_000}]
