"""Read from the kubeconfig which cluster a context means and which login it uses, as `kubectl` does, as far as that is safe.

`KUBECONFIG` (files, the first that names a thing counts), else `~/.kube/config`; the context `in-cluster` is a pod's own service account.
An `exec:` login is a program: it runs only if a `hosts:` row of the inventory lists the same one.
"""

import base64
import binascii
import json
import os
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from ir.clients import program, way_out
from ir.clients.host_api import Login
from ir.core import untrusted_json
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret

IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST = 4 * 1024 * 1024
_KEPT = 240.0
"""Seconds for which a program's login is used again; such logins hold for a quarter of an hour at least."""


@dataclass(frozen=True)
class Access:
    """An API server, its trusted authority, and the login: a token, or a certificate that `tls` carries."""

    server: str
    tls: ssl.SSLContext | None
    token: Callable[[], Secret] | None


def access(context: str, login: Login) -> Access:
    """How a context is reached; `login` goes before what the kubeconfig says.

    Raises:
        Missing: no such context. Rejected: it asks for something that is not safe, or not supported. Denied: no usable login.
    """
    if login.api_base:
        return Access(login.api_base, None, login.token)
    if context == IN_CLUSTER:
        return _in_cluster()
    documents = _documents()
    row = _named(documents, "contexts", context, "context")
    cluster = _named(documents, "clusters", str(row.get("cluster", "")), "cluster")
    user = _named(documents, "users", str(row.get("user", "")), "user")
    _refuse_unsafe(cluster, context)
    tls = _authority(cluster)
    _certificate(tls, user)
    return Access(str(cluster.get("server", "")), tls, login.token or _token(user, login, context))


def current() -> str:
    """The context that is current: of the first file that names one; a pod's own without any file. Raises PortError."""
    try:
        found = next((str(row["current-context"]) for row in _documents() if row.get("current-context")), "")
    except Missing:
        found = ""
    return found or (IN_CLUSTER if os.environ.get("KUBERNETES_SERVICE_HOST") else "")


def _in_cluster() -> Access:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise Missing("this is no pod: KUBERNETES_SERVICE_HOST is not set", next_step="name a context of the kubeconfig")
    tls = _context(cafile=str(_ACCOUNT / "ca.crt"))
    return Access(f"https://{f'[{host}]' if ':' in host else host}:{port}", tls, lambda: _from_file(_ACCOUNT / "token"))


def _documents() -> list[dict[str, Any]]:
    named = os.environ.get("KUBECONFIG", "")
    paths = [Path(path) for path in named.split(os.pathsep) if path] or [Path.home() / ".kube" / "config"]
    found = [_read(path) for path in paths if path.exists()]
    if not found:
        raise Missing(f"there is no kubeconfig at {', '.join(map(str, paths))}", next_step="set KUBECONFIG")
    return found


def _read(path: Path) -> dict[str, Any]:
    """Read one kubeconfig. It may hold logins, so no error repeats its text; the folder of its relative paths is noted."""
    try:
        text = path.read_bytes()[:_LARGEST]
    except OSError as error:
        raise Denied(f"the kubeconfig {path} cannot be read ({type(error).__name__})") from None
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Rejected(f"the kubeconfig {path} is not YAML with an object")
    return {**data, "folder": path.parent}


def _named(documents: Sequence[dict[str, Any]], group: str, name: str, inner: str) -> dict[str, Any]:
    for document in documents:
        for row in document.get(group) or []:
            if isinstance(row, dict) and row.get("name") == name and isinstance(row.get(inner) or {}, dict):
                return {**(row.get(inner) or {}), "folder": document["folder"]}
    raise Missing(f"the kubeconfig has no {inner} `{name}`", next_step="kubectl config get-contexts")


def _refuse_unsafe(cluster: dict[str, Any], context: str) -> None:
    for name in ("insecure-skip-tls-verify", "tls-server-name", "proxy-url"):
        if cluster.get(name):
            why = "it trusts whatever answers" if name.startswith("insecure") else "this is not supported"
            raise Rejected(
                f"the cluster of context `{context}` says `{name}`: {why}",
                next_step="name its certificate-authority; for a proxy: HTTPS_PROXY",
            )


def _authority(cluster: dict[str, Any]) -> ssl.SSLContext:
    if data := cluster.get("certificate-authority-data"):
        return _context(cadata=_decoded(data))
    if path := cluster.get("certificate-authority"):
        return _context(cafile=str(cluster["folder"] / str(path)))
    return _context(cafile=way_out.authority() or None)


def _context(**authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(**authority)  # type: ignore[arg-type]  # cafile or cadata
    except (OSError, ssl.SSLError):
        raise Rejected("the certificate authority of the cluster cannot be read") from None


def _decoded(data: object) -> str:
    try:
        return base64.b64decode(str(data)).decode()
    except (binascii.Error, ValueError):
        raise Rejected("the kubeconfig has data that are not base64") from None


def _certificate(tls: ssl.SSLContext, user: dict[str, Any]) -> None:
    """Log in with the user's certificate. A key in the kubeconfig itself is handed over in memory."""
    if not (user.get("client-certificate") or user.get("client-certificate-data")):
        return
    try:
        if user.get("client-key-data") or user.get("client-certificate-data"):
            _load_from_memory(tls, _whole(user, "client-certificate") + "\n" + _whole(user, "client-key"))
        else:
            tls.load_cert_chain(
                str(user["folder"] / str(user["client-certificate"])), str(user["folder"] / str(user.get("client-key", "")))
            )
    except (OSError, ssl.SSLError):
        raise Denied("the client certificate of the kubeconfig cannot be used") from None


def _whole(user: dict[str, Any], name: str) -> str:
    return _decoded(user[f"{name}-data"]) if user.get(f"{name}-data") else (user["folder"] / str(user.get(name, ""))).read_text()


def _load_from_memory(tls: ssl.SSLContext, chain: str) -> None:
    if not hasattr(os, "memfd_create"):
        raise Rejected("this system takes a client key from a file only", next_step="write `client-key: FILE` in the kubeconfig")
    handle = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(handle, chain.encode())
        tls.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _token(user: dict[str, Any], login: Login, context: str) -> Callable[[], Secret] | None:
    if user.get("token"):
        token = Secret(str(user["token"]))
        return lambda: token
    if user.get("tokenFile"):
        return lambda: _from_file(user["folder"] / str(user["tokenFile"]))
    if isinstance(user.get("exec"), dict):
        return _program(user["exec"], login, context)
    if user.get("auth-provider") or user.get("username"):
        raise Rejected(f"the user of context `{context}` logs in in a way that is not supported", next_step="use a token, or `exec`")
    return None


def _from_file(path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise Denied(f"the token file of the cluster cannot be read ({type(error).__name__})") from None


def _program(row: dict[str, Any], login: Login, context: str) -> Callable[[], Secret]:
    """Run the program that prints the login, only if the inventory lists it word by word: that list is what a person has consented to."""
    argv = [str(row.get("command", "")), *(str(one) for one in row.get("args") or [])]
    if list(login.program) != argv:
        shown = json.dumps(argv)
        raise Denied(
            f"the login of context `{context}` is a program, and the inventory does not list it",
            next_step=f"under `hosts:`, `{{name: k8s, context: {context}, program: {shown}}}`",
        )
    kept: list[tuple[Secret, float]] = []
    lock = Lock()

    def token() -> Secret:
        with lock:
            if not kept or time.monotonic() - kept[-1][1] > _KEPT:
                kept[:] = [(_printed(argv, login.env), time.monotonic())]
            return kept[-1][0]

    return token


def _printed(argv: Sequence[str], env: Sequence[str]) -> Secret:
    done = program.run_for_secret(argv, env=env, timeout=30.0)
    if done.timed_out or done.code != 0 or done.value is None:
        raise Unknown(f"`{argv[0]}` gave no login for the cluster (exit code {done.code})")
    failed: PortError = Rejected(f"`{argv[0]}` did not print an ExecCredential with a token")
    try:
        found = untrusted_json.loads(done.value.reveal())
        return Secret(str(found["status"]["token"]))
    except (ValueError, KeyError, TypeError):
        pass
    raise failed
