"""moto's AWS server on loopback, with five deviations from AWS Secrets Manager fixed.

`python -m tests.worlds.moto_server --port N` (0: a free one) prints its address on the first line and serves until SIGTERM.

What moto 5.2.5 does otherwise, each of which would hide or fake a fault of a rotation:

1. After `UpdateSecretVersionStage` moved AWSCURRENT, a read without a stage still returns the old value.
2. A later put then leaves two versions labelled AWSCURRENT.
3. One `ClientRequestToken` with other content overwrites a version that is AWSPENDING, where AWS refuses.
4. Values of more than 65,536 bytes are taken.
5. A put that makes a new version current takes every label from the one that was, not AWSCURRENT alone.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

from ir.drill.embedded.server_process import free_port, running

LARGEST_VALUE = 65_536


def mend() -> None:
    """Patch moto in this process; free to repeat."""
    from moto.secretsmanager.models import SecretsManagerBackend

    if getattr(SecretsManagerBackend, "mended_by_ir", False):
        return
    _mend_promotion(SecretsManagerBackend)
    _mend_put(SecretsManagerBackend)
    SecretsManagerBackend.mended_by_ir = True  # type: ignore[attr-defined]  # our own mark


def _mend_promotion(backend: Any) -> None:
    plain = backend.update_secret_version_stage

    def update_secret_version_stage(
        self: Any,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str,
        move_to_version_id: str,
    ) -> tuple[str, str]:
        answer: tuple[str, str] = plain(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT" and move_to_version_id:
            secret = self.secrets[secret_id]
            getattr(secret, "source", secret).default_version_id = move_to_version_id
        return answer

    backend.update_secret_version_stage = update_secret_version_stage


def _mend_put(backend: Any) -> None:
    from moto.secretsmanager.exceptions import InvalidParameterException, ResourceExistsException, SecretNotFoundException

    plain = backend.put_secret_value

    def put_secret_value(
        self: Any,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        if len((secret_string or "").encode()) > LARGEST_VALUE:
            raise InvalidParameterException(f"SecretString is longer than {LARGEST_VALUE} bytes")
        if not self._is_valid_identifier(secret_id):
            raise SecretNotFoundException
        there = self.secrets[secret_id].versions.get(client_request_token)
        if there and (there.get("secret_string"), there.get("secret_binary")) != (secret_string, secret_binary):
            raise ResourceExistsException("You can't use this ClientRequestToken: a version with other content has it.")
        before = {key: list(row["version_stages"]) for key, row in self.secrets[secret_id].versions.items()} if there is None else {}
        answer: str = plain(self, secret_id, secret_string, secret_binary, client_request_token, version_stages)
        versions = self.secrets[secret_id].versions
        for version, labels in before.items():
            kept = versions[version]["version_stages"]
            kept += [name for name in labels if not name.startswith("AWS") and name not in (*kept, *version_stages)]
        return answer

    backend.put_secret_value = put_secret_value


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds.moto_server", description="AWS on loopback")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    port = parser.parse_args(argv).port or free_port()
    mend()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import main as serve

    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    serve(["-H", "127.0.0.1", "-p", str(port)])


@contextmanager
def moto(*, patience: float = 120.0) -> Iterator[str]:
    """A server of our own as a child process; gives its address once it answers.

    Raises:
        RuntimeError: it did not come up in `patience` seconds.
    """
    port = free_port()
    argv = [sys.executable, "-m", "tests.worlds.moto_server", "--port", str(port)]
    why_not = "moto's server did not come up; is the extra `drill-aws` installed?"
    with running(argv, lambda: _answers(port), why_not, patience=patience):
        yield f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/moto-api/data.json")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
