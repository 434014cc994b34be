"""A stateful stand-in for a Conjur server: logins, tokens that run out, privileges, versions, policies in their simplest form.

From the API as cyberark/conjur 1.24 has it: same value makes no version, the last 20 are kept, an empty body is 422, what
may not be seen is 404, a privilege check is 204 or 404.
"""

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

ALL = frozenset({"read", "execute", "update"})
KEPT = 20


@dataclass
class Variable:
    """One variable: all versions ever counted, the last 20 kept."""

    versions: list[tuple[int, bytes]] = field(default_factory=list)
    count: int = 0

    def put(self, value: bytes) -> None:
        """A version, unless the value is current already."""
        if self.versions and self.versions[-1][1] == value:
            return
        self.count += 1
        self.versions = [*self.versions, (self.count, value)][-KEPT:]


@dataclass
class ConjurFake:
    """One account; use as a context manager.

    Attributes:
        keys: login → API key. `admin` may do everything.
        grants: login and variable → privileges.
        token_life: seconds.
        logins: how often somebody authenticated.
        before_put: called before a value is stored: the place for somebody else to be faster.
        fails: status with which every answer but a login is replaced.
        answered: of every request its method, path as it came, names of its query and the status of the answer.
    """

    account: str = "acme"
    keys: dict[str, str] = field(default_factory=lambda: {"admin": secrets.token_hex(20)})
    grants: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    token_life: float = 480.0
    logins: int = 0
    before_put: Callable[[str], None] = lambda _variable: None
    fails: int = 0
    answered: list[tuple[str, str, frozenset[str], int]] = field(default_factory=list)
    address: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def host(self, name: str, **grants: frozenset[str]) -> str:
        """A host with privileges on variables; returns its API key."""
        self.keys[f"host/{name}"] = secrets.token_hex(20)
        for variable, privileges in grants.items():
            self.grants[f"host/{name}", variable] = privileges
        return self.keys[f"host/{name}"]

    def privileges(self, login: str, variable: str) -> frozenset[str]:
        """What a login may do."""
        return ALL if login == "admin" else self.grants.get((login, variable), frozenset())


class _Policy(yaml.SafeLoader):
    """Policies: what is tagged becomes its tag and its value."""


_Policy.add_multi_constructor(
    "!",
    lambda loader, tag, node: (
        tag,
        loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else loader.construct_scalar(node),
    ),
)


class _Server(ThreadingHTTPServer):
    fake: ConjurFake
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if parts[0] == "authn":
            self._authn(parts, body)
            return
        login = self._who()
        if login is None:
            self._say(401)
        elif self.server.fake.fails:
            self._say(self.server.fake.fails, b"try later")
        elif parts == ["whoami"]:
            self._say_json({"account": self.server.fake.account, "username": login, "client_ip": "127.0.0.1"})
        elif parts[0] == "policies":
            self._policy(parts[-1], body.decode())
        elif parts == ["secrets"]:
            self._batch(login, query["variable_ids"].split(","))
        elif parts[0] == "secrets" and len(parts) == 4:
            self._secret(login, parts[3], query, body)
        elif parts[0] == "resources" and parts[2:] == ["variable"]:
            self._resources(login, query)
        elif parts[0] == "resources" and len(parts) == 4:
            self._resource(login, parts[3], query)
        else:
            self._say(404)

    do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 - the library's own names

    def _authn(self, parts: list[str], body: bytes) -> None:
        fake = self.server.fake
        if parts[-1] == "login":
            user, _, password = base64.b64decode(self.headers.get("Authorization", " ").split(" ", 1)[1]).decode().partition(":")
            good = bool(password) and fake.keys.get(user) == password
            self._say(200 if good else 401, password.encode() if good else b"")
            return
        login = parts[2]
        if parts[1] != fake.account or not body or fake.keys.get(login) != body.decode():
            self._say(401)
            return
        with fake.lock:
            fake.logins += 1
            token = json.dumps({"protected": secrets.token_hex(8), "payload": secrets.token_hex(8), "signature": secrets.token_hex(8)})
            fake.tokens[token] = (login, time.monotonic() + fake.token_life)
        if "base64" in self.headers.get("Accept-Encoding", ""):
            self._say(200, base64.b64encode(token.encode()), {"Content-Encoding": "base64"})
        else:
            self._say(200, token.encode())

    def _who(self) -> str | None:
        found = re.fullmatch(r'Token token="(.+)"', self.headers.get("Authorization", ""))
        if not found:
            return None
        login, until = self.server.fake.tokens.get(base64.b64decode(found.group(1)).decode(), ("", 0.0))
        return login if time.monotonic() < until else None

    def _secret(self, login: str, name: str, query: dict[str, str], body: bytes) -> None:
        fake = self.server.fake
        may, variable = fake.privileges(login, name), fake.variables.get(name)
        if variable is None or not may:
            self._say(404)
        elif self.command == "POST":
            if "update" not in may:
                self._say(403)
            elif not body:
                self._say(422)
            else:
                fake.before_put(name)
                with fake.lock:
                    variable.put(body)
                self._say(201)
        elif "execute" not in may:
            self._say(403)
        else:
            wanted = int(query["version"]) if "version" in query else variable.count
            values = [value for version, value in variable.versions if version == wanted]
            self._say(200 if values else 404, values[0] if values else b"CONJ00076E Variable is empty or not found.")

    def _batch(self, login: str, ids: list[str]) -> None:
        fake, found = self.server.fake, {}
        for full in ids:
            name = full.split(":", 2)[2]
            variable = fake.variables.get(name)
            if variable is None or "execute" not in fake.privileges(login, name) or not variable.versions:
                self._say(404)
                return
            found[full] = variable.versions[-1][1].decode()
        self._say_json(found)

    def _resource(self, login: str, name: str, query: dict[str, str]) -> None:
        fake = self.server.fake
        may, variable = fake.privileges(login, name), fake.variables.get(name)
        if variable is None or not may:
            self._say(404)
        elif "check" in query:
            self._say(204 if query["privilege"] in may else 404)
        else:
            rows = [{"version": version, "expires_at": None} for version, _ in variable.versions]
            self._say_json({"id": f"{fake.account}:variable:{name}", "owner": f"{fake.account}:user:admin", "secrets": rows})

    def _resources(self, login: str, query: dict[str, str]) -> None:
        """What the role may see, in pages."""
        fake, start = self.server.fake, int(query.get("offset", 0))
        seen = [name for name in sorted(fake.variables) if fake.privileges(login, name)]
        names = seen[start : start + int(query.get("limit", len(seen) or 1))]
        self._say_json([{"id": f"{fake.account}:variable:{name}", "owner": f"{fake.account}:user:admin"} for name in names])

    def _policy(self, branch: str, text: str) -> None:
        prefix = "" if branch == "root" else branch + "/"
        for kind, row in yaml.load(text, _Policy):  # noqa: S506 - a safe loader that keeps the tags
            if kind == "variable":
                self.server.fake.variables.setdefault(prefix + row, Variable())
            elif kind == "permit":
                role, name = row["role"]
                login = f"host/{name}" if role == "host" else name
                for _, variable in row["resources"]:
                    before = self.server.fake.grants.get((login, prefix + variable), frozenset())
                    self.server.fake.grants[login, prefix + variable] = before | frozenset(row["privileges"])
        self._say_json({"created_roles": {}, "version": 1}, status=201)

    def _say(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        url = urlsplit(self.path)
        self.server.fake.answered.append((self.command, url.path, frozenset(parse_qs(url.query)), status))
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/octet-stream"}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _say_json(self, found: object, status: int = 200) -> None:
        self._say(status, json.dumps(found).encode(), {"Content-Type": "application/json"})
