"""The real command line on a real database: an alert starts a rotation, two people approve its kill, a chat hears of all of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ir import __version__
from ir.core.errors import ExitCode
from ir.drill.twin.permissions import allows
from tests.campaign.shop import Shop, shop
from tests.unit import alert_samples as samples
from tests.worlds.receiver import Receiver
from tests.worlds.signers import Signer


@dataclass
class Town:
    """A shop, a chat that listens, and two people who may approve."""

    shop: Shop
    chat: Receiver
    alice: Signer
    bob: Signer

    def heard(self) -> list[str]:
        """Titles without the incident's name and key."""
        return [row["title"].split(":")[0].split(" ", 1)[1] for row in self.chat.got]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Receiver() as chat, shop(tmp_path, "") as made:
        made.add("payments", services=2)
        made.write()
        people = [Signer(tmp_path, "alice"), Signer(tmp_path, "bob")]
        source = yaml.safe_load((tmp_path / "inventory.yaml").read_text())
        source["notify"] = [{"to": "dotenv://chat.env#URL"}]
        source["approvers"] = [{"name": person.name, "key": person.public} for person in people]
        (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(source))
        (tmp_path / "chat.env").write_text(f"URL={chat.url}\n")
        (tmp_path / "chat.env").chmod(0o600)
        book = yaml.safe_load((tmp_path / "exposed.yaml").read_text())
        next(step for step in book["steps"] if step["id"] == "retire")["approvals"] = 2
        (tmp_path / "exposed.yaml").write_text(yaml.safe_dump(book))
        yield Town(made, chat, *people)


def test_from_alert_to_done_with_two_people_and_a_chat(town: Town) -> None:
    secret = town.shop.keys["payments"].token.reveal()
    alert = town.shop.folder / "scan.jsonl"
    alert.write_text(samples.lines(samples.trufflehog(secret)))
    code, said = town.shop.ir(*town.shop.rotate("--alert", "scan.jsonl"))
    assert code == ExitCode.WAITING, said
    assert "needs the approval of 2 people" in said and "delete it when this is over" in said.replace("\n", " ")
    assert town.heard() == ["opened", "waits for you"] and town.shop.twin.is_alive(town.shop.keys["payments"])

    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    code, said = town.shop.ir("resume", name, "--yes")
    assert code == ExitCode.WAITING, "--yes speaks for nobody else"
    assert town.heard() == ["opened", "waits for you"], "the same words are not said twice"

    for number, person in enumerate((town.alice, town.bob), 1):
        code, said = town.shop.ir("approve", name, "--sign-with", str(person.file), "--reason", "looked", "--expires", "1h")
        assert code == ExitCode.DONE and f"approved by {person.name}, signed" in said and f"so far: {number} of 2 approved" in said
    code, said = town.shop.ir("resume", name, "--yes")
    assert code == ExitCode.DONE, said
    assert town.shop.moved("payments") and town.heard() == ["opened", "waits for you", "done"]

    code, text = town.shop.ir("report", name, "--format", "json")
    told = json.loads(text)
    approved = next(row["said"] for row in told["signals"] if row["kind"] == "approved")
    assert approved.startswith("2 of 2 approved `retire`: alice (signed with SHA256:")
    assert "2026-11-16T17:17:40" in text, "the time of the leak is the one of the commit"
    assert town.shop.ir("verify", name)[0] == ExitCode.DONE
    everything = json.dumps(town.chat.got) + text + said
    assert secret not in everything and town.shop.stored("payments") not in everything and "T0KEN" not in text + said


def test_a_dry_run_tells_nobody(town: Town) -> None:
    code, said = town.shop.ir(*town.shop.rotate("--dry-run"))
    assert code == ExitCode.DONE, said
    assert "needs 2 people" in said and town.chat.got == []


def test_a_chat_that_is_down_costs_nothing(town: Town) -> None:
    town.chat.status = 500
    code, said = town.shop.ir(*town.shop.rotate())
    assert code == ExitCode.WAITING and "not told: dotenv://chat.env#URL" in said, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    code, said = town.shop.ir("approve", name, "--break-glass", "the chat and everybody is down")
    assert code == ExitCode.DONE and "BREAK GLASS" in said
    code, said = town.shop.ir("resume", name, "--yes")
    assert code == ExitCode.DONE, said
    assert town.shop.moved("payments") and "BREAK GLASS" in town.shop.ir("report", name, "--format", "md")[1]


def test_an_incident_of_another_recording_version_is_left_to_that_version_and_can_still_be_contained(town: Town) -> None:
    code, said = town.shop.ir(*town.shop.rotate("payments"))
    assert code == ExitCode.WAITING, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    with closing(sqlite3.connect(town.shop.folder / "home" / "ir.sqlite")) as db, db:
        assert db.execute("UPDATE workflow_status SET application_version = '0' WHERE workflow_uuid = ?", [name]).rowcount == 1

    code, said = town.shop.ir("resume", name, "--yes")
    assert code == ExitCode.REFUSED and "was begun under recording version 0" in said, said
    assert f"resume it with version {__version__}" in said and f"to stop the leak now: ir contain {name}" in said, said
    assert town.shop.twin.is_alive(town.shop.keys["payments"])
    code, said = town.shop.ir("contain", name, "--yes")
    assert code == ExitCode.DONE, said
    assert not allows(town.shop.twin.key(town.shop.keys["payments"]).granted(town.shop.twin.now + 60), "payment_intent_write")
