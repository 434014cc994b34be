"""What listings of names share: many parts looked at side by side, what fails is said, and times as the hosts write them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from ir.core.errors import PortError
from ir.ports.listing import Listing

_AT_ONCE = 8
"""Parts that are looked at together: hosts limit how many calls of one login they answer at once."""


def side_by_side(parts: Sequence[str], look: Callable[[str], Listing], noun: str) -> list[Listing]:
    """A look at each part; one that fails is named as unseen, and the others count. Raises PortError when all fail."""
    failed: list[PortError] = []

    def one(part: str) -> Listing:
        try:
            return look(part)
        except PortError as error:
            failed.append(error)
            return Listing((), (f"what lies in {noun} {part}: {error.what}",))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one, parts))
    if failed and len(failed) == len(parts):
        raise failed[0]
    return found


def moment(text: object) -> float:
    """A time in ISO 8601 as epoch seconds, 0 for none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


def moment_ms(number: object) -> float:
    """Milliseconds since the epoch as seconds, 0 for none."""
    return number / 1000 if isinstance(number, int | float) and not isinstance(number, bool) else 0.0
