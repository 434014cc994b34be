"""Text that may stand on a terminal: no secrets, no control characters, no markup."""

import json

from rich.markup import escape

from ir.core.secret import scrub


def plain(text: str) -> str:
    """`text` for a console that reads markup."""
    return escape(printable(text))


def printable(text: str) -> str:
    """`text` for a terminal itself."""
    return "".join(c if c == "\n" or (c.isprintable() and c not in "\u202a\u202b\u202d\u202e\u2066\u2067") else "·" for c in scrub(text))


def escaped(document: str) -> str:
    """A JSON document in which nothing that is not printable stands as it is: JSON itself lets some terminal controls through."""
    if document.isascii() and "\x7f" not in document:
        return document
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] if c != "\x7f" else "\\u007f" for c in document)
