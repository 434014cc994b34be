"""The marks that we leave beside a key while an incident runs: owner, time and purpose."""

import socket
from datetime import UTC, datetime

from ir.core.login import login


def owner() -> str:
    """The user and host that run this, so that a finder of our marks knows whom to ask."""
    return f"{login()}@{socket.gethostname()}"


def now() -> str:
    """The current second, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def epoch(text: str) -> float:
    """Seconds since 1970 of what `now` wrote; 0 for anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError):
        return 0.0
