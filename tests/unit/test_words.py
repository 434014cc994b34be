"""Texts that a person meets, docstrings, comments and names use the words of docs/words.md."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")


def listed(begin: str, end: str) -> list[str]:
    """The left sides of the table between two lines of the page."""
    part = PAGE.partition(begin)[2].partition(end)[0]
    return [word for row in re.findall(r"^\| (`.*?) \| ", part, re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)]


def refusing(words: list[str]) -> re.Pattern[str]:
    return re.compile(r"(?<!there )(?<!`)\b(" + "|".join(map(re.escape, words)) + r")\b", re.IGNORECASE)


BANNED = listed("## Not these\n", "## Not these in code")
IN_CODE, IN_NAMES = listed("## Not these in code", "And these in names"), listed("And these in names", "## ")
REFUSED, REFUSED_IN_CODE = refusing(BANNED), refusing(BANNED + IN_CODE)
REFUSED_NAME = re.compile(r"(?<![a-z])(?<!ground_)(" + "|".join(IN_NAMES) + r")(?![a-z])", re.IGNORECASE)
GUIDES = (
    *("CONTRIBUTING.md", "SECURITY.md", "docs/key-fingerprint.md", "docs/reference.md", "docs/settings.md", "docs/stripe-app.md"),
    *("docs/stripe-facts.md", "docs/three-a-m.md", "docs/troubleshooting.md", "docs/tutorial.md"),
    *("docs/hosts.md", "docs/network.md", "docs/egress-logs.md", "docs/endurance.md"),
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
    """Sentences among the string literals of a module; `remarks` has its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in documentation:
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def tokens() -> Iterator[tuple[str, tokenize.TokenInfo]]:
    """Place → token, of every module of `ir/`."""
    for path in sorted((ROOT / "ir").rglob("*.py")):
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            yield f"{path.relative_to(ROOT)}:{token.start[0]}", token


def remarks() -> Iterator[tuple[str, str]]:
    """Place → comment or docstring."""
    yield from ((place, token.string) for place, token in tokens() if token.type == tokenize.COMMENT)
    for path in sorted((ROOT / "ir").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                for number, line in enumerate(node.value.value.splitlines(), node.lineno):
                    yield f"{path.relative_to(ROOT)}:{number}", line


def refused(found: Iterator[tuple[str, str]], words: re.Pattern[str]) -> list[str]:
    return [f"{place}: `{hit[0]}` in {text.strip()!r}" for place, text in found if (hit := words.search(text))]


def test_the_lists_are_read() -> None:
    assert {"owed", "whoever", "lies ready"} <= set(BANNED)
    assert "nobody" in IN_CODE and "nobody" not in BANNED and "asking" in IN_NAMES and "asking" not in IN_CODE
    assert REFUSED.search("something is still owed")
    assert not REFUSED.search("there is no time stamp to check")
    assert REFUSED_NAME.search("_owed") and REFUSED_NAME.search("finds") and not REFUSED_NAME.search("ground_truth")
    assert not REFUSED_NAME.search("masking") and not REFUSED_NAME.search("still")


def test_no_text_uses_a_word_that_the_list_refuses() -> None:
    found = refused(texts(), REFUSED)
    assert not found, "see docs/words.md:\n" + "\n".join(found)


def test_no_docstring_and_no_comment_uses_such_a_word() -> None:
    found = refused(remarks(), REFUSED_IN_CODE)
    assert not found, "see docs/words.md:\n" + "\n".join(found)


def test_no_name_is_a_riddle() -> None:
    names = ((place, token.string) for place, token in tokens() if token.type == tokenize.NAME)
    found = refused(names, REFUSED_NAME)
    assert not found, "see docs/words.md:\n" + "\n".join(found)
    files = [str(path.relative_to(ROOT)) for folder in ("ir", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert not [file for file in files if REFUSED_NAME.search(file)], "see docs/words.md"


def test_no_two_public_classes_of_a_room_share_a_name() -> None:
    """One name per thing; worlds for drills may name what they imitate by its own name."""
    named: dict[str, list[str]] = {}
    for path in sorted((ROOT / "ir").rglob("*.py")):
        room = path.relative_to(ROOT / "ir").parts[0]
        for node in ast.parse(path.read_text(encoding="utf-8")).body if room != "drill" else ():
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: places for name, places in named.items() if len(places) > 1}
