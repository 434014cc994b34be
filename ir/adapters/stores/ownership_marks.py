"""What we leave beside a key while an incident runs: who, since when, and what for."""

import socket
from datetime import UTC, datetime

from ir.core.login import login


def owner() -> str:
    """Who runs this: user and host, so that whoever finds our marks knows whom to ask."""
    return f"{login()}@{socket.gethostname()}"


def now() -> str:
    """This second, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def epoch(text: str) -> float:
    """Seconds since 1970 of what `now` wrote; 0 for anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError):
        return 0.0
