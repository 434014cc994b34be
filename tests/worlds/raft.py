"""Three nodes of OpenBao with raft: one is active, two answer reads by themselves, a moment behind."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from ir.drill.embedded.openbao_server import OpenBao, bundled_program, program_on_path
from ir.drill.embedded.server_process import free_port

_NODE = """\
storage "raft" {{
  path = "{folder}"
  node_id = "{name}"
{joins}}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster}"
disable_mlock = true
"""
_PATIENCE = 90.0


@dataclass(frozen=True)
class Raft:
    """A running cluster, `secret/` mounted as KV version 2.

    Attributes:
        active: the node that writes. standby: one that answers reads.
    """

    active: OpenBao
    standby: OpenBao


@contextmanager
def raft() -> Iterator[Raft]:
    """Start three nodes, join them, and end them at the exit."""
    program = bundled_program() or program_on_path()
    ports = [(free_port(), free_port()) for _ in range(3)]
    with tempfile.TemporaryDirectory(prefix="ir-raft-", ignore_cleanup_errors=True) as home:
        children = [_node(program, Path(home), number, ports) for number in range(3)]
        try:
            yield _joined([f"http://127.0.0.1:{port}" for port, _ in ports])
        finally:
            for child in children:
                child.kill()
                child.wait()


def _node(program: str, home: Path, number: int, ports: list[tuple[int, int]]) -> "subprocess.Popen[bytes]":
    folder, (port, cluster) = home / f"n{number}", ports[number]
    folder.mkdir()
    joins = "".join(
        f'  retry_join {{ leader_api_addr = "http://127.0.0.1:{other}" }}\n' for at, (other, _) in enumerate(ports) if at != number
    )
    file = home / f"n{number}.hcl"
    file.write_text(_NODE.format(folder=folder, name=f"n{number}", joins=joins, port=port, cluster=cluster))
    return subprocess.Popen(
        [program, "server", f"-config={file}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(home), "PATH": os.defpath},
    )


def _joined(nodes: list[str]) -> Raft:
    _until(lambda: requests.get(f"{nodes[0]}/v1/sys/init", timeout=5).ok)
    made = _said("PUT", f"{nodes[0]}/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1}).json()
    key, token = made["keys"][0], made["root_token"]
    for node in nodes:
        _until(partial(_unsealed, node, key))
    _until(lambda: sorted(_health(node) for node in nodes) == [200, 429, 429])
    active = next(node for node in nodes if _health(node) == 200)
    standby = next(node for node in nodes if _health(node) == 429)
    _until(lambda: _said("POST", f"{active}/v1/sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, token).ok)
    _until(lambda: _said("GET", f"{standby}/v1/secret/config", None, token).ok)
    return Raft(OpenBao(active, token), OpenBao(standby, token))


def _unsealed(node: str, key: str) -> bool:
    return _said("PUT", f"{node}/v1/sys/unseal", {"key": key}).ok


def _health(node: str) -> int:
    return requests.get(f"{node}/v1/sys/health", timeout=5).status_code


def _said(method: str, url: str, body: Any, token: str = "") -> requests.Response:
    return requests.request(method, url, json=body, headers={"X-Vault-Token": token}, timeout=_PATIENCE)


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            if holds():
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < until, "the cluster did not come up"
        time.sleep(0.1)
