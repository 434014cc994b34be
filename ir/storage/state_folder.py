"""The folder of the tool's own state: `IR_HOME`, else the XDG state folder; only its owner may look inside."""

import os
import stat
from pathlib import Path

from ir.core.errors import Refused


def folder(environment: dict[str, str] | None = None) -> Path:
    """The state folder, created 0700.

    Raises:
        Refused: it cannot be made, is a link, belongs to another user, or holds what others may have planted there.
    """
    env = dict(os.environ) if environment is None else environment
    named = env.get("IR_HOME")
    base = Path(named) if named else Path(env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ir"
    try:
        if base.is_symlink():
            raise Refused(f"the state folder {base} is a link", next_step="set IR_HOME to a real folder")
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = base.stat()
    except (OSError, ValueError) as error:
        said = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not a path"
        raise Refused(f"there can be no state folder {base}: {said}", next_step="set IR_HOME to a folder of yours") from None
    if info.st_uid != os.geteuid():
        raise Refused(f"the state folder {base} belongs to user {info.st_uid}", next_step="set IR_HOME to a folder of yours")
    if stat.S_IMODE(info.st_mode) & 0o077:
        base.chmod(0o700)
    if stat.S_IMODE(info.st_mode) & 0o022:
        _refuse_planted(base)
    return base


def _refuse_planted(base: Path) -> None:
    """Refuse a folder that others could write into until now: their files would be taken for our own record."""
    for entry in os.scandir(base):
        if entry.is_symlink() or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            raise Refused(
                f"others could write into the state folder {base}, and {entry.name} in it is a link or somebody else's",
                safe="nothing was changed",
                next_step="look at it, then remove it, or set IR_HOME to a new folder",
            )


def private(path: Path) -> Path:
    """A folder under the state folder, created 0700.

    Raises:
        Refused: there is a link in its place.
    """
    if path.is_symlink():
        raise Refused(f"{path} is a link", safe="nothing was changed", next_step="remove it")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
