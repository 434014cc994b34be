"""What a person reads on the screen: the question that stands there, and what they are told to click."""

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

QUICK = ("--playbook", "./quick.yaml")
PROMPT = re.compile(r"(?:\[y/N\]|or n:|\(not shown\):|to leave\.|\([a-z ]+(?: \| [a-z ]+)+\)(?: \[[a-z ]*\])?)\s*$")
"""How every question ends."""
CHOICE = re.compile(r"\(([a-z ]+(?: \| [a-z ]+)+)\)")
_BY_NAME = re.compile(r"Type (?:.*?)to confirm, or n:\s*$")


class Told(StrEnum):
    """Kinds of instruction."""

    CREATE = "create"
    ROTATE = "rotate"
    GIVE = "give"
    POLICY = "policy"
    KILL = "kill"


_TOLD = (
    (Told.CREATE, re.compile(r"`Create secret key`.{0,200}?Key name: (\S+?)\. Click")),
    (Told.ROTATE, re.compile(r"click ⋯ > `Rotate key`\. Expiration: `Now`\.()")),
    (Told.GIVE, re.compile(r"Copy it from the Dashboard's dialog()")),
    (Told.POLICY, re.compile(r"IP policy that allows only: ([0-9./, ]+?)\. ")),
    (Told.KILL, re.compile(r"is to be killed\..{0,400}?token ends in …(\w{4}).{0,1200}?every [0-9.]+ s")),
)


@dataclass(frozen=True)
class Instruction:
    """One of them; `what` is a name, addresses, or last four characters."""

    told: Told
    what: str


def instruction(text: str) -> Instruction | None:
    """The last whole one in a text."""
    hits = [(hit.start(), Instruction(told, hit.group(1))) for told, pattern in _TOLD for hit in pattern.finditer(text)]
    return max(hits, key=lambda row: row[0])[1] if hits else None


def by_name(question: str) -> bool:
    """Whether it confirms what cannot be undone."""
    return _BY_NAME.search(question) is not None


def command(named: str) -> list[str]:
    """The words of the next command after `ir`, with a quicker playbook; none where it is not one of those that a person may need."""
    words = shlex.split(named)
    if words[:1] != ["ir"] or words[1] not in ("resume", "rotate", "contain", "status"):
        return []
    if words[1] == "status":  # a process that ended a moment ago may still look alive
        return ["resume"]
    return [*words[1:], *QUICK] if words[1] == "rotate" else words[1:]
