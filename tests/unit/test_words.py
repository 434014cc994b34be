"""Texts that a person meets use the words of docs/words.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_THESE = (ROOT / "docs" / "words.md").read_text(encoding="utf-8").partition("## Not these")[2]
BANNED = [word for row in re.findall(r"^\| (`.*?) \| ", NOT_THESE, re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)]
REFUSED = re.compile(r"(?<!there )(?<!`)\b(" + "|".join(map(re.escape, BANNED)) + r")\b", re.IGNORECASE)
GUIDES = (
    *("CONTRIBUTING.md", "SECURITY.md", "docs/key-fingerprint.md", "docs/reference.md", "docs/settings.md", "docs/stripe-app.md"),
    *("docs/stripe-facts.md", "docs/three-a-m.md", "docs/troubleshooting.md", "docs/tutorial.md"),
)
PLAIN = ("README.md", "inventory.example.yaml", "CHANGELOG.md", "docs/ir.1", "docs/architecture.md", "docs/report-schema.md", *GUIDES)
FOLDERS = ("templates", "playbooks", "docs/recipes", "ir/review/rules")


def texts() -> Iterator[tuple[str, str]]:
    """Place → text."""
    for path in sorted((ROOT / "ir").rglob("*.py")):
        yield from strings(path)
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".j2", ".yaml", ".md")]
    for path in [*(ROOT / name for name in PLAIN), *found]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def strings(path: Path) -> Iterator[tuple[str, str]]:
    """Sentences among the string literals of a module; docstrings speak to maintainers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in documentation:
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def test_the_list_is_read() -> None:
    assert {"owed", "whoever", "lies ready"} <= set(BANNED)
    assert REFUSED.search("something is still owed")
    assert not REFUSED.search("there is no time stamp to check")


def test_no_text_uses_a_word_that_the_list_refuses() -> None:
    found = [f"{place}: `{match[0]}` in {text.strip()!r}" for place, text in texts() for match in [REFUSED.search(text)] if match]
    assert not found, "see docs/words.md:\n" + "\n".join(found)
