"""Guess whether what is typed at a question that is shown is a key, or a part of one, before any of it stands on the screen. Pure."""

import re
from collections.abc import Sequence

PASTE = 8
"""Characters that come at once, and that no hand typed one by one."""
_STRANGE = 12
"""Characters of a paste that is none of the answers, or by which typing may run over the longest answer: more may be a part of a key."""
_PREFIX = re.compile(r"(?<![A-Za-z0-9])(?:sk|rk|pk|ek|mk|rkcs|whsec)_|(?:sk|rk|pk|ek|rkcs)_(?:org_)?(?:live|test|prod)_|whsec_")
"""Prefixes as `ir.core.key_kind` has them; an inventory's own names, such as `task_runner`, begin otherwise."""
_RUN = re.compile(r"(?:(?<![A-Za-z0-9])([a-z]{2,12})_)?([A-Za-z0-9]{16,})")
_OF_A_KEY = ("live", "test", "prod", "org")
"""Words that end the prefix of a key; before others stands the kind of an id, such as `evt_`."""


def may_be_key(text: str, answers: Sequence[str], *, pasted: bool) -> bool:
    """Whether `text`, typed so far, may be a key.

    Args:
        text: the line so far.
        answers: all that the question takes; none = any text.
        pasted: it came at once.
    """
    typed = text.strip().casefold()
    if any(answer.casefold().startswith(typed) for answer in answers):
        return False
    if _PREFIX.search(text):
        return True
    if not answers:
        return any(_random(*run.groups()) for run in _RUN.finditer(text))
    return len(typed) > (_STRANGE if pasted else _STRANGE + max(map(len, answers)))


def _random(kind: str | None, body: str) -> bool:
    """Whether letters and digits stand together as chance puts them: capitals, small letters and digits, and no kind of id in front."""
    mixed = all(any(test(c) for c in body) for test in (str.isupper, str.islower, str.isdigit))
    return mixed and (kind is None or kind in _OF_A_KEY)
