"""Campaigns on a team's database: every key once, canaries first, killed workers replaced, nothing doubled."""

import hashlib
import json
import time

import sqlalchemy as sa

from ir.fleet.campaign_store import CampaignLedger
from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.incident_index import IncidentIndex
from ir.storage.leases import Leases
from tests.campaign.shop import Shop, until


def _book(company: Shop) -> tuple[CampaignLedger, sa.Engine]:
    engine = database.open_engine(database_address(company.database))
    return CampaignLedger(engine), engine


def test_one_command_rotates_every_key_once_canaries_first(company: Shop) -> None:
    company.add("a", services=2)
    company.add("b")
    company.add("z", tags=["canary"])
    company.write()
    code, said = company.ir(*company.rotate("--all"), within=120)
    assert code == 0, said
    assert all(company.moved(name) for name in "abz")
    assert company.living() == 3
    book, engine = _book(company)
    children = book.children()
    assert [child.key for child in children] == ["z", "a", "b"]
    assert children[0].ended_at <= min(child.began_at for child in children[1:])
    [row] = book.campaigns()
    assert row["status"] == "done"
    assert "3 keys: 3 done" in said
    assert len(IncidentIndex(engine).rows()) == 3, "one incident per key"
    assert Leases(engine).busy([f"key {child.named}" for child in children]) is None
    code, said = company.ir("campaign", "pause")
    assert (code, "is done" in said) == (2, True), "what is over is not paused"
    engine.dispose()


def test_killed_workers_are_replaced_and_nothing_is_lost_or_doubled(company: Shop) -> None:
    names = [f"k{n}" for n in range(6)]
    for name in names:
        company.add(name)
    company.write()
    code, said = company.ir(*company.rotate("--all", "--detach"))
    assert code == 0, said
    book, engine = _book(company)
    first = company.begin("worker")
    until(lambda: any(child.state == "running" for child in book.children()), 60)
    second = company.begin("worker", home="another-machine")
    until(lambda: any(child.state == "done" for child in book.children()), 60)
    company.kill(first)
    killed = time.monotonic()
    until(lambda: all(child.state == "done" for child in book.children()), 90)
    assert time.monotonic() - killed < 60, "taken over within a minute"
    second.terminate()
    assert second.wait(20) == 0
    assert all(company.moved(name) for name in names)
    assert company.living() == 6
    index = IncidentIndex(engine).rows()
    assert (len(index), {row.status for row in index}) == (6, {"done"})
    code, said = company.ir("campaign", "status", "--json")
    assert (code, json.loads(said)["counts"]) == (0, {"done": 6})
    engine.dispose()


def test_a_value_that_is_listed_twice_is_no_matter_for_a_campaign(company: Shop) -> None:
    """Its first child would cut off what the second one has still to move."""
    for name in "abc":
        company.add(name)
    file = company.folder / "b.env"
    file.write_text(file.read_text().replace(company.stored("b"), company.stored("a")))
    company.held["b-0"] = company.stored("a")
    company.write()
    code, said = company.ir(*company.rotate("--all"))
    assert code == 3 and "`a` is also in dotenv://b.env#KEY (key `b`)" in said and "ir rotate stripe a" in said, said
    assert company.living() == 3, "nothing was changed"
    assert company.stored("a") not in said
    code, said = company.ir(*company.rotate("a"))
    assert code == 0 and company.stored("a") == company.stored("b") == company.held["b-0"], said
    (company.folder / "names").write_text("c\n")
    pin = hashlib.sha256((company.folder / "inventory.yaml").read_bytes()).hexdigest()
    code, said = company.ir(*company.rotate("--keys-from", "names", "--inventory-sha256", pin))
    assert code == 0, said
