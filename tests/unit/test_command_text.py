"""Commands inside a sentence are found whole, and nothing of the sentence with them."""

import pytest

from ir.core.command_text import COMMAND, first


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("ir resume INC-1 looks again", ["ir resume INC-1"]),
        ("ir status lists them", ["ir status"]),
        ("ir status --follow; to stop", ["ir status --follow"]),
        ("make another new key, and run `ir resume INC-1`.", ["ir resume INC-1"]),
        ("end it: ir abort INC-1, then ir rotate stripe KEY; or wait", ["ir abort INC-1", "ir rotate stripe KEY"]),
        (
            "x → ir rotate stripe payments --inventory '/srv/a b/my world.yaml' --policy exploited",
            ["ir rotate stripe payments --inventory '/srv/a b/my world.yaml' --policy exploited"],
        ),
        ("ir rotate stripe payments: at its end it empties that", ["ir rotate stripe payments"]),
        ("then: ir inventory check our/inventory.yaml.", ["ir inventory check our/inventory.yaml"]),
        ("(ir contain payments)", ["ir contain payments"]),
        ("a fair resume, ../ir rotate, and stir status", []),
    ],
)
def test_a_command_is_found_whole(text: str, commands: list[str]) -> None:
    assert [found[0] for found in COMMAND.finditer(text)] == commands
    assert first(text) == (commands[0] if commands else "")
