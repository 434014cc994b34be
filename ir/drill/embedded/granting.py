"""The person of a drill whose replacement lacks a right: grants the right that a service was refused without, and confirms it."""

import re
from collections.abc import Callable

from ir.core.errors import ExitCode
from ir.drill.embedded.command_line import CommandLine, Ran

_ASKED = re.compile(rb"--grant\s+([a-z0-9_]+)")
_TO_CONFIRM = re.compile(rb"--debt\s+'(right\s+[a-z0-9_]+)'")


def help_with_rights(line: CommandLine, say: Callable[[str], None], incident: str, last: Ran) -> bool:
    """What a run that waits, or that has something left to do, asks for; whether it asked for anything of the kind."""
    asked = dict.fromkeys(name.decode() for name in _ASKED.findall(last.output))
    for name in asked:
        say(f"the human lets the replacement have {name}")
        line.run("approve", incident, "--grant", name, "--reason", "the service pays with it")
    if asked or last.code != ExitCode.DEBT:
        return bool(asked)
    learned = dict.fromkeys(b" ".join(name.split()).decode() for name in _TO_CONFIRM.findall(last.output))
    for about in learned:
        say(f"the human confirms that the {about} is meant")
        line.run("close", incident, "--debt", about, "--attest", "the service pays with it", "--by", "drill")
    return bool(learned)
