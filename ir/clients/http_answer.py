"""Read an HTTP/1.1 answer: skip interim answers, and unpack a compressed body."""

import http.client
import zlib
from http import HTTPStatus

from ir.core.errors import Rejected

_MOST_INTERIM = 20


class FinalResponse(http.client.HTTPResponse):
    """Skip the 1xx answers that may precede the final one (RFC 9110, 15.2); the library skips 100 alone."""

    def begin(self) -> None:
        """Read up to the body of the final answer. Raises as the library does."""
        super().begin()
        for _ in range(_MOST_INTERIM):
            if not 100 <= self.status < 200 or self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # or the library takes it to have begun
            super().begin()
        raise http.client.HTTPException("interim answers without an end")


def unpacked(data: bytes, encoding: str, most: int) -> bytes:
    """Unpack a body. We ask for unpacked bodies, and some servers pack them all the same.

    Raises:
        Rejected: an encoding that is not known, or more than `most` bytes.
        OSError: it is torn.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",") if part.strip()]):
        if name in ("gzip", "x-gzip"):
            data = _inflated(data, 16 + zlib.MAX_WBITS, most)
        elif name == "deflate":
            data = _inflated(data, zlib.MAX_WBITS if data[:1] == b"\x78" else -zlib.MAX_WBITS, most)
        elif name != "identity":
            raise Rejected(f"the answer is packed in a way that was not asked for ({name[:20]})")
    return data


def _inflated(data: bytes, kind: int, most: int) -> bytes:
    if not data:
        return data
    machine = zlib.decompressobj(kind)
    try:
        found = machine.decompress(data, most + 1)
    except zlib.error:
        raise OSError("torn") from None
    if len(found) > most:
        raise Rejected(f"the answer is larger than {most // 1024} KiB")
    if not machine.eof:
        raise OSError("torn")
    return found
