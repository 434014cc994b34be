"""No pattern of ours goes back and forth over a text: who writes a log line or a file chooses how long we look at it."""

import importlib
import pkgutil
import re
import time
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import ir

LENGTH = 30_000
_WORDS = (
    *(
        "a",
        "A",
        "0",
        " ",
        "\t",
        "\n",
        "é",
        "{",
        "{{",
        "{{ ",
        "[",
        "[{",
        "(",
        "((",
        "<",
        "-",
        "_",
        ".",
        ":",
        "/",
        "=",
        "'",
        '"',
        "`",
        "\\",
        "*",
        "#",
        "%",
        "@",
    ),
    *(
        "a ",
        "a-",
        "a.",
        "a=",
        "a:",
        "a/",
        "a@",
        "0-",
        "0 ",
        "0.",
        "0:",
        "1/",
        '="',
        '\\"',
        '"a',
        "(a",
        "a\n",
        " \n",
        "aA",
        "a0",
        "a_",
        "_a",
    ),
    *("sk_live_", "whsec_", "rk_test_a", "evt_", "req_", "acct_", "INC-", "ir ", "ir a ", "ir resume ", "www.", "http", "IP ", "IP_"),
    *(
        '"id" ',
        '"data"',
        "export ",
        "setenv ",
        "set ",
        "%2F",
        "\ud800",
        "16/",
        "2026-11-18",
        "new-1",
        "`rak_a",
        "'a_read",
        "access ",
        "allow-",
    ),
)


def patterns() -> Iterator[tuple[str, "re.Pattern[str] | re.Pattern[bytes]"]]:
    for module in pkgutil.walk_packages(ir.__path__, "ir."):
        if module.name.endswith("__main__") or module.name == "ir.review.sql.spark":
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            found = value.values() if isinstance(value, dict) else [value]
            for number, one in enumerate(one for one in found if isinstance(one, re.Pattern)):
                yield f"{module.name}.{name}{number or ''}", one


FOLDER = Path(ir.__file__).parent


@cache
def searches(name: str) -> bool:
    """Whether it is looked for anywhere in a text, not only at one place of it."""
    module, _, own = name.rstrip("0123456789").rpartition(".")
    here = (FOLDER.parent / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    text = here if own.startswith("_") else "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py"))
    return bool(re.search(rf"\b{own}\b(?:\[[^]]*\])?\.(?:search|findall|finditer|sub|subn|split)\b", text))


ALL = sorted({one.pattern: (name, one) for name, one in patterns()}.values(), key=lambda row: row[0])


def test_they_are_found() -> None:
    assert len(ALL) > 60 and any(name == "ir.core.placeholders._MARK" for name, _ in ALL)


@pytest.mark.parametrize(("name", "pattern"), ALL, ids=[name for name, _ in ALL])
def test_a_pattern_is_linear(name: str, pattern: "re.Pattern[str] | re.Pattern[bytes]") -> None:
    anywhere = searches(name)
    for word in _WORDS:
        text = word * (LENGTH // len(word)) + "\x01"
        given: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "surrogatepass")
        begun = time.process_time()
        if anywhere:
            deque(pattern.finditer(given), maxlen=0)
        else:
            pattern.match(given)
            pattern.fullmatch(given)
        took = time.process_time() - begun
        assert took < 0.3, f"{name} took {took:.1f} s for {word!r} again and again"
