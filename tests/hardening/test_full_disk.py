"""A disk that is full, under the record of an incident or an env file: told as such, nothing half, and room is all it takes to go on."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.core.errors import Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.responder import ended, responder
from tests.worlds.stores import key

FULL = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2); from ir.cli import main; main()"
"""The command line in a process in which no file can grow beyond a size: what a write meets is what it meets on a full disk."""
ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
INCIDENT = "INC-20261123-ab12"


@pytest.mark.server
@pytest.mark.parametrize("size", [20_000, 286_000], ids=["from the start", "in the middle"])
def test_an_incident_whose_record_has_no_room_goes_on_when_there_is_some(tmp_path: Path, size: int) -> None:
    with responder(tmp_path / "world") as world:
        code, said = ended(world.start(str(size), *ROTATE, program=("-c", FULL)))
        assert code == 1 and re.search(r"record cannot be written|database of incidents cannot be used", said), said
        assert "bug" not in said and world.twin.is_alive(world.leaked), said
        words = ("resume", *world.incidents(), "--yes") if size > 100_000 else ROTATE
        code, said = world.ir(*words)
        assert (code, world.is_whole()) == (0, ""), said


class _Full:
    """The system, whose writing call of that number, and those after it, find no room."""

    def __init__(self, spared: int) -> None:
        self.left = spared

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(found) if name in ("write", "fsync", "rename", "open") else found

    def _counted(self, found: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            makes = found is not os.open or args[1] & os.O_CREAT
            self.left -= bool(makes)
            if makes and self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return found(*args, **kwargs)

        return counted


def test_an_env_file_is_whole_whenever_the_room_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = key(), key()
    file = tmp_path / "app.env"
    file.write_text(f"A=1\nKEY={old.reveal()}\nB=2\n")
    file.chmod(0o600)
    before = store(tmp_path).read().version
    fails = 0
    works: list[tuple[Callable[[Store], object], Secret]] = [
        (lambda store: store.keep(INCIDENT, "old", old), old),
        (lambda store: store.stage(INCIDENT, new), old),
        (lambda store: store.promote(INCIDENT, new, expected=before), new),
        (lambda store: store.undo(INCIDENT, old, new), old),
        (lambda store: store.discard(INCIDENT), old),
    ]
    for work, after in works:
        for spared in range(30):
            monkeypatch.setattr("ir.adapters.stores.private_file.os", _Full(spared))
            failed = said_by(work, store(tmp_path))
            monkeypatch.undo()
            if not failed:
                break
            fails += 1
            assert "No space left" in failed
            assert file.read_text() in {f"A=1\nKEY={one.reveal()}\nB=2\n" for one in (old, new)}
            assert [path.name for path in tmp_path.glob("*.tmp")] == []
        assert store(tmp_path).read().value == after
    assert fails > 8
    assert [path.name for path in tmp_path.iterdir()] == ["app.env"]


def said_by(work: Callable[[Store], object], store: Store) -> str:
    """What is said when it fails, "" when it does not."""
    try:
        work(store)
    except Unknown as error:
        return error.what
    return ""


def store(folder: Path) -> DotenvStore:
    """As a fresh process has it."""
    return DotenvStore(parse("dotenv://app.env#KEY"), base=folder)
