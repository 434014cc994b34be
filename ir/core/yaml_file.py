"""Read YAML that a person wrote: parsed safely, checked by pydantic, refused with file, line, path and fix.

Aliases are refused (a few lines can expand to gigabytes), so are duplicate keys, files over 1 MB, 250,000 values and nesting
over 30 levels. YAML 1.1 reads a bare `on:` or `yes:` as true; such a key is named in the error.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ir.core.errors import BadFile

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
MAX_VALUES = 250_000
MAX_DIGITS = 60
Lines = dict[tuple[str | int, ...], int]
M = TypeVar("M", bound=BaseModel)
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser where PyYAML has it: the Python parser needs 1.5 s for an inventory of 200 services."""


def read(path: Path) -> str:
    """The text of a file that only its owner (or root) can have written.

    Raises:
        BadFile: missing, unreadable, too large, not UTF-8, writable by others, or owned by another user.
    """
    name = str(path)
    try:
        # Opened without waiting for the other end of a pipe. The checks read the open file, so a name that is swapped meanwhile
        # changes nothing.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            info = os.fstat(stream.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise BadFile(name, 0, "", "is not a regular file")
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = os.strerror(error.errno or 0) if isinstance(error, OSError) else "is not a file name"
        raise BadFile(name, 0, "", said, "name an existing file") from None
    if len(data) > MAX_BYTES:
        raise BadFile(name, 0, "", f"has {max(info.st_size, len(data))} bytes; {MAX_BYTES} are the most", "split it")
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadFile(name, 0, "", "can be written by other users, who could send your key anywhere", f"chmod go-w {name}")
    if info.st_uid not in (0, os.geteuid()):
        raise BadFile(name, 0, "", f"belongs to user {info.st_uid}, not to you", "copy it, read it, use the copy")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadFile(name, 0, "", "is not UTF-8 text") from None


def parse(text: str, name: str) -> tuple[Any, Lines]:
    """The data, and the 1-based line of every path in it.

    Raises:
        BadFile: not YAML, or one of the things this module refuses.
    """
    if "\0" in text:
        raise BadFile(name, 0, "", "contains a NUL byte")
    try:
        _refuse_bombs(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise BadFile(name, 0, "", "is empty")
            lines: Lines = {}
            _walk(node, (), lines, name)
            return loader.construct_document(node), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadFile(name, line, "", f"is not YAML: {error.problem}", "mind the indentation and quotes") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadFile(name, 0, "", f"is not YAML: {type(error).__name__}") from None


def _refuse_bombs(text: str, name: str) -> None:
    """Refuse aliases, deep nesting and endless lists before anything is built. The C parser would build them without a limit."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if count > MAX_VALUES:
            raise BadFile(name, line, "", f"holds more than {MAX_VALUES} values", "split it")
        if isinstance(event, yaml.AliasEvent):
            raise BadFile(name, line, "", "uses a YAML alias", "write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            raise BadFile(name, line, "", f"is nested deeper than {MAX_DEPTH} levels")


def check(model: type[M], data: Any, lines: Lines, name: str) -> M:
    """`data` as a `model`.

    Raises:
        BadFile: naming every mistake, each with line, path and fix.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes = [_mistake(model, item["loc"], item, lines) for item in error.errors(include_url=False)]
        line, path, what, fix = mistakes[0]
        more = "".join(f"\n  also {name}:{ln}: {p}: {w}" for ln, p, w, _ in mistakes[1:10])
        raise BadFile(name, line, path, what + more, fix) from None


def _walk(node: yaml.Node, path: tuple[str | int, ...], lines: Lines, name: str) -> None:
    lines[path] = node.start_mark.line + 1
    if len(path) > MAX_DEPTH:
        raise BadFile(name, node.start_mark.line + 1, "", f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            word = str(key.value)
            if key.tag == "tag:yaml.org,2002:bool":
                raise BadFile(name, line, dotted(path), f"YAML reads the key `{word}:` as true or false", "use another word")
            if word in seen:
                raise BadFile(name, line, dotted((*path, word)), "is written here twice", "remove one")
            seen.add(word)
            _walk(value, (*path, word), lines, name)
            lines[(*path, word)] = line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, name)
    elif node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:  # `1:59:59…` is a number in YAML 1.1, too, and its parsing could take hours
        raise BadFile(name, node.start_mark.line + 1, dotted(path), f"is a number of more than {MAX_DIGITS} digits", "put it in quotes")


def _mistake(model: type[BaseModel], loc: Sequence[str | int], item: Any, lines: Lines) -> tuple[int, str, str, str]:
    path = tuple(loc)
    while path and path not in lines:
        path = path[:-1]
    kind, shown = item["type"], dotted(tuple(loc))
    if kind == "extra_forbidden":
        return lines.get(path, 0), shown, "is not a known key", f"remove it; known here: {', '.join(_known(model, loc))}"
    if kind == "missing":
        return lines.get(path, 0), shown, "is missing", f"add `{loc[-1]}:`"
    text = str(item["msg"]).removeprefix("Value error, ")
    return lines.get(path, 0), shown, text, ""


def _known(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Field names of the model that `loc` points into, found by walking annotations."""
    here: Any = model
    for part in loc[:-1]:
        if isinstance(part, int) or not hasattr(here, "model_fields") or part not in here.model_fields:
            continue
        here = _inner(here.model_fields[part].annotation)
    return sorted(here.model_fields) if hasattr(here, "model_fields") else []


def _inner(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    for arg in getattr(annotation, "__args__", ()):
        found = _inner(arg)
        if hasattr(found, "model_fields"):
            return found
    return annotation


def dotted(path: Sequence[str | int]) -> str:
    """`("services", 1, "verify")` → `services[1].verify`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text
