"""`ir rotate stripe-webhook` on the real command line: a twin, an env file, a service that checks signatures with Stripe's library."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stripe
import yaml

from ir.adapters.issuers.webhook_endpoints import MOST
from ir.clients.stripe_api import StripeApi
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.resources import shipped_folder
from ir.core.secret import Secret, fingerprint
from ir.drill.twin.keys import Key
from ir.incident.playbook import loads
from tests.campaign.shop import Shop, shop
from tests.worlds.webhook_service import WebhookService
from tests.worlds.webhook_traffic import Traffic

PUBLIC = "https://shop.example.com/stripe/webhook"


@dataclass
class Town:
    """A shop with one webhook: its endpoint at the twin, its secret in an env file, its service."""

    shop: Shop
    service: WebhookService
    key: Key
    old: str
    old_id: str
    traffic: Traffic

    def endpoints(self) -> list[Json]:
        """What the twin has, the newest first."""
        found = StripeApi(self.shop.twin.url).get(Secret(self.key.token.reveal()), "/v1/webhook_endpoints", {"limit": 100}).body["data"]
        assert isinstance(found, list)
        return found

    def takes(self, secret: str) -> bool:
        """Whether the service accepts what is signed with a secret."""
        body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.succeeded", "livemode": False, "data": {"object": {}}})
        return self.service.deliver(body.encode(), stripe.WebhookSignature.generate_signature_header(body, secret)) == 200

    row: Json = field(default_factory=dict)
    """What the inventory says otherwise of the webhook."""

    def write(self, roll: str, **check: object) -> None:
        """The inventory as it is now."""
        ref, row = "dotenv://hook.env#HOOK", {"name": "events", "account": "main", "url": PUBLIC, "roll": roll, "connect": False}
        row |= {"stored_in": ["dotenv://hook.env#HOOK"], "api_key": "dotenv://app.env#STRIPE", **self.row}
        service = {
            "name": "shop",
            "uses": ["events"],
            "reads_from": ref,
            "reload": {"http": f"{self.service.url}/reload"},
            "verify": [{"webhook": f"{self.service.url}/hook", **check}],
        }
        account = {"name": "main", "id": self.shop.twin.account, "mode": "test", "api_base": self.shop.twin.url}
        text = {"version": 1, "accounts": [account], "webhooks": [row], "services": [service]}
        private(self.shop.folder / "inventory.yaml", yaml.safe_dump(text, sort_keys=False))

    def rotate(self, *words: str) -> tuple[int, str]:
        return self.shop.ir("rotate", "stripe-webhook", *words, "--playbook", "./quick.yaml", "--yes")


def private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def quick() -> str:
    """The shipped playbook without its waits."""
    book = yaml.safe_load((shipped_folder("playbooks") / "stripe-webhook.yaml").read_text(encoding="utf-8"))
    fast: Json = {
        "wave": {"soak": 0, "patience": 1},
        "verify": {"patience": 1},
        "delivery": {"for": 6, "patience": 2},
        "undelivered": {"for": 1},
        "remove": {"after": 0},
        "watch": {"for": 0},
        "prove": {"window": 1, "limit": 2, "every": 0.3},
    }
    for step in book["steps"]:
        if step["action"] in fast:
            step["with"] = {**step.get("with", {}), **fast[step["action"]]}
    text = yaml.safe_dump(book, sort_keys=False)
    loads(text, "quick.yaml")
    return text


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with shop(tmp_path, "") as made:
        key = made.twin.create_restricted_key(("webhook_write", "webhook_read", "event_read"), "ir")
        private(tmp_path / "app.env", f"STRIPE={key.token.reveal()}\n")
        params = {"url": PUBLIC, "enabled_events": ["charge.succeeded", "payout.paid"], "metadata": {"team": "shop"}}
        body = StripeApi(made.twin.url).post(Secret(key.token.reveal()), "/v1/webhook_endpoints", params).body
        private(tmp_path / "hook.env", f"OTHER=1\nHOOK={body['secret']}\n")
        private(tmp_path / "quick.yaml", quick())
        with WebhookService(tmp_path / "hook.env") as service:
            made.twin.route(PUBLIC, f"{service.url}/hook")
            with Traffic(twin=made.twin, service=service) as traffic:
                yield Town(made, service, key, body["secret"], body["id"], traffic)


def paste(town: Town, rolled: str = "") -> str:
    """A rolled secret, where the human left it; one of another endpoint when it is given."""
    right = town.shop.twin.roll_signing_secret(town.old_id)
    rolled = rolled or right
    private(town.shop.folder / "paste", rolled)
    return rolled


def test_where_its_place_is_breached_a_webhook_is_in_the_campaign(town: Town) -> None:
    town.write("second-endpoint")
    words = ["breach", "--stored-in", "dotenv://./hook.env", "--policy", "exposed", "--webhook-playbook", "./quick.yaml", "--yes"]
    code, said = town.shop.ir(*words)
    assert code == ExitCode.WAITING and "get no new key until a named person says" in said, said
    assert town.takes(town.old) and town.service.stored == town.old
    code, said = town.shop.ir("breach", "resume", "--source-closed-by", "Ben")
    assert code == ExitCode.DONE and "1 of 1" in said, said
    assert town.takes(town.service.stored) and not town.takes(town.old)
    code, text = town.shop.ir("breach", "status", "--json")
    first = json.loads(text)["items"][0]
    assert (first["name"], first["danger"], first["state"]) == ("events", "test_webhook", "done") and town.old not in said + text


def test_a_second_endpoint_replaces_the_first(town: Town) -> None:
    town.write("second-endpoint")
    old_id = town.endpoints()[0]["id"]
    code, said = town.rotate("--reason", "it stood in a log")
    assert code == ExitCode.DONE, said
    assert "delivers every event twice" in said
    (left,) = town.endpoints()
    assert left["id"] != old_id and left["status"] == "enabled" and left["url"] == PUBLIC
    assert left["enabled_events"] == ["charge.succeeded", "payout.paid"] and left["metadata"]["team"] == "shop"
    new = town.service.stored
    assert left["metadata"]["ir_fingerprint"] == fingerprint(new)
    assert town.takes(new) and not town.takes(town.old)
    assert {event["type"] for event in town.service.events} == {"test_helpers.test_clock.ready", "charge.succeeded"}
    assert "Stripe signed evt_" in said and town.traffic.lost() == []
    assert (town.shop.folder / "hook.env").read_text().startswith("OTHER=1\n")
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    code, text = town.shop.ir("report", name, "--format", "json")
    assert code == ExitCode.DONE and fingerprint(town.old) in text
    assert new not in said + text and town.old not in said + text and "whsec_" not in text
    code, said = town.rotate()
    assert code == ExitCode.DONE, f"again, by the fingerprint that is noted at the endpoint: {said}"
    assert len(town.endpoints()) == 1 and town.takes(town.service.stored) and not town.takes(new)


def test_a_guided_roll_takes_the_paste(town: Town) -> None:
    town.write("dashboard")
    code, said = town.rotate()
    assert code == ExitCode.WAITING and "Roll secret" in said, said
    assert town.takes(town.old) and len(town.endpoints()) == 1
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    rolled = paste(town)
    code, said = town.shop.ir("resume", name, "--yes", "--new-key-from", f"file:{town.shop.folder / 'paste'}")
    assert code == ExitCode.DONE, said
    assert town.service.stored == rolled and town.takes(rolled) and not town.takes(town.old)
    assert "Stripe stops signing with the old one by itself" in said and rolled not in said
    assert len(town.endpoints()) == 1, "a roll makes no endpoint"


def test_a_dry_run_sends_only_what_must_be_refused(town: Town) -> None:
    for roll in ("second-endpoint", "dashboard"):
        town.write(roll)
        before = town.endpoints()
        code, said = town.rotate("--dry-run")
        assert code == ExitCode.DONE, said
        assert "nothing that it should accept is sent" in said
        ours = [event for event in town.service.events if event["id"].startswith("evt_ir")]
        assert town.endpoints() == before and ours == [] and town.service.stored == town.old


def test_a_service_that_does_not_take_it_up_is_rolled_back(town: Town) -> None:
    town.write("second-endpoint")
    town.service.stuck = True
    code, said = town.rotate()
    assert code == ExitCode.ROLLED_BACK, said
    (left,) = town.endpoints()
    assert left["status"] == "enabled" and town.service.stored == town.old and town.takes(town.old)


def test_a_service_that_keeps_the_former_secret_is_a_debt(town: Town) -> None:
    town.write("second-endpoint", both=True)
    town.service.keeps_former = True
    code, said = town.rotate()
    assert code == ExitCode.DEBT and "not proven dead" in said, said
    disabled = [row for row in town.endpoints() if row["status"] == "disabled"]
    assert len(disabled) == 1 and town.takes(town.old), "the endpoint is not deleted before its secret is dead"
    assert "shop: http" in said and "still accepts the old secret" in said, "it is named"
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    code, said = town.shop.ir("resume", name, "--yes")
    assert code == ExitCode.DONE, f"another reload made it drop the old one: {said}"
    assert not town.takes(town.old) and [row["status"] for row in town.endpoints()] == ["enabled"]


def resumed(town: Town, said: str, *words: str) -> tuple[int, str]:
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    return town.shop.ir("resume", name, "--yes", *words)


def test_the_secret_of_another_endpoint_is_found_out_and_the_old_one_put_back(town: Town) -> None:
    town.write("dashboard")
    code, said = town.rotate()
    assert code == ExitCode.WAITING, said
    paste(town, f"whsec_{secrets.token_hex(16)}")
    code, said = resumed(town, said, "--new-key-from", f"file:{town.shop.folder / 'paste'}")
    assert code == ExitCode.ROLLED_BACK, said
    assert "the services refuse what Stripe signs" in said and "not one of them taken" in said
    assert town.service.stored == town.old and town.takes(town.old)
    town.traffic.silent = True
    time.sleep(6)
    assert town.traffic.lost() == [], "what was refused meanwhile came again and was taken"


def test_without_a_delivery_it_is_not_done(town: Town) -> None:
    town.write("dashboard")
    town.traffic.silent = True
    code, said = town.rotate()
    paste(town)
    code, said = resumed(town, said, "--new-key-from", f"file:{town.shop.folder / 'paste'}")
    assert code == ExitCode.WAITING and "no delivery was seen" in said and "`Resend`" in said, said
    town.traffic.silent = False
    code, said = resumed(town, said)
    assert code == ExitCode.DONE and "Stripe signed evt_" in said, said


def test_where_no_delivery_can_be_seen_nothing_is_begun(town: Town) -> None:
    town.row = {"api_key": None}
    town.write("dashboard")
    code, said = town.rotate()
    assert code == ExitCode.REFUSED and "event_read and webhook_read" in said and town.service.stored == town.old, said


@pytest.mark.parametrize("roll", ["dashboard", "second-endpoint"])
def test_an_endpoint_for_connected_accounts_is_not_taken_for_another(town: Town, roll: str) -> None:
    town.write(roll)
    town.traffic.connected = "acct_1connected"
    town.traffic.happen()
    code, said = town.rotate()
    assert code == ExitCode.REFUSED and "connect: true" in said, said
    assert len(town.endpoints()) == 1


def test_sixteen_endpoints_are_found_before_anything_is_made(town: Town) -> None:
    town.write("second-endpoint")
    for number in range(MOST - 1):
        town.shop.twin.plant("webhook_endpoints", url=f"https://shop.example.com/{number}")
    code, said = town.rotate("--dry-run")
    assert code == ExitCode.REFUSED and "allows 16" in said, said


def test_while_a_service_takes_both_secrets_a_delivery_after_the_roll_tells_nothing(town: Town) -> None:
    town.write("dashboard", both=True)
    town.service.keeps_former = True
    code, said = town.rotate()
    paste(town)
    code, said = resumed(town, said, "--new-key-from", f"file:{town.shop.folder / 'paste'}")
    assert code == ExitCode.WAITING and "tell" in said, said
    town.service.keeps_former = False
    town.service.reload()
    code, said = resumed(town, said)
    assert code == ExitCode.DEBT and "Stripe signed evt_" in said, said
    code, said = resumed(town, said)
    assert code == ExitCode.DONE and town.traffic.lost() == [], said


def in_flight(town: Town, count: int) -> None:
    """Events that the service was not there for, and that wait for Stripe's next try, which does not come before the end of a test."""
    town.traffic.silent, town.service.refuses_with = True, 400
    town.service.secrets, held = [], town.service.secrets
    town.shop.twin.retry_after(600.0)
    for _ in range(count):
        town.traffic.happen()
    town.shop.twin.deliver()
    town.service.secrets = held
    time.sleep(1.1)  # Stripe's times have whole seconds
    town.traffic.silent = False


def test_events_in_flight_at_the_old_endpoint_are_sent_with_the_new_secret(town: Town) -> None:
    town.write("second-endpoint")
    in_flight(town, 25)
    code, said = town.rotate()
    assert code == ExitCode.DONE, said
    sent = re.search(r"(\d+) events that Stripe may not have delivered went to the services", said)
    assert sent is not None and int(sent[1]) >= 25, said
    assert town.traffic.lost() == []


def test_what_the_services_do_not_take_is_a_debt_with_its_count(town: Town) -> None:
    town.write("second-endpoint")
    in_flight(town, 3)
    town.service.never = {town.traffic.sent[-1]}
    code, said = town.rotate()
    assert code == ExitCode.DEBT and re.search(r"of \d+ undelivered events sent to the services 1 was not taken", said), said
    town.service.never = set()
    code, said = resumed(town, said)
    assert code == ExitCode.DONE and town.traffic.lost() == [], said


def test_the_old_endpoint_is_disabled_at_once_and_deleted_days_later(town: Town) -> None:
    town.write("second-endpoint")
    book = (town.shop.folder / "quick.yaml").read_text()
    private(town.shop.folder / "quick.yaml", book.replace("after: 0", "after: 3d"))
    code, said = town.rotate()
    assert code == ExitCode.DONE and "is disabled, and is deleted from" in said, said
    assert {row["id"]: row["status"] for row in town.endpoints()}[town.old_id] == "disabled"
    assert f"{town.old_id} is disabled, and is deleted from" in town.shop.ir("status")[1]
    code, said = town.shop.ir("schedule", "run")
    assert code == ExitCode.DONE and len(town.endpoints()) == 2, said
    private(town.shop.folder / "quick.yaml", book.replace("after: 0", "after: 15s"))
    town.shop.twin.plant("webhook_endpoints", url="https://shop.example.com/other")
    code, said = town.rotate()
    assert code == ExitCode.DONE and len(town.endpoints()) == 4, said
    until = time.monotonic() + 60
    while "was deleted" not in (said := town.shop.ir("schedule", "run")[1]) and time.monotonic() < until:
        time.sleep(2)
    assert "was deleted" in said and len(town.endpoints()) == 3, said
    assert town.shop.ir("status")[1].count("is deleted from") == 1, "the first one is still to come"


def test_events_that_stripe_never_made_are_found_and_told(town: Town) -> None:
    town.write("second-endpoint", processed=f"{town.service.url}/processed")
    code, said = town.rotate()
    assert code == ExitCode.DONE and "each known to Stripe" in said, said
    body = json.dumps({"id": "evt_forged00001", "object": "event", "type": "charge.succeeded", "livemode": False, "data": {"object": {}}})
    stored = town.service.stored
    assert town.service.deliver(body.encode(), stripe.WebhookSignature.generate_signature_header(body, stored)) == 200
    code, said = town.rotate()
    assert code == ExitCode.DEBT and "1 forged event processed: Stripe does not know evt_forged00001" in said, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    report = town.shop.ir("report", name, "--format", "json")[1]
    assert "undo what the services did for them" in report and "stripe login --new-session" not in report
    assert "run ir review stripe with egress logs" not in report and "Was a forged event processed?" in report


def test_where_no_service_tells_the_report_says_that_forged_events_were_not_looked_for(town: Town) -> None:
    town.write("second-endpoint")
    code, said = town.rotate()
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    report = town.shop.ir("report", name, "--format", "json")[1]
    assert code == ExitCode.DONE and "compare the ids of the events that your services processed" in report, report
