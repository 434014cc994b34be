"""One call of a vendor's library, whose exceptions end here, because they may hold requests and with them keys."""

from collections.abc import Callable
from typing import TypeVar

from ir.core.errors import PortError

T = TypeVar("T")


def asked(call: Callable[[], T], told: Callable[[Exception], PortError | None]) -> T:
    """The answer.

    Args:
        call: the call.
        told: what an exception means in our words; None: it is not the library's, and goes on as it is.

    Raises:
        PortError: as `told` says; it does not hold on to the library's exception, not as its context either.
    """
    try:
        return call()
    except Exception as error:
        failed = told(error)
        if failed is None:
            raise
    raise failed
