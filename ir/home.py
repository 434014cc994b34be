"""Where the tool keeps its own state: `IR_HOME`, else the XDG state folder; only its owner may look inside."""

import os
import stat
from pathlib import Path

from ir.errors import Refused


def folder(environment: dict[str, str] | None = None) -> Path:
    """The state folder, created 0700.

    Raises:
        Refused: it is a link, belongs to somebody else, or others may enter it.
    """
    env = dict(os.environ) if environment is None else environment
    named = env.get("IR_HOME")
    base = Path(named) if named else Path(env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ir"
    if base.is_symlink():
        raise Refused(f"the state folder {base} is a link", next_step="set IR_HOME to a real folder")
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = base.stat()
    if info.st_uid != os.geteuid():
        raise Refused(f"the state folder {base} belongs to user {info.st_uid}", next_step="set IR_HOME to a folder of yours")
    if stat.S_IMODE(info.st_mode) & 0o077:
        base.chmod(0o700)
    return base


def private(path: Path) -> Path:
    """A folder under the state folder, created 0700."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
