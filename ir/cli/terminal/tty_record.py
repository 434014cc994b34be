"""A note of a terminal's mode before we silenced it, in the state folder: after a SIGKILL the next `ir` restores it.

One file per terminal and process. Several processes may hold one terminal: all know what it was like before the first of them.
"""

import json
import os
import termios
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ir.cli.terminal import tty_mode
from ir.cli.terminal.tty_mode import Attributes
from ir.core.errors import IrError
from ir.storage import process_table, state_folder

_FOLDER = "terminals"


@dataclass(frozen=True)
class Record:
    """Who holds a terminal, and what it was like before."""

    file: Path
    device: int
    pid: int
    born: str
    before: Attributes

    @property
    def alive(self) -> bool:
        """Whether the holder still runs."""
        return process_table.born(self.pid) == self.born if self.born else _runs(self.pid)


def write(handle: int, before: Attributes) -> Path | None:
    """Note that this process holds the terminal; None where nothing can be noted, which costs only the repair after a SIGKILL."""
    with suppress(OSError, IrError):
        device, pid = os.fstat(handle).st_rdev, os.getpid()
        file = state_folder.private(state_folder.folder() / _FOLDER) / f"{device}-{pid}.json"
        told = {"device": device, "pid": pid, "born": process_table.born(pid), "before": _as_json(before)}
        file.touch(mode=0o600)
        file.write_text(json.dumps(told), encoding="utf-8")
        return file
    return None


def of(handle: int) -> list[Record]:
    """Other processes that held or hold this terminal."""
    try:
        device, folder = os.fstat(handle).st_rdev, _known_folder()
        files = sorted(folder.glob(f"{device}-*.json")) if folder is not None else []
    except OSError:
        return []
    return [found for file in files if (found := _read(file)) is not None and found.device == device and found.pid != os.getpid()]


def put_right(handle: int) -> bool:
    """Restore a terminal that a killed `ir` left silent, unless its mode was changed since; True: it was restored."""
    dead = [record for record in of(handle) if not record.alive]
    mended = False
    with suppress(OSError, termios.error):
        now = termios.tcgetattr(handle)
        found = next((record for record in dead if tty_mode.ours(now, record.before)), None)
        if found is not None and tty_mode.in_front(handle) and not any(record.alive for record in of(handle)):
            tty_mode.apply(handle, tty_mode.silent(found.before))
            tty_mode.discard(handle)
            tty_mode.apply(handle, found.before)
            mended = True
    for record in dead:
        with suppress(OSError):
            record.file.unlink(missing_ok=True)
    return mended


def _known_folder() -> Path | None:
    """Where the notes lie, if the state folder was made already: looking makes none."""
    named = os.environ.get("IR_HOME")
    base = Path(named) if named else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ir"
    folder = base / _FOLDER
    return folder if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid() else None


def _read(file: Path) -> Record | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Record(file, int(told["device"]), int(told["pid"]), str(told["born"]), _from_json(told["before"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _as_json(before: Attributes) -> list[object]:
    return [*before[:6], [one.hex() if isinstance(one, bytes) else one for one in before[6]]]


def _from_json(told: list[object]) -> Attributes:
    characters = told[6]
    if not isinstance(characters, list):
        raise TypeError("no control characters")
    return [*told[:6], [bytes.fromhex(one) if isinstance(one, str) else one for one in characters]]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
