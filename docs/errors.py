"""The table of errors of docs/troubleshooting.md, read from the places in the code that raise them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ir.core import errors
from ir.core.errors import IrError

_CODE = Path(__file__).resolve().parents[1] / "ir"
_CLASSES = {name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, IrError)}
_STEP = "next_step"


@dataclass(frozen=True, order=True)
class Told:
    """One error as a person meets it: what it says (`…` for what differs), what to do, and the exit code where it has one of its own."""

    says: str
    do: str
    code: int


def table() -> str:
    """All errors that say what to do, by what they say."""
    found: dict[str, Told] = {}
    for path in sorted(_CODE.rglob("*.py")):
        for told in _of(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(told.says, told)
    rows = sorted(found.values(), key=lambda told: told.says.lstrip("…`' ").lower())
    lines = [f"| {_cell(told.says)} | {_cell(told.do)} | {told.code or '—'} |" for told in rows]
    return "| it says | do | exit |\n|---|---|---|\n" + "\n".join(lines) + "\n"


def _of(tree: ast.AST) -> Iterator[Told]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CLASSES):
            continue
        says = _text(node.args[0]) if node.args else ""
        do = next((_text(word.value) for word in node.keywords if word.arg == _STEP), "")
        if len(says.replace("…", "").strip()) > 8 and len(do.replace("…", "").strip()) > 3:
            code = int(getattr(errors, node.func.id).exit_code)
            yield Told(says, do, 0 if code == int(errors.ExitCode.UNEXPECTED) else code)


def _text(node: ast.expr) -> str:
    """A text with `…` for what is put in; "" for what is not written in place."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return re.sub("…+", "…", "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values))
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
