"""What a worker runs was agreed to: signed by somebody whose word it takes, or said by its own inventory. A row alone is data.

On a shared PostgreSQL; every machine has a disk of its own, and the attacker has the database alone.
"""

import base64
import json
from pathlib import Path

import psycopg
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ir.core.errors import ExitCode
from ir.core.model import Json
from tests.campaign.shop import Shop, until
from tests.worlds.signers import Signer

pytestmark = pytest.mark.server
ELSEWHERE = "another-machine"


@pytest.fixture
def left(company: Shop) -> Shop:
    """A campaign of one key that was left to the workers, and whose files are on the first machine alone."""
    company.add("payments")
    company.write()
    return company


def leave(company: Shop, *more: str) -> None:
    code, said = company.ir(*company.rotate("--all", "--detach"), *more)
    assert code == ExitCode.DONE, said


def hide(company: Shop) -> None:
    """What the other machine does not have: inventory and playbooks."""
    for name in ("inventory.yaml", "exposed.yaml", "scheduled.yaml"):
        (company.folder / name).rename(company.folder / f"{name}.of-the-first")


def change(company: Shop, how: str, *values: object) -> None:
    """With the rights of the database's owner, the strongest that there are in it."""
    with psycopg.connect(company.database) as db:
        db.execute(how, values)  # type: ignore[call-overload,unused-ignore]


def setting(company: Shop) -> Json:
    with psycopg.connect(company.database) as db:
        row = db.execute("SELECT setting FROM ir_children").fetchone()
    assert row is not None
    made: Json = row[0]
    return made


def planted(company: Shop) -> tuple[Json, Path]:
    """The setting with a program of somebody else's behind the reload of a service, and what that program leaves."""
    mark = company.folder / "ran"
    row = setting(company)
    source = json.loads(row["text"])
    source["services"][0]["reload"] = {"command": ["touch", str(mark)]}
    return {**row, "text": json.dumps(source)}, mark


def states(company: Shop) -> list[str]:
    with psycopg.connect(company.database) as db:
        return [state for (state,) in db.execute("SELECT state FROM ir_children ORDER BY id")]


@pytest.mark.parametrize("home", ["home", ELSEWHERE])
def test_a_row_that_was_changed_since_runs_nothing_and_is_named(left: Shop, home: str) -> None:
    leave(left)
    row, mark = planted(left)
    change(left, "UPDATE ir_children SET setting = %s", json.dumps(row))
    code, said = left.ir("worker", "--until-idle", home=home)
    assert code == ExitCode.DONE and not mark.exists() and not left.moved("payments"), said
    assert "payments is not run: it was " in said
    assert states(left) == (["refused"] if home == "home" else ["queued"]), "another worker may know who signed it"


def test_a_signature_of_the_attackers_own_is_nobodys(left: Shop) -> None:
    from ir.evidence.checkpoints import Signer as Evidence
    from ir.fleet import agreed_work

    leave(left)
    row, mark = planted(left)
    with psycopg.connect(left.database) as db:
        campaign, named = db.execute("SELECT campaign, named FROM ir_children").fetchone() or ("", "")
    from ir.fleet.campaign import Child

    child = Child(0, campaign, 0, "payments", named, "", (), (), False)
    [(_, forged)] = agreed_work.agreed([agreed_work.by_key(Evidence(Ed25519PrivateKey.generate()))], campaign, "root@prod", [(child, row)])
    change(left, "UPDATE ir_children SET setting = %s", json.dumps(forged))
    code, said = left.ir("worker", "--until-idle")
    assert code == ExitCode.DONE and not mark.exists(), said
    assert "it was signed by root@prod with SHA256:" in said and "not, or no longer, a key whose word this worker takes" in said


def test_the_same_machine_runs_what_was_agreed_to_there(left: Shop) -> None:
    leave(left)
    hide(left)
    code, said = left.ir("worker", "--until-idle")
    assert code == ExitCode.DONE and left.moved("payments"), said


def test_a_machine_that_knows_nobody_who_signed_leaves_it_to_others(left: Shop) -> None:
    leave(left)
    hide(left)
    code, said = left.ir("worker", "--until-idle", home=ELSEWHERE)
    assert code == ExitCode.DONE and "is not run" in said and "--inventory FILE" in said
    assert states(left) == ["queued"] and not left.moved("payments")
    assert left.ir("worker", "--until-idle")[0] == ExitCode.DONE and left.moved("payments")


def test_the_workers_own_inventory_is_its_word(left: Shop) -> None:
    leave(left)
    code, said = left.ir("worker", "--until-idle", home=ELSEWHERE)
    assert code == ExitCode.DONE and left.moved("payments"), said


@pytest.mark.parametrize("by", ["the team's key", "an approver's key"])
def test_who_signed_is_known_by_the_workers_inventory(left: Shop, by: str) -> None:
    """The worker's own inventory says something else about the key, so its word is not enough."""
    team, alice = Ed25519PrivateKey.generate(), Signer(left.folder, "alice")
    (left.folder / "team.env").touch(mode=0o600)
    (left.folder / "team.env").write_text(f"KEY={base64.b64encode(team.private_bytes_raw()).decode()}\n")
    source = yaml.safe_load((left.folder / "inventory.yaml").read_text())
    if by == "the team's key":
        source["evidence_key"] = "dotenv://team.env#KEY"
    else:
        source["approvers"] = [{"name": one.name, "key": one.public} for one in (alice, Signer(left.folder, "bob"))]
    (left.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    leave(left, *(("--sign-with", str(alice.file)) if by != "the team's key" else ()))
    source["services"][0]["owner"] = "another team by now"
    (left.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    code, said = left.ir("worker", "--until-idle", home=ELSEWHERE)
    assert code == ExitCode.DONE and left.moved("payments"), said


def test_a_key_that_was_taken_out_of_the_inventory_is_obeyed_no_longer(left: Shop) -> None:
    alice, bob, carol = (Signer(left.folder, name) for name in ("alice", "bob", "carol"))
    source = yaml.safe_load((left.folder / "inventory.yaml").read_text())
    source["approvers"] = [{"name": one.name, "key": one.public} for one in (alice, bob, carol)]
    (left.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    leave(left, "--sign-with", str(alice.file))
    source["approvers"] = source["approvers"][1:]
    (left.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    code, said = left.ir("worker", "--until-idle", home=ELSEWHERE)
    assert code == ExitCode.DONE and not left.moved("payments"), said
    assert "no longer, a key whose word this worker takes" in said


def test_an_incident_under_way_that_was_changed_is_not_continued(left: Shop) -> None:
    import threading

    leave(left)
    left.gate = threading.Event()
    first = left.begin("worker")
    until(lambda: states(left) == ["running"] and _opened(left), 60)
    left.kill(first)
    left.gate.set()
    left.gate = None
    row, mark = planted(left)
    change(left, "UPDATE ir_entries SET entry = replace(entry, %s, %s) WHERE n = 0", *_swapped(left, row))
    code, said = left.ir("worker", "--until-idle", within=120)
    assert not mark.exists() and not left.moved("payments"), said
    assert code == ExitCode.DONE and "begun with something else than what was agreed to" in said


def _opened(company: Shop) -> bool:
    with psycopg.connect(company.database) as db:
        return bool(db.execute("SELECT 1 FROM ir_entries WHERE n = 0").fetchall())


def _swapped(company: Shop, row: Json) -> tuple[str, str]:
    """The inventory of the opening entry as it stands there, and as the attacker wants it."""
    return (json.dumps(setting(company)["text"])[1:-1], json.dumps(row["text"])[1:-1])
