"""docs/key-fingerprint.md: each program answers with the fingerprint that a check expects."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import stripe

from ir.adapters.verifiers.http import HttpVerifier
from ir.core.secret import Secret
from ir.ports import Expected
from tests.programs import GO, JAVA, NODE, PHP, RUBY
from tests.worlds.stores import key

PAGE = (Path(__file__).parents[2] / "docs" / "key-fingerprint.md").read_text(encoding="utf-8")
PROGRAMS: list[object] = [
    pytest.param("python", "healthz.py", [sys.executable, "healthz.py"], id="python"),
    pytest.param("js", "healthz.cjs", [NODE.path, "healthz.cjs"], marks=NODE.needed, id="node"),
    pytest.param("ruby", "healthz.rb", [RUBY.path, "healthz.rb"], marks=RUBY.needed, id="ruby"),
    pytest.param("go", "healthz.go", [GO.path, "run", "healthz.go"], marks=GO.needed, id="go"),
    pytest.param("java", "Healthz.java", [JAVA.path, "Healthz.java"], marks=JAVA.needed, id="java"),
    pytest.param("php", "healthz.php", [PHP.path, "-S", "127.0.0.1:{port}", "healthz.php"], marks=PHP.needed, id="php"),
]


@pytest.mark.server
@pytest.mark.parametrize(("language", "file", "argv"), PROGRAMS)
def test_a_check_passes_against_the_program_of_the_page(language: str, file: str, argv: Sequence[str], tmp_path: Path) -> None:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / file).write_text(code, encoding="utf-8")
    held, other, port = key(), key(), _free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": str(port), "STRIPE_SECRET_KEY": held.reveal()}
    command = [word.format(port=port) for word in argv]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=said, stderr=said, start_new_session=True)
        try:
            _await(port, process)
            assert _passes(port, held) and not _passes(port, other)
        finally:
            os.killpg(process.pid, 9)  # `go run` has a child
            process.wait()


def _passes(port: int, expected: Secret) -> bool:
    url, expect = f"http://127.0.0.1:{port}/healthz", {"key_fingerprint": "{{ new.fingerprint }}"}
    check = HttpVerifier(url=url, json=expect, resolve=Secret).check(Expected(expected.fingerprint))
    assert check.proves == "holds-key" and check.passed is not None, check.said
    return check.passed


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120.0  # compiling Go for the first time takes a while
    while True:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5.0)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        else:
            connection.close()
            return


def test_the_example_of_the_page_keeps_the_name_of_a_missing_permission_and_forgets_it() -> None:
    (code,) = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page

    def refused() -> None:
        raise stripe.PermissionError("on account 'acct_1'. Having the 'rak_charge_read' permission would allow this request to continue.")

    with pytest.raises(stripe.PermissionError):
        names["watched"](refused)
    assert list(names["lacks"]) == ["charge_read"] and names["lacks"]["charge_read"] > 0
    assert names["watched"](lambda: 7) == 7 and names["lacks"] == {}
