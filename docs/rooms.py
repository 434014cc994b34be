"""The rooms of `ir/` as `docs/architecture.md` shows them: read from the import contract, the packages and their imports.

A floor is one line of the layers contract in `pyproject.toml`. A room is a folder of `ir/`; its sentence is the first one
of its docstring, and its libraries are what its files import from outside.
"""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "ir"


def floors() -> list[list[str]]:
    """The rooms of each floor, top floor first, as the import contract names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(row["layers"] for row in contracts if row["type"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in layers]


def inner(room: Path) -> list[Path]:
    """The rooms inside a room, by name; a folder that holds data alone is none."""
    return sorted(folder for folder in room.iterdir() if (folder / "__init__.py").is_file())


def within(room: Path) -> list[Path]:
    """All rooms inside a room, however deep, each after the one that holds it."""
    return [deeper for folder in inner(room) for deeper in (folder, *within(folder))]


def sentence(room: Path) -> str:
    """The first sentence of a room's docstring.

    Raises:
        ValueError: the room has no docstring.
    """
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    if not said:
        raise ValueError(f"{room.relative_to(ROOT)}/__init__.py says nothing about its room")
    return re.split(r"(?<=\.)\s", said.replace("\n", " "), maxsplit=1)[0]


@cache
def libraries(room: Path) -> tuple[str, ...]:
    """The libraries from outside that the files of a room import, by name, those of its inner rooms included."""
    found = {name for file in room.rglob("*.py") for name in _imported(file)}
    return tuple(sorted(found - set(sys.stdlib_module_names) - {"ir"}))


def _imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | named}


def table() -> str:
    """All floors and rooms as a Markdown table."""
    rows = ["| floor | room | what it is | libraries |", "|---|---|---|---|"]
    for number, rooms in zip(range(len(floors()), 0, -1), floors(), strict=True):
        for room in rooms:
            rows += [_row(str(number), HOUSE / room), *(_row("", folder) for folder in within(HOUSE / room))]
    return "\n".join(rows) + "\n"


def _row(number: str, room: Path) -> str:
    names = ", ".join(libraries(room)) if not inner(room) else ""
    return f"| {number} | `{room.relative_to(HOUSE)}/` | {sentence(room)} | {names} |"
