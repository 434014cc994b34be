"""Write a file that a person asked for: complete or not at all, readable by its owner alone, whatever was in its place."""

import os
import secrets
import stat
from pathlib import Path

from ir.core.errors import UsageError


def write(target: Path, text: str) -> None:
    """Put a new file of mode 0600 in place of `target`, so that a reader of the former file cannot read the new one.

    Raises:
        UsageError: something else than a plain file stands there, or it cannot be written.
    """
    scratch = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
    try:
        if target.name in ("", "..") or (os.path.lexists(target) and not stat.S_ISREG(target.lstat().st_mode)):
            raise UsageError(f"{target} is not a plain file", safe="nothing was written", next_step="name a file that may be replaced")
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UsageError(f"{target} cannot be written: {error.strerror}", safe="nothing was written") from None
