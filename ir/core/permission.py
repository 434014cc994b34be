"""The one form of a permission's name (`charge_read`, `rak_charge_read`) in text that is not trusted: of Stripe's, or of a service."""

import re

_FORM = r"(?:rak_)?(?![rsp]k_)([a-z][a-z0-9_]{1,60}_(?:read|write))"
_NAME = re.compile(_FORM)
_QUOTED = re.compile(rf"['\"`(]{_FORM}['\"`)]")


def named(text: str) -> str:
    """The permission that a text is, or that a refusal in it names; "" where it names none."""
    found = _NAME.fullmatch(text.strip())
    return found.group(1) if found else in_message(text)


def in_message(message: str) -> str:
    """The permission that a refusal of Stripe's names, in quotes or brackets; "" = none."""
    found = _QUOTED.search(message)
    return found.group(1) if found else ""
