"""Write the generated parts of the pages, the man page, and what is found out beforehand anew: `python -m docs.generate` (`make docs`).

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test regenerates all of them and
compares, so no page can say what the code does not do.
"""

import io
import json
import os
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

from docs import errors, man_page, rooms
from ir.cli import run
from ir.core.errors import ExitCode
from ir.core.store_kind import SCHEMES
from ir.incident import playbook
from ir.incident.action_catalog import ACTIONS
from ir.incident.reversibility import CONTAINS
from ir.incident.standing import STATES
from ir.inventory import schema
from ir.review import reviewer
from ir.review.detect import rules

README = Path(__file__).resolve().parent.parent / "README.md"
PAGES = (
    README,
    *(README.parent / "docs" / name for name in ("architecture.md", "hosts.md", "reference.md", "review-schema.md", "troubleshooting.md")),
)
INVENTORY_SCHEMA = README.parent / "docs" / "inventory.schema.json"
BLIND_REVIEW = README.parent / "ir" / "review" / reviewer.BLIND
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z -]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


def _help(*command: str) -> str:
    out = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"  # help is wrapped to the terminal; the README has one width
    try:
        with redirect_stdout(out):
            code = run([*command, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    if code != 0:
        raise RuntimeError(f"{command} --help ended with {code}")
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "```text\n" + "\n".join(lines).strip() + "\n```\n"


def _exit_codes() -> str:
    rows = "".join(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)
    return "| code | meaning |\n|---|---|\n" + rows


def _states() -> str:
    rows = "".join(f"| {word} | {meaning} |\n" for word, meaning in STATES.items())
    return "| state | meaning |\n|---|---|\n" + rows


def _actions() -> str:
    rows = ""
    for name, action in ACTIONS.items():
        ways = {f"`{name}`": action} if name != "contain" else {f"`{name}`: {way.value}": effect for way, effect in CONTAINS.items()}
        rows += "".join(f"| {who} | {does.danger.value} | {does.says} | {does.undo or '—'} |\n" for who, does in ways.items())
    return "| action | danger | what it does | undo |\n|---|---|---|---|\n" + rows


def _playbooks() -> str:
    books = [playbook.load(name) for name in playbook.shipped()]
    return "".join(f"- **{book.name}** ({book.policy.value}): {book.about}\n" for book in books)


def _stores() -> str:
    rows = ""
    for name, scheme in SCHEMES.items():
        can = scheme.promises
        marks = [can.stage, can.reads, can.compare, can.custody, can.tells_writer]
        rows += f"| `{name}://` | {can.kind} | {' | '.join('yes' if mark else '—' for mark in marks)} | {can.undo or 'is only read'} |\n"
    head = "| place | kind | stages | reads back | compare-and-set | custody | tells who changed it | undo |\n"
    return f"{head}|{'---|' * 8}\n{rows}"


def _rules() -> str:
    rows = "".join(f"| {rule.id} | {rule.title} | {rule.level} | {rule.judges} |\n" for rule in rules.load_rules())
    return "| rule | what it finds | level | about |\n|---|---|---|---|\n" + rows


PARTS: dict[str, Callable[[], str]] = {
    "help": lambda: _help(),
    "rotate help": lambda: _help("rotate", "stripe"),
    "states": _states,
    "exit codes": _exit_codes,
    "actions": _actions,
    "playbooks": _playbooks,
    "rooms": rooms.table,
    "rules": _rules,
    "stores": _stores,
    "errors": errors.table,
}


def blind_review() -> str:
    """What a review without sources says, as `ir.review.reviewer.blind` reads it."""
    return json.dumps(asdict(reviewer.found_blind()), indent=1) + "\n"


def generated(text: str) -> str:
    """`text` with every generated part written anew.

    Raises:
        KeyError: a part that nobody generates.
    """
    return _PART.sub(lambda hit: f"{hit[1]}{PARTS[hit['name']]()}{hit[4]}", text)


if __name__ == "__main__":
    man_page.write()
    INVENTORY_SCHEMA.write_text(schema.text(), encoding="utf-8")
    BLIND_REVIEW.write_text(blind_review(), encoding="utf-8")
    for page in PAGES:
        page.write_text(generated(page.read_text(encoding="utf-8")), encoding="utf-8")
