"""Write `tests/review/samples` anew: logs that real programs write when they call a stand-in of Stripe on loopback.

    make samples

A program that is not there is named, and its sample stays as it is. nginx, HAProxy, Squid and Caddy come from Debian, mitmproxy from PyPI;
stripe, pino, winston and bunyan from npm are looked for along NODE_PATH. Each runs with the lines of docs/egress-logs.md, so that the
test of the samples is a test of the guide, too. The ids are made up; names of this host, its folders and its ports are taken out.
"""

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

from tests.review.sample_programs import CADDY, HAPROXY, NGINX, NODE, PYTHON, SQUID

FOLDER = Path(__file__).parent / "samples"
CALLS = (("POST", "/v1/charges"), ("GET", "/v1/customers?limit=3"), ("GET", "/v1/charges/ch_1MadeUp"), ("POST", "/v1/refunds"))
STATUS = {"/v1/charges/ch_1MadeUp": 404, "/v1/refunds": 402}
_AGENT = "Stripe/v1 PythonBindings/16.1.0"
_PATIENCE = 60.0


class _Stripe(BaseHTTPRequestHandler):
    """Answers with an id each, as Stripe does."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Stripe", ""
    ids: Iterator[int] = count(1)

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix(f"http://{self.headers.get('Host')}").partition("?")[0]
        status = STATUS.get(path, 200)
        held: dict[str, object] = {"id": "ch_1MadeUp", "object": "list" if path == "/v1/customers" else "charge", "data": []}
        body = json.dumps(held if status == 200 else {"error": {"type": "invalid_request_error", "message": "made up"}}).encode()
        self.send_response(status)
        self.send_header("Request-Id", f"req_MadeUp{next(self.ids):06d}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 # the names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Says nothing of connections that a proxy ends."""

    def handle_error(self, *_: object) -> None:
        """Nothing is lost: what matters is in the log of the program."""


@contextmanager
def stripe() -> Iterator[int]:
    """The port of a stand-in whose ids begin at 1."""
    _Stripe.ids = count(1)
    server = _Server(("127.0.0.1", 0), _Stripe)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def _free() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _running(argv: list[str], port: int, said: Path) -> Iterator[None]:
    with said.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, cwd=said.parent) as process:
        try:
            _wait(port, process)
            yield
            time.sleep(2)  # programs write their lines when a connection is closed
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not listen")


def _call(port: int, host: str, *, proxied: bool = False) -> None:
    for method, path in CALLS:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
            body = "amount=100" if method == "POST" else None
            link.request(method, f"http://{host}{path}" if proxied else path, body, {"User-Agent": _AGENT, "Host": host})
            link.getresponse().read()


def _server(program: str, config: str, argv: Callable[[Path], list[str]], log: str, *, proxied: bool = False) -> Callable[[Path, int], str]:
    """Runs a proxy with a configuration in which `@PORT@`, `@UP@` and `@DIR@` are replaced."""

    def write(folder: Path, up: int) -> str:
        port, file = _free(), folder / f"{program}.conf"
        file.write_text(config.replace("@PORT@", str(port)).replace("@UP@", str(up)).replace("@DIR@", str(folder)))
        with _running(argv(file), port, folder / "said"):
            _call(port, f"127.0.0.1:{up}", proxied=proxied)
        return (folder / log).read_text()

    return write


def _mitmproxy(folder: Path, up: int) -> str:
    port = _free()
    argv = ["mitmdump", "--listen-host", "127.0.0.1", "-p", str(port), "--set", f"hardump={folder / 'a.har'}", "--set", f"confdir={folder}"]
    with _running(argv, port, folder / "said"):
        _call(port, f"127.0.0.1:{up}", proxied=True)
    return json.dumps(json.loads((folder / "a.har").read_text()), indent=1)


def _script(program: str, text: str) -> Callable[[Path, int], str]:
    def write(folder: Path, up: int) -> str:
        suffix = "py" if program == sys.executable else "cjs"
        file = folder / f"a.{suffix}"
        file.write_text(text)
        key = "_".join(("sk", "test", secrets.token_hex(12)))
        told = subprocess.run([program, str(file), str(up)], input=key, capture_output=True, text=True, timeout=120, check=True)
        return told.stdout

    return write


PROGRAMS: dict[str, tuple[str, Callable[[Path, int], str]]] = {
    "nginx.log": ("nginx", _server("nginx", NGINX, lambda f: ["nginx", "-p", str(f.parent), "-e", "stderr", "-c", str(f)], "a.log")),
    "nginx-combined.log": (
        "nginx",
        _server("nginx", NGINX, lambda f: ["nginx", "-p", str(f.parent), "-e", "stderr", "-c", str(f)], "b.log"),
    ),
    "haproxy.log": ("haproxy", _server("haproxy", HAPROXY, lambda f: ["haproxy", "-db", "-f", str(f)], "said")),
    "squid.log": ("squid", _server("squid", SQUID, lambda f: ["squid", "-N", "-f", str(f)], "a.log", proxied=True)),
    "squid-native.log": ("squid", _server("squid", SQUID, lambda f: ["squid", "-N", "-f", str(f)], "b.log", proxied=True)),
    "caddy.jsonl": ("caddy", _server("caddy", CADDY, lambda f: ["caddy", "run", "--adapter", "caddyfile", "--config", str(f)], "a.log")),
    "mitmproxy.har": ("mitmdump", _mitmproxy),
    "stripe-python-info.log": (sys.executable, _script(sys.executable, PYTHON)),
    **{f"stripe-node-{name}.jsonl": ("node", _script("node", text)) for name, text in NODE.items()},
}
"""Sample → the program that has to be there, and how it is written."""


def _cleaned(text: str, folder: Path, up: int) -> str:
    text = text.replace(f"127.0.0.1:{up}", "api.stripe.com").replace(str(folder), "").replace(socket.gethostname(), "host")
    text = re.sub(r"\b127\.0\.0\.1:\d+", "127.0.0.1:40000", text)
    text = re.sub(r'"pid": ?\d+', '"pid":1', text)
    return re.sub(r'("(?:remote_port|port)": ?)("?)\d+', r"\g<1>\g<2>40000", text)


def say(text: str) -> None:
    """To the person who runs it."""
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Write what can be written; 0 also when programs are missing, which are named."""
    for name, (program, write) in PROGRAMS.items():
        if shutil.which(program) is None:
            say(f"{name}: {program} is not there; left as it is")
            continue
        with tempfile.TemporaryDirectory(prefix="samples-") as made, stripe() as up:
            folder = Path(made)
            folder.chmod(0o777)  # Squid writes as another user
            try:
                text = write(folder, up)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                said = (folder / "said").read_text()[-500:] if (folder / "said").exists() else getattr(error, "stderr", "")
                say(f"{name}: {program} failed ({type(error).__name__}); left as it is\n{said}")
                continue
            lines = [line for line in _cleaned(text, folder, up).splitlines(keepends=True) if "/v1/" in line or name.endswith(".har")]
            (FOLDER / name).write_text("".join(lines))
            say(f"{name}: written by {program.rpartition(os.sep)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
