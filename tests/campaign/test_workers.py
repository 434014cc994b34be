"""A worker looks at itself before it takes a key: pin, clock, logins; and what people see of workers."""

import json
import time
from pathlib import Path

import hvac
import pytest

from ir import inventory
from ir.core.errors import Refused
from ir.core.model import Json
from ir.core.secret import Secret
from ir.drill.embedded.openbao_server import OpenBao
from ir.fleet import agreed_work, fitness
from ir.fleet.admission import Admission
from ir.fleet.agreed_work import Trust
from ir.fleet.campaign import Child, Limits
from ir.fleet.campaign_child import Source, child_for
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import only
from ir.fleet.fitness import Fitness
from ir.incident import playbook
from ir.incident.context import Options
from ir.runtime.app_state import State, database_address
from ir.storage import database, process_identity
from tests.campaign.shop import Shop, until

KEYS = "abcd"


@pytest.fixture
def vaulted(company: Shop, openbao: OpenBao) -> Shop:
    """Four keys in a Vault, each in an object of its own; machine `bad` has a token that was revoked."""
    client = hvac.Client(url=openbao.address, token=openbao.token)
    for name in KEYS:
        made = company.add(name, services=0)
        path = f"fleet-{company.folder.name}-{name}"
        client.secrets.kv.v2.create_or_update_secret(path, {"key": made.token.reveal()}, mount_point="secret")
        company.rows[name]["stored_in"] = [f"vault://secret/{path}#key"]
    child = client.auth.token.create(policies=["root"])["auth"]["client_token"]
    client.auth.token.revoke(child)
    good = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
    company.logins = {"home": good, "good": good, "bad": {**good, "VAULT_TOKEN": child}}
    company.write()
    return company


def _states(company: Shop) -> list[str]:
    engine = database.open_engine(database_address(company.database))
    try:
        return [child.state.value for child in CampaignLedger(engine).children()]
    finally:
        engine.dispose()


def test_a_worker_whose_login_is_refused_takes_nothing_and_pauses_nobody(vaulted: Shop) -> None:
    """It took and refused key after key, and the third paused the campaign of everybody."""
    assert vaulted.ir(*vaulted.rotate("--all", "--detach"))[0] == 0
    bad = vaulted.begin("worker", "--inventory", "inventory.yaml", home="bad")

    def told() -> list[dict[str, str]]:
        return list(json.loads(vaulted.ir("worker", "list", "--json")[1])["workers"])

    until(lambda: any(row["said"] for row in told()), 60)
    assert "refuses its login" in told()[0]["said"] and vaulted.ir("worker", "list")[0] == 4
    assert _states(vaulted) == ["queued"] * 4
    code, said = vaulted.ir("campaign", "status")
    assert "running" in said and "takes nothing: " in said and "paused" not in said, said
    code, said = vaulted.ir("worker", "--inventory", "inventory.yaml", "--until-idle", home="good", within=120)
    assert code == 0 and _states(vaulted) == ["done"] * 4, said
    assert not any(vaulted.twin.is_alive(vaulted.keys[name]) for name in KEYS)
    vaulted.kill(bad)


def test_a_campaign_that_is_run_here_says_why_it_is_not(vaulted: Shop) -> None:
    code, said = vaulted.ir(*vaulted.rotate("--all"), home="bad")
    assert code == 3 and "this machine takes no key" in said and "ir campaign resume" in said, said
    assert _states(vaulted) == ["queued"] * 4
    assert vaulted.ir("campaign", "resume", within=120)[0] == 0 and _states(vaulted) == ["done"] * 4


def test_a_worker_with_a_wrong_pin_ends_and_says_so(company: Shop) -> None:
    """It stayed up for ever, healthy by its heartbeat."""
    company.add("a", rotate_every="30d")
    company.write()
    code, said = company.ir("worker", "--inventory", "inventory.yaml", "--inventory-sha256", "0" * 64)
    assert code == 3 and "is not the one that --inventory-sha256 pins" in said, said


def test_what_was_refused_is_begun_again_when_told(company: Shop) -> None:
    company.add("a")
    company.add("b")
    company.write()
    right, company.held["a-0"] = company.held["a-0"], "another"  # its service works with a key that no store holds
    company.stuck.add("a-0")
    assert company.ir(*company.rotate("--all"))[0] in (3, 5) and company.moved("b") and not company.moved("a")
    assert company.ir("campaign", "retry", "--key", "b")[0] == 2, "it was not refused"
    company.held["a-0"] = right
    company.stuck.clear()
    code, said = company.ir("campaign", "retry")
    assert code == 0 and company.moved("a") and "a is begun again" in said, said
    assert company.ir("campaign", "retry")[0] == 2, "there is nothing left of it"


# ── parts ──


def _fitness(tmp_path: Path, trust: object) -> Fitness:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    kept = State(tmp_path, engine, process_identity.me("mia"))
    return Fitness(kept, CampaignLedger(engine), trust)  # type: ignore[arg-type]  # what trusts is made by hand


def test_an_inventory_that_changed_while_it_ran_and_a_clock_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = [Refused("the inventory is not the one that is pinned")]

    def trust() -> Trust:
        if says:
            raise says[0]
        return Trust()

    made = _fitness(tmp_path, trust)
    monkeypatch.setattr(fitness, "EVERY", 0.0)
    assert made.look() == "the inventory is not the one that is pinned"
    says.clear()
    assert made.look() == ""
    monkeypatch.setattr(fitness, "clock", lambda _db: time.time() - 600)
    assert made.look() == "its clock is 10 min ahead of the database's"
    made.kept.engine.dispose()


def test_a_file_that_is_broken_for_a_moment_shuns_no_campaign(tmp_path: Path) -> None:
    says = [Refused("the inventory is not the one that is pinned")]

    def trust() -> Trust:
        if says:
            raise says[0]
        return Trust()

    made = _fitness(tmp_path, trust)
    told = list[Child]()
    admission = Admission(made.book, only("CAM-1"), trust, made, told.append)
    child = Child(1, "CAM-1", 0, "a", "acct_1/a", "acct_1", (), (), False)
    assert not admission.trusted(child) and made.said and admission.shunned == {} and told == []
    made.kept.engine.dispose()


def test_a_child_is_read_once_and_its_stores_are_handed_to_its_incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, env, reads = _fitness(tmp_path, Trust), tmp_path / "a.env", list[Child]()
    env.touch(mode=0o600)
    env.write_text(f"KEY={'v' * 30}\n")
    account = {"name": "main", "id": "acct_1", "mode": "test", "issuer": "dashboard"}
    row = {"name": "a", "account": "main", "kind": "secret", "stored_in": [f"dotenv://{env}#KEY"]}
    source = inventory.loads(json.dumps({"version": 1, "accounts": [account], "keys": [row]}), "inventory.yaml")
    origin, book = Source(source, "inventory.yaml", tmp_path), playbook.load("stripe-exposed")
    made.book.open("CAM-1", "campaign", "mia", Limits(), {}, [child_for(origin, source.keys[0], book, Options(), 0)])
    plain = CampaignLedger.setting

    def counted(ledger: CampaignLedger, child: Child) -> Json:
        reads.append(child)
        return plain(ledger, child)

    monkeypatch.setattr(CampaignLedger, "setting", counted)
    monkeypatch.setattr(agreed_work, "check", lambda *_: None)
    [child] = made.book.children()
    work = Admission(made.book, only("CAM-1"), Trust, made, lambda _child: None).begins(child)
    assert work is not None and list(work.stores) == [f"dotenv://{env}#KEY"] and len(reads) == 1
    env.unlink()
    assert work.stores[f"dotenv://{env}#KEY"].read().value == Secret("v" * 30), "the first look is the read that was made"
    made.kept.engine.dispose()


def test_two_hosts_of_one_name_are_told_apart() -> None:
    one, other = ({"host": "web", "pid": 7, "machine": machine} for machine in ("boot-1 pid:[1]", "boot-2 pid:[1]"))
    assert process_identity.named(one) != process_identity.named(other)
    assert process_identity.named({**one, "machine": ""}) == "web (process 7)"
