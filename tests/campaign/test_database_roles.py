"""The shipped roles on a real PostgreSQL: each can do its work, and none of another's."""

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
import yaml

from ir.core.errors import ExitCode
from tests.campaign.shop import Shop
from tests.worlds.signers import Signer

pytestmark = pytest.mark.server
ROLES = ("ir_runner", "ir_approver", "ir_reader")
As = Callable[[str], str]


def owner(address: str, statement: str) -> None:
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(statement)  # type: ignore[call-overload,unused-ignore]


@pytest.fixture
def login(company: Shop) -> Iterator[As]:
    """The address of a login with one role, made by the owner as the recipe says."""
    company.add("payments")
    company.write()
    for _ in range(2):
        code, said = company.ir("database", "roles")
        assert code == ExitCode.DONE, said
    made, database = list[str](), company.database

    def of(role: str) -> str:
        name = f"{role}_{secrets.token_hex(3)}"
        made.append(name)
        owner(database, f"CREATE ROLE {name} LOGIN")
        owner(database, f"GRANT {role} TO {name}")
        return database.replace("//postgres@", f"//{name}@")

    yield of
    for name in made:
        owner(database, f"DROP OWNED BY {name}")
        owner(database, f"DROP ROLE {name}")


def two_people(company: Shop) -> Signer:
    alice, bob = Signer(company.folder, "alice"), Signer(company.folder, "bob")
    source = yaml.safe_load((company.folder / "inventory.yaml").read_text())
    source["approvers"] = [{"name": one.name, "key": one.public} for one in (alice, bob)]
    (company.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    book = yaml.safe_load((company.folder / "exposed.yaml").read_text())
    next(row for row in book["steps"] if row["id"] == "retire").update(approval="required", approvals=2)
    (company.folder / "exposed.yaml").write_text(yaml.safe_dump(book))
    return alice


def test_a_runner_rotates_an_approver_approves_and_a_reader_reads(company: Shop, login: As) -> None:
    alice = two_people(company)
    company.database = login("ir_runner")
    code, said = company.ir(*company.rotate("payments"))
    assert code == ExitCode.WAITING, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    runner = company.database

    company.database = login("ir_reader")
    code, said = company.ir("status", name, home="reader")
    assert code == ExitCode.WAITING and name in said, said
    code, said = company.ir("approve", name, "--sign-with", str(alice.file), home="reader")
    assert code != ExitCode.DONE and "Traceback" not in said

    company.database = login("ir_approver")
    code, said = company.ir("approve", name, "--sign-with", str(alice.file), home="alice")
    assert code == ExitCode.DONE and "signed" in said, said
    for words in (("abort", name, "--yes"), ("resume", name, "--yes"), company.rotate("payments")):
        code, said = company.ir(*words, home="alice")
        assert code not in (ExitCode.DONE, ExitCode.DEBT) and "Traceback" not in said, (words, said)

    company.database = runner
    code, said = company.ir("resume", name, "--yes")
    assert code == ExitCode.WAITING and "1 of 2 approved" in said, said


def test_a_runner_runs_campaigns_to_their_end(company: Shop, login: As) -> None:
    company.database = login("ir_runner")
    code, said = company.ir(*company.rotate("--all"))
    assert code == ExitCode.DONE and company.moved("payments"), said
    assert company.ir("schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml")[0] == ExitCode.DONE


_SIGNAL = "INSERT INTO ir_signals (incident, kind, actor, at, body) VALUES (%s, %s, 'me', %s, %s)"
FORGED = (
    ("approve", 0, "[1]"),
    ("approve", "NaN", "{}"),
    ("approve", 0, '{"reason": "\\ud800", "accepts": {"a": "b"}}'),
    ("classify", 1e300, '{"facts": "classified_at"}'),
    ("classify", 0, '{"facts": {"classified_at": 1e300, "personal_data_breach": true}}'),
)
"""What an approver may write and no command would: kind, time, body."""


def test_rows_that_an_approver_forges_stop_no_process(company: Shop, login: As) -> None:
    """Each of them stopped every command about the incident, `ir contain` and `ir status` too."""
    two_people(company)
    company.database = login("ir_runner")
    code, said = company.ir(*company.rotate("payments"))
    assert code == ExitCode.WAITING, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    with psycopg.connect(login("ir_approver"), autocommit=True) as db:
        for kind, at, body in FORGED:
            db.execute(_SIGNAL, (name, kind, at, body))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # a high number would make the incident deaf to all that follows
            db.execute(
                "INSERT INTO ir_signals (id, incident, kind, actor, at, body) VALUES (2147483647, 'INC-1', 'approve', 'me', 0, '{}')"
            )
    for words, ends in ((["status"], ExitCode.DONE), (["resume", name, "--yes"], ExitCode.WAITING), (["report", name], ExitCode.DONE)):
        code, said = company.ir(*words)
        assert code == ends and "unexpected" not in said, said
    code, said = company.ir("report", name)
    assert "sent what cannot be read, and is not obeyed" in said, said
    code, said = company.ir("contain", name, "--yes")
    assert code == ExitCode.DONE and "a probe is now refused" in said, said
    assert company.ir("resume", name, "--yes")[0] == ExitCode.WAITING


CHANGES = (
    "UPDATE ir_children SET setting = '{}'",
    "UPDATE ir_entries SET entry = ''",
    "DELETE FROM ir_entries",
    "UPDATE ir_incidents SET status = 'done'",
    "UPDATE ir_consents SET actor = 'me'",
    "INSERT INTO ir_signals (incident, kind, actor, at, body) VALUES ('INC-1', 'close', 'me', 0, '{}')",
    "UPDATE ir_signals SET actor = 'me'",
    "UPDATE dbos.workflow_status SET inputs = ''",
    "CREATE TABLE mine (n int)",
)


@pytest.mark.parametrize("role", ["ir_approver", "ir_reader"])
def test_what_a_role_may_not_change_it_does_not(company: Shop, login: As, role: str) -> None:
    address = login(role)
    for statement in CHANGES:
        with psycopg.connect(address) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(statement)  # type: ignore[call-overload,unused-ignore]


def test_not_even_a_runner_changes_what_was_recorded(company: Shop, login: As) -> None:
    address = login("ir_runner")
    sent = ("UPDATE ir_signals SET actor = 'me'", "DELETE FROM ir_signals", "DELETE FROM ir_consents")
    for statement in ("UPDATE ir_entries SET entry = ''", "DELETE FROM ir_entries", *sent):
        with psycopg.connect(address) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(statement)  # type: ignore[call-overload,unused-ignore]
