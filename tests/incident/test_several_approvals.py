"""A kill that two people have to approve, through a whole incident: who counts, what is said, and what breaks the glass."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ir.cli import approve as approve_command
from ir.core.errors import BadFile, ExitCode, UsageError
from ir.core.model import Json
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.incident import playbook
from ir.incident.folding import fold
from ir.incident.plan import compile_plan
from ir.incident.record import Incident
from ir.inventory import Approver
from ir.report import render
from ir.runtime.incident_spec import inventory_text
from tests.incident.test_workflow import go
from tests.worlds.signers import Signer


def told(shop: "Shop", record: Incident) -> Json:
    document: Json = json.loads(render(record, "json", shop.journal.stream))
    return document


class Shop:
    """A simulated incident whose kill needs two people, opened by `sim`."""

    def __init__(self, folder: Path) -> None:
        self.sim, self.journal = Simulation("exposed"), Journal()
        self.people = {name: Signer(folder, name) for name in ("alice", "bob")}
        listed = [Approver(name=name, key=person.public) for name, person in self.people.items()]
        steps = [replace(step, approvals=2) if step.id == "retire" else step for step in self.sim.plan.steps]
        self.sim.plan = replace(self.sim.plan, steps=tuple(steps))
        self.sim.source = self.sim.source.model_copy(update={"approvers": listed})
        self.sim.world = replace(self.sim.world, plan=self.sim.plan, inventory=self.sim.source)
        opening = {**self.sim.opening(), "inventory": inventory_text(self.sim.source), "inventory_name": "keys.yaml"}
        self.sim.opening = lambda: opening  # type: ignore[method-assign]  # the workflow needs the snapshot that approvers are read from
        self.clock = self.sim.clock

    def go(self) -> tuple[int, Incident]:
        code, record, _ = go(self.sim, self.journal)
        return code, record

    def approve(self, by: str, *, sign: bool = True, **more: Any) -> Json:
        """As `ir approve` on some machine does it."""
        record = fold(self.journal.stream)
        body = approve_command._approval(record, by if sign else "", "looked at it", "", str(self.people[by].file) if sign else "")  # noqa: SLF001 - the command without its database
        body = {**body, **more}
        self.journal.queue.append({"id": len(self.journal.queue) + 1, "kind": "approve", "actor": by, "at": 1.0, "body": body})
        return body


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_yes_is_not_enough_and_two_signatures_are(shop: Shop) -> None:
    code, record = shop.go()
    assert code == ExitCode.WAITING and "approval of 2 people" in record.runs[-1].outcome.said
    shop.approve("alice")
    code, record = shop.go()
    assert code == ExitCode.WAITING and "1 of 2 approved `retire`: alice (signed" in record.runs[-1].outcome.said
    shop.approve("bob")
    code, record = shop.go()
    assert code == ExitCode.DONE and shop.journal.holds()
    weighed = record.facts["approvals"]["retire"]
    assert [person["name"] for person in weighed["people"]] == ["alice", "bob"] and not weighed["broken_glass"]


def test_nothing_is_killed_before(shop: Shop) -> None:
    shop.go()
    shop.approve("alice")
    shop.approve("alice")
    shop.approve("alice", sign=False)
    code, _ = shop.go()
    assert code == ExitCode.WAITING and shop.sim.provider.lives(shop.sim.leaked)


def test_the_report_tells_who_and_what_did_not_count(shop: Shop) -> None:
    shop.go()
    shop.approve("alice")
    shop.approve("carol", sign=False)
    code, record = shop.go()
    assert code == ExitCode.WAITING and "carol, it is not signed" in record.runs[-1].outcome.said
    shop.approve("bob")
    code, record = shop.go()
    assert code == ExitCode.DONE
    said = next(row["said"] for row in told(shop, record)["signals"] if row["kind"] == "approved")
    assert "alice (signed with SHA256:" in said and "carol, it is not signed" in said
    assert "BEGIN SSH" not in str(told(shop, record)["signals"])


def test_broken_glass_kills_alone_and_stands_in_the_report(shop: Shop) -> None:
    shop.go()
    shop.approve("sim", sign=False, break_glass="nobody answers, money is leaving")
    code, record = shop.go()
    assert code == ExitCode.DONE
    document = told(shop, record)
    assert any(row["said"].startswith("BREAK GLASS by sim: nobody answers") for row in document["signals"])
    assert any("BREAK GLASS" in row["why"] for row in document["next_steps"])


def test_an_approval_that_saw_another_verification_does_not_count(shop: Shop) -> None:
    shop.go()
    shop.approve("alice", seen="2026-11-22T00:00:00.000Z")
    shop.approve("bob")
    code, record = shop.go()
    assert code == ExitCode.WAITING and "services were verified again since" in record.runs[-1].outcome.said


def test_a_key_that_is_not_listed_is_told_at_once(shop: Shop, tmp_path: Path) -> None:
    shop.go()
    shop.people["eve"] = Signer(tmp_path, "eve")
    with pytest.raises(UsageError, match="not listed"):
        shop.approve("eve")


PLAYBOOK = "name: mine\npolicy: exploited\nsteps:\n  - {{id: contain, action: contain{}}}\n"


def test_a_playbook_that_nobody_could_pass_is_refused(shop: Shop) -> None:
    with pytest.raises(BadFile, match="no person is asked"):
        playbook.loads(PLAYBOOK.format(", approvals: 2"), "mine.yaml")
    book = playbook.loads(PLAYBOOK.format(", approval: required, approvals: 4"), "mine.yaml")
    with pytest.raises(UsageError, match="the inventory lists 2") as refused:
        compile_plan(book, shop.sim.source, shop.sim.source.keys[0])
    assert "- {name: NAME, key: ssh-ed25519 AAAA…}" in refused.value.what
    two = playbook.loads(PLAYBOOK.format(", approval: required, approvals: 2"), "mine.yaml")
    assert compile_plan(two, shop.sim.source, shop.sim.source.keys[0]).steps[0].approvals == 2


def test_one_who_opened_it_and_cannot_sign_it_is_told_before_anything_is_minted(shop: Shop) -> None:
    opening = {**shop.sim.opening(), "actor": "alice@ops"}
    shop.sim.opening = lambda: opening  # type: ignore[method-assign]
    code, record = shop.go()
    assert code == ExitCode.REFUSED and len(shop.sim.provider.keys) == 1
    said = record.runs[-1].outcome.said
    assert "needs the signatures of 2 people, and the inventory lists 1 person who did not open the incident (alice@ops)" in said


def test_a_key_that_is_gone_from_the_inventory_counts_no_more(shop: Shop) -> None:
    shop.go()
    shop.approve("alice")
    shop.approve("bob")
    shop.sim.world = replace(
        shop.sim.world,
        hooks=replace(shop.sim.world.hooks, removed_approvers=lambda: tuple(row for row in shop.sim.source.approvers if row.name == "bob")),
    )
    code, record = shop.go()
    assert code == ExitCode.WAITING and "the key of bob that has been taken out" in record.runs[-1].outcome.said


@pytest.mark.parametrize("kind", ["approve", "wake", "classify"])
def test_who_may_send_an_approval_says_nothing_of_what_was_seen(shop: Shop, kind: str) -> None:
    shop.go()
    forged = {"old": {"id": "mk_of_another_team", "liveness": "expired"}, "dead_at": 1.0, "classified_by": "eve"}
    shop.journal.send(kind, facts=forged, plan=shop.sim.plan.hash, step="contain")
    _, record = shop.go()
    assert record.facts["old"]["id"] == shop.sim.leaked.id and not record.facts.get("dead_at")
    assert record.facts.get("classified_by") is None, "a classification says nothing else"
