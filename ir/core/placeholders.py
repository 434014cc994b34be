"""The closed list of placeholders that an inventory may use; replaced literally, never a template language."""

import re

PLACEHOLDERS = ("new.fingerprint", "new.id")
_MARK = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def check_placeholders(text: str) -> None:
    """Raises ValueError when `text` holds a placeholder that is not on the list."""
    for name in _MARK.findall(text):
        if name not in PLACEHOLDERS:
            raise ValueError(f"`{{{{ {name[:40]} }}}}` is not a placeholder; known: {', '.join(PLACEHOLDERS)}")


def fill(text: str, *, fingerprint: str, key_id: str) -> str:
    """`text` with every placeholder replaced."""
    values = {"new.fingerprint": fingerprint, "new.id": key_id}
    return _MARK.sub(lambda hit: values.get(hit.group(1), hit.group(0)), text)
