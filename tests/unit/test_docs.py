"""The README says what the code does."""

import re
from pathlib import Path

from docs.generate import PARTS, README, generated

ROOT = README.parent


def test_generated_parts_are_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    assert generated(text) == text, "run `make docs`"
    assert all(f"<!-- generated: {name} -->" in text for name in PARTS)


def test_every_link_leads_somewhere() -> None:
    for file in [README, *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def test_every_command_is_documented() -> None:
    from ir.cli import COMMANDS

    text = README.read_text(encoding="utf-8")
    assert all(re.search(rf"^  {name}\b", text, re.MULTILINE) for name in COMMANDS)


def test_the_example_inventory_is_right(tmp_path: Path) -> None:
    from ir import inventory

    source = inventory.load(ROOT / "inventory.example.yaml")
    assert source.services
    assert {ref.scheme for key in source.keys for ref in key.stored_in} >= {"aws-sm", "vault", "conjur", "dotenv", "command", "manual"}
