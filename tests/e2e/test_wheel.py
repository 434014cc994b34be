"""The built wheel, installed into a fresh environment in one line: it starts, brings its own files, and rehearses a rotation.

The libraries are those of this environment, so that no package index is asked; the installer checks that they are all that `ir` names.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

import ir
from tests.worlds.responder import responder

pytestmark = pytest.mark.xdist_group("wheel")  # one process builds and installs it, for all of them
ROOT = Path(ir.__file__).resolve().parents[1]


def run(argv: Sequence[str | Path], folder: Path, **more: str) -> str:
    """A program that has to succeed, without anything of the checkout on its path; what it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = {"HOME": str(folder), "IR_HOME": str(folder / "home"), "COLUMNS": "200"}
    done = subprocess.run(argv, cwd=folder, env={**kept, **home, **more}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `ir` of the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder / "dist"], ROOT)
    run([sys.executable, "-m", "venv", folder / "fresh"], folder)
    libraries = folder / "libraries"
    libraries.mkdir()
    for there in Path(sysconfig.get_path("purelib")).iterdir():
        if "ir_stripe" not in there.name and there.name not in ("pip", "setuptools"):
            (libraries / there.name).symlink_to(there)
    python = folder / "fresh" / "bin" / "python"
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    (Path(site) / "libraries.pth").write_text(f"{libraries}\n")
    (wheel,) = (folder / "dist").iterdir()
    run([python, "-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel], folder)
    assert Path(run([python, "-c", "import ir; print(ir.__file__)"], folder).strip()).is_relative_to(site)
    return python.with_name("ir")


def test_it_tells_its_version_and_its_commands(program: Path, tmp_path: Path) -> None:
    assert ir.__version__ in run([program, "--version"], tmp_path)
    assert "rotate" in run([program, "--help"], tmp_path)


def test_it_brings_its_man_page(program: Path) -> None:
    page = program.parent.parent / "share" / "man" / "man1" / "ir.1"
    assert page.read_text(encoding="utf-8") == (ROOT / "docs" / "ir.1").read_text(encoding="utf-8")


def test_it_brings_its_playbooks(program: Path, tmp_path: Path) -> None:
    assert "stripe-exposed" in run([program, "playbook", "show", "stripe-exposed"], tmp_path)


@pytest.mark.server
def test_it_rehearses_a_rotation_and_changes_nothing(program: Path, tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        before = [file.read_bytes() for file in world.files]
        run([program, "rotate", "stripe", "--inventory", "inventory.yaml", "--policy", "exposed", "--dry-run", "--yes"], world.folder)
        assert [file.read_bytes() for file in world.files] == before
        assert (world.twin.is_alive(world.leaked), world.live()) == (True, [])
