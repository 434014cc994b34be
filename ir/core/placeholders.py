"""The closed list of placeholders that an inventory may use; replaced literally, never a template language."""

import re

PLACEHOLDERS = ("new.fingerprint", "new.id")
_MARK = re.compile(r"\{\{([^{}]*)\}\}")


def check_placeholders(text: str) -> None:
    """Raises ValueError when `text` holds a placeholder that is not on the list."""
    rest = _MARK.sub(lambda hit: "" if hit.group(1).strip() in PLACEHOLDERS else hit.group(0), text)
    _, opened, inside = rest.partition("{{")
    if opened and "}}" in inside:
        name = inside.partition("}}")[0].strip()
        raise ValueError(f"`{{{{ {name[:40]} }}}}` is not a placeholder; known: {', '.join(PLACEHOLDERS)}")


def fill(text: str, *, fingerprint: str, key_id: str) -> str:
    """`text` with every placeholder replaced."""
    values = {"new.fingerprint": fingerprint, "new.id": key_id}
    return _MARK.sub(lambda hit: values.get(hit.group(1).strip(), hit.group(0)), text)
