"""Find commands of `ir` inside a sentence, so that the screen shows them whole and a person can copy them."""

import re

_NAME = r"[a-z0-9](?:[\w.-]*\w)?"
_VALUE = r"""(?:'[^']*'|"[^"]*"|[^\s;,`()'"→]*[^\s;,`()'"→.:])"""
_GROUPS = "review|drill|inventory|playbook|campaign|schedule|evidence|alert|rules"
_HEAD = rf"(?:rotate stripe(?:-webhook)?(?: {_NAME})?|contain(?: {_NAME})?|(?:{_GROUPS}) [a-z]+|[a-z]+)"
_ARGUMENT = rf"(?:--[a-z0-9-]+(?: (?!--){_VALUE})?|[A-Z/.]{_VALUE}|[\w-]*[./]{_VALUE}|'[^']*')"
COMMAND = re.compile(rf"(?<![\w./-])ir {_HEAD}(?: {_ARGUMENT})*")
"""`ir` with its command, arguments and options, without the sentence around it."""


def first(text: str) -> str:
    """The first command that a text names, "" when it names none."""
    found = COMMAND.search(text)
    return found[0] if found else ""
