"""The README says what the code does."""

import re
from pathlib import Path

import pytest

from docs import rooms
from docs.generate import BLIND_REVIEW, INVENTORY_SCHEMA, PAGES, PARTS, README, blind_review, generated
from ir.review import reviewer

ROOT = README.parent


def test_generated_parts_are_fresh() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert [generated(text) for text in texts] == texts, "run `make docs`"
    assert all(any(f"<!-- generated: {name} -->" in text for text in texts) for name in PARTS)


def test_what_a_review_without_sources_says_is_what_such_a_review_finds() -> None:
    assert BLIND_REVIEW.read_text(encoding="utf-8") == blind_review(), "run `make docs`"


def test_it_is_told_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewer, "found_blind", None)
    told = reviewer.blind()
    assert told.verdict == "cannot tell" and told.coverage and told.timeline == ()


def test_the_schema_of_the_inventory_is_fresh() -> None:
    from ir.inventory import schema

    assert INVENTORY_SCHEMA.read_text(encoding="utf-8") == schema.text(), "run `make docs`"


def test_the_architecture_page_shows_every_room_of_the_contract() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = sorted(room for floor in rooms.floors() for room in floor)
    assert named == [room.name for room in rooms.inner(ROOT / "ir")], "the contract and `ls ir` name the same rooms"
    assert [file.name for file in sorted((ROOT / "ir").glob("*.py"))] == ["__init__.py"], "no file lies outside a room"
    folders = [folder.parent for folder in (ROOT / "ir").rglob("__init__.py") if folder.parent != ROOT / "ir"]
    assert all(f"`{folder.relative_to(ROOT / 'ir')}/`" in text for folder in folders)


def test_the_paths_that_the_documents_name_exist() -> None:
    for file in [README, *ROOT.glob("docs/**/*.md")]:
        for named in re.findall(
            r"(?<![\w/.-])(?:ir|tests|docs|benchmarks|playbooks|templates)/[\w/.-]*[\w/]", file.read_text(encoding="utf-8")
        ):
            assert (ROOT / named).exists(), f"{file.name} names {named}"


def test_the_files_that_the_architecture_page_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    answers = text.partition("## Where to look")[2].partition("\n## ")[0]
    assert all(re.search(r"`[a-z_/]+(?:\.py|/)`", row) for row in re.findall(r"^\| .+\? .*\|$", answers, re.MULTILINE))
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text))
    assert len(named) > 20
    assert not [path for path in sorted(named) if not (ROOT / "ir" / path).exists()]


def test_every_link_leads_somewhere() -> None:
    for file in [README, *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def test_every_command_is_documented() -> None:
    from ir.cli.command_table import COMMANDS

    text = README.read_text(encoding="utf-8")
    assert all(re.search(rf"^  {name}\b", text, re.MULTILINE) for name in COMMANDS)


def test_the_example_inventory_is_right(tmp_path: Path) -> None:
    from ir import inventory

    source = inventory.load(ROOT / "inventory.example.yaml")
    assert source.services
    assert {ref.scheme for key in source.keys for ref in key.stored_in} >= {"aws-sm", "vault", "conjur", "dotenv", "command", "manual"}


def test_the_page_about_the_network_names_every_variable() -> None:
    from ir.clients import way_out

    text = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*way_out.PROXIES, *way_out.AUTHORITIES) if name.isupper())


def test_every_exit_code_has_its_way_out() -> None:
    from ir.core.errors import ExitCode

    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert all(f"\n| {code.value} | " in text for code in ExitCode if code is not ExitCode.DONE)
    assert "| a review reads with a restricted key (rk_…) only |" in text, "texts are read from the code"


def test_what_is_referred_to_is_in_the_repository() -> None:
    """Facts about Stripe by the number of their section; and nothing that only its writers have."""
    sections = set(re.findall(r"^## ([0-9]+) ", (ROOT / "docs" / "stripe-facts.md").read_text(encoding="utf-8"), re.MULTILINE))
    folders = [ROOT / name for name in ("ir", "tests", "benchmarks", "docs", "playbooks", "templates", "findings")]
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in (".py", ".md", ".yaml", ".sh")
    }
    named = {number for text in texts.values() for number in re.findall(r"docs/stripe-facts\.md, ([0-9]+)", text)}
    assert len(named) >= 4 and named <= sections
    elsewhere = re.compile(r"\bDESIGN(?:\.md)?\b|\bfacts, [a-z]* ?\u00a7|\bshared/")
    assert not [f"{path}: {hit[0]}" for path, text in texts.items() if (hit := elsewhere.search(text)) and path.name != "test_docs.py"]
