"""A plugin of pytest for `light_start`: lists the tests of a checkout by their names, or runs those alone that a list names.

`pytest -p common_tests` with `TESTS_TO_LIST=FILE` writes the list and runs nothing; with `TESTS_TO_RUN=FILE` it leaves out every other
test. A test is known by its name and parameters, not by its file, since files move. It imports nothing of this project: it is used in
checkouts that do not have it.
"""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write the list, or keep to it."""
    if "TESTS_TO_LIST" in os.environ:
        Path(os.environ["TESTS_TO_LIST"]).write_text("\n".join(ascii(item.name) for item in items), encoding="utf-8")
        items.clear()
    if "TESTS_TO_RUN" in os.environ:
        wanted = set(Path(os.environ["TESTS_TO_RUN"]).read_text(encoding="utf-8").splitlines())
        left = [item for item in items if ascii(item.name) not in wanted]
        items[:] = [item for item in items if ascii(item.name) in wanted]
        config.hook.pytest_deselected(items=left)
