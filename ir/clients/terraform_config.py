"""`ignore_changes` of the resources in a folder of Terraform configuration: `.tf` and `.tf.json` files, folders below it included.

From Terraform's pages on `lifecycle` and JSON configuration, read 2026-11-30. A file that cannot be read ignores nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from ir.clients.hcl_words import closed, words
from ir.core import untrusted_json

ALL = "all"
_LARGEST, _MOST = 4 * 1024 * 1024, 5000

Ignored = Callable[[str, str], frozenset[str] | None]
"""Type and name of a resource → attributes that are ignored; None: all of them."""


def ignored(folder: Path) -> Ignored:
    """What the folder says. A resource that several blocks describe ignores what all of them do."""
    found: dict[tuple[str, str], list[frozenset[str]]] = defaultdict(list)
    for file in _files(folder):
        try:
            text = file.read_text(encoding="utf-8") if file.stat().st_size <= _LARGEST else ""
        except (OSError, UnicodeDecodeError):
            continue
        for kind, name, names in _of_json(text) if file.suffix == ".json" else _of_hcl(text):
            found[kind, name].append(names)

    def look(kind: str, name: str) -> frozenset[str] | None:
        rows = found.get((kind, name), [])
        if rows and all(ALL in row for row in rows):
            return None
        kept = [row for row in rows if ALL not in row]
        return frozenset.intersection(*kept) if kept else frozenset()

    return look


def _files(folder: Path) -> Iterator[Path]:
    """Those of the folder and of local modules below it; not what `terraform init` fetched."""
    if not folder.is_dir():
        return
    for file in sorted(islice(folder.rglob("*"), _MOST)):
        if file.name.endswith((".tf", ".tf.json")) and ".terraform" not in file.parts and file.is_file():
            yield file


def _of_json(text: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    try:
        data = untrusted_json.loads(text)
    except ValueError:
        return
    for kinds in _each(data, "resource"):
        for kind in kinds:
            for names in _each(kinds, kind):
                for name in names:
                    blocks = [life for block in _each(names, name) for life in _each(block, "lifecycle")]
                    listed = [life.get("ignore_changes") for life in blocks]
                    flat = [str(one) for row in listed for one in (row if isinstance(row, list) else [row] if row else [])]
                    yield kind, name, frozenset(flat)


def _each(data: object, name: str) -> list[dict[str, object]]:
    """The objects under a name: one, or a list of them."""
    found = data.get(name) if isinstance(data, dict) else None
    return [row for row in (found if isinstance(found, list) else [found]) if isinstance(row, dict)]


def _of_hcl(text: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    row = list(words(text))
    at = 0
    while at + 3 < len(row):
        kind, name = row[at + 1], row[at + 2]
        if row[at] == "resource" and kind[:1] == name[:1] == '"' and row[at + 3] == "{":
            end = closed(row, at + 3)
            yield kind[1:], name[1:], _lifecycle(row[at + 4 : end])
            at = end
        at += 1


def _lifecycle(row: list[str]) -> frozenset[str]:
    """What `ignore_changes` lists, in the `lifecycle` block that is right inside of a resource's."""
    at = 0
    while at + 1 < len(row):
        if row[at] == "lifecycle" and row[at + 1] == "{":
            inner = row[at + 2 : closed(row, at + 1)]
            found = next((here for here in range(len(inner) - 2) if inner[here : here + 2] == ["ignore_changes", "="]), None)
            return frozenset() if found is None else _attributes(inner[found + 2 :])
        at = closed(row, at) if row[at] in ("{", "[", "(") else at
        at += 1
    return frozenset()


def _attributes(row: list[str]) -> frozenset[str]:
    """Names of whole attributes: `tags["Name"]` and `data.key` are parts of one, and ignore no more than that part."""
    parts: list[list[str]] = [[]]
    for name in row[1 : closed(row, 0)] if row[0] == "[" else row[:1]:
        if name == ",":
            parts.append([])
        else:
            parts[-1].append(name)
    return frozenset(part[0].removeprefix('"') for part in parts if len(part) == 1)
