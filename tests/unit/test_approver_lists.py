"""An inventory that lists too few people is refused when it is checked, with the line to add."""

from pathlib import Path

import pytest

from ir import inventory
from ir.cli import run
from ir.core.errors import ExitCode
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.plan import compile_plan
from ir.runtime.approved import removed
from ir.runtime.incident_spec import Setting
from tests.worlds.signers import Signer

BOOK = "version: 1\naccounts: [{{name: main, id: acct_1A, mode: test}}]\nkeys: [{{name: k, account: main, kind: secret, stored_in: ['env://K']}}]\n{}"
PLAYBOOK = "name: mine\npolicy: exploited\nsteps:\n  - {{id: contain, action: contain, approval: required, approvals: {}}}\n"


def written(folder: Path, *names: str) -> Path:
    rows = "".join(f"\n  - {{name: {name}, key: {Signer(folder, name).public}}}" for name in names)
    path = folder / "inventory.yaml"
    path.write_text(BOOK.format(f"approvers:{rows}\n" if names else ""))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(("names", "told"), [((), False), (("alice",), True), (("alice", "bob"), False)])
def test_one_approver_is_none_where_several_are_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, ...], told: bool
) -> None:
    """Told, not refused: where one person approves, one is enough."""
    assert run(["inventory", "check", str(written(tmp_path, *names))]) == ExitCode.DONE
    said = capsys.readouterr().err
    assert ("still missing: only alice is listed" in said and "{name: NAME, key: ssh-ed25519" in said) is told


@pytest.mark.parametrize("beside", [True, False])
def test_a_playbook_that_asks_for_more_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: bool) -> None:
    file = written(tmp_path, "alice", "bob")
    book = tmp_path / ("mine.yaml" if beside else "mine.txt")
    book.write_text(PLAYBOOK.format(3))
    (tmp_path / "broken.yaml").write_text("steps: [nonsense")
    more = () if beside else ("--playbook", str(book))
    assert run(["inventory", "check", str(file), *more]) == ExitCode.USAGE
    assert "playbook mine: `contain` needs the signatures of 3 people, and the inventory lists 2 people" in capsys.readouterr().err
    book.write_text(PLAYBOOK.format(2))
    assert run(["inventory", "check", str(file), *more]) == ExitCode.DONE


def test_a_key_that_the_file_lists_no_more_is_removed_and_a_file_that_is_not_here_removes_none(tmp_path: Path) -> None:
    file = written(tmp_path, "alice", "bob")
    begun = inventory.load(file)
    plan = compile_plan(playbook.load("stripe-exploited"), begun, begun.keys[0])
    setting = Setting("INC-1", file.read_text(), "elsewhere/inventory.yaml", tmp_path, "k", plan, Options())
    assert removed(setting, begun.approvers) == ()
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "bob" not in line))
    assert [row.name for row in removed(setting, begun.approvers)] == ["bob"]
    file.unlink()
    assert removed(setting, begun.approvers) == ()
