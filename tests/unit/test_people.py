"""Where keys come from: a file that one command named is found again by the next."""

from pathlib import Path

from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal, files_of, read_again
from ir.cli.terminal.screen import Screen
from ir.core.secret import Secret
from ir.inventory.opened import Opened
from ir.runtime import which_key
from ir.runtime.app_state import open_state


def test_only_files_are_remembered_and_by_absolute_path(tmp_path: Path) -> None:
    found = files_of(new=f"file:{tmp_path}/new", leaked="stdin", control="")
    assert found == {"new": f"file:{tmp_path}/new"}
    assert files_of(new="file:new") == {"new": f"file:{Path.cwd() / 'new'}"}


def test_a_remembered_file_is_read_unless_it_is_gone_or_this_command_names_another(tmp_path: Path) -> None:
    screen, value = Screen(), "sk_" + "test_" + "a" * 30
    for name in ("first", "second"):
        (tmp_path / name).write_text(f"{value}{name}\n")
        (tmp_path / name).chmod(0o600)
    first, second = (f"file:{tmp_path / name}" for name in ("first", "second"))

    plain = Terminal(screen, name="ann", yes=True)
    plain.remember(first)
    assert plain.new_key("New key") == Secret(value + "first")
    assert plain.new_key("New key") is None, "one file is one try"

    named = Terminal(screen, name="ann", yes=True, new_key_from=second)
    named.remember(first)
    assert named.new_key("New key") == Secret(value + "second")

    (tmp_path / "first").unlink()
    late = Terminal(screen, name="ann", yes=True)
    late.remember(first)
    assert late.new_key("New key") is None
    assert read_again(first, screen) is None
    assert read_again(second, screen) == Secret(value + "second")
    assert read_again("", screen) is None


def test_without_an_inventory_the_pasted_key_is_the_row(tmp_path: Path) -> None:
    rows = "accounts: [{name: a, id: acct_1, mode: test}]\nkeys: [{name: leaked, account: a, kind: secret, stored_in: ['manual://x']}]"
    operator = Terminal(Screen(), name="ann", yes=True)
    consent = Consent(open_state, operator, Opened(f"version: 1\n{rows}\n", "made up", tmp_path), yes=True)
    assert which_key.identify(consent, "", Secret("sk_" + "test_" + "a" * 30), operator).name == "leaked"
