"""A plugin of pytest for `light_start`: lists the tests of a checkout, or runs those alone that a list names.

`pytest -p common_tests` with `TESTS_TO_LIST=FILE` writes the list, a line of its file and its name for each test, and runs nothing; with
`TESTS_TO_RUN=FILE` it leaves out every other test, and does not even read a file that holds none of them. It imports nothing of this
project: it is used in checkouts that do not have it.
"""

import os
from pathlib import Path

import pytest

_WANTED = {tuple(line.split("\t")) for line in Path(os.environ.get("TESTS_TO_RUN", os.devnull)).read_text(encoding="utf-8").splitlines()}
_FILES = {file for file, _ in _WANTED}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file without a wanted test."""
    if not _WANTED or not collection_path.match("test_*.py"):
        return None
    return str(collection_path.relative_to(config.rootpath)) not in _FILES or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write the list, or keep to it."""
    if "TESTS_TO_LIST" in os.environ:
        Path(os.environ["TESTS_TO_LIST"]).write_text("\n".join("\t".join(_row(item)) for item in items), encoding="utf-8")
        items.clear()
    if _WANTED:
        left = [item for item in items if _row(item) not in _WANTED]
        items[:] = [item for item in items if _row(item) in _WANTED]
        config.hook.pytest_deselected(items=left)


def _row(item: pytest.Item) -> tuple[str, str]:
    """Its file within the checkout, and its name with its parameters."""
    return item.nodeid.partition("::")[0], ascii(item.name)
