"""What is on the disk after a power cut: the order of the calls that write an env file, as a tracer sees them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.core.reference import parse
from ir.core.secret import Secret


def test_a_power_cut_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Data is synced before the rename, the folder after it, and the file itself is never opened for writing."""
    file = tmp_path / "app.env"
    file.write_text("A=1\nKEY=old\n")
    file.chmod(0o600)
    seen: list[str] = []
    fsyncs = _counted(seen)
    store = DotenvStore(parse("dotenv://app.env#KEY"), base=tmp_path)
    store.promote("INC-20261123-0001", Secret("new"), expected=store.read().version)
    fsyncs()
    assert file.read_text() == "A=1\nKEY=new\n"
    opened = [line for line in seen if line.startswith("open for writing")]
    names = {Path(line.removeprefix("open for writing ")).name for line in opened}
    assert names and "app.env" not in names, "the file itself was opened for writing"
    rename = seen.index("rename")
    assert "sync file" in seen[:rename], "the new content was not synced before it took the old one's place"
    assert "sync folder" in seen[rename:], "the rename was not synced"


_heard: list[list[str]] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _heard:
        return
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR) and isinstance(args[0], (str, os.PathLike)):
        _heard[0].append(f"open for writing {os.fspath(args[0])}")
    if event == "os.rename":
        _heard[0].append("rename")


def _counted(seen: list[str]) -> Callable[[], None]:
    """Note opens, renames (by the interpreter's audit events) and syncs, until the result is called."""
    if not getattr(_counted, "hooked", False):
        sys.addaudithook(_hook)
        _counted.hooked = True  # type: ignore[attr-defined]  # an audit hook can never be removed again
    _heard.append(seen)
    patch = pytest.MonkeyPatch()
    real = os.fsync

    def fsync(handle: int) -> None:
        seen.append("sync folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "sync file")  # noqa: PTH112 - a descriptor
        real(handle)

    patch.setattr(os, "fsync", fsync)

    def stop() -> None:
        patch.undo()
        _heard.clear()

    return stop
