"""`ir drill stripe-webhook`: the real command line replaces signing secrets while events happen, and the drill counts what was lost."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml

from ir.clients.stripe_api import StripeApi
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.resources import shipped_folder
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.drill.embedded import sandbox
from ir.drill.embedded.command_line import CommandLine, Ran
from ir.drill.embedded.sandbox import Folder, Servers
from ir.drill.embedded.stores import write_private
from ir.drill.embedded.webhook_receiver import Receiver, Traffic
from ir.drill.twin import StripeTwin

PUBLIC = "https://shop.example.com/stripe/webhook"
IN_FLIGHT = 25
_CONNECTED = "acct_1connected"
_WAITS: dict[str, Json] = {
    "wave": {"soak": 0, "patience": 5},
    "verify": {"patience": 5},
    "delivery": {"for": 30, "patience": 3},
    "undelivered": {"for": 2},
    "prove": {"window": 1, "limit": 10, "every": 0.3},
    "watch": {"for": 0},
}


@dataclass
class Seen:
    """The result of a drill. Attributes: lost: events that no service took, forged: that were believed after a rotation, by the world."""

    events: int = 0
    lost: int = 0
    forged: int = 0
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        """For `--json`."""
        return {"events": self.events, "lost": self.lost, "forged": self.forged, "problems": self.problems, "passed": not self.problems}


@dataclass
class _Town:
    """One endpoint, its receiver, and the command line beside them."""

    place: Folder
    twin: StripeTwin
    receiver: Receiver
    traffic: Traffic
    ir: CommandLine
    endpoint: str
    seen: Seen
    old: list[str] = field(default_factory=list)

    def write(self, roll: str, *, connect: bool) -> None:
        """The inventory."""
        ref = "dotenv://hook.env#HOOK"
        hook = {"name": "events", "account": "main", "url": PUBLIC, "roll": roll, "connect": connect, "stored_in": [ref]}
        check = {"webhook": f"{self.receiver.url}/hook", "processed": f"{self.receiver.url}/processed"}
        service = {"name": "shop", "uses": ["events"], "reads_from": ref, "reload": {"http": f"{self.receiver.url}/reload"}}
        account = {"name": "main", "id": self.twin.account, "mode": "test", "api_base": self.twin.url}
        rows = {"webhooks": [{**hook, "api_key": "dotenv://app.env#STRIPE"}], "services": [{**service, "verify": [check]}]}
        text = yaml.safe_dump({"version": 1, "accounts": [account], **rows}, sort_keys=False)
        write_private(self.place.root / "inventory.yaml", text)

    def rotate(self) -> Ran:
        """By the shipped playbook, without its waits."""
        self.old.append(self.receiver.stored)
        return self.ir.run("rotate", "stripe-webhook", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")

    def expect(self, what: str, ran: Ran, code: ExitCode) -> None:
        """Note a run that ended otherwise."""
        if ran.code != code:
            self.seen.problems.append(f"{what}: exit {ran.code}, expected {int(code)}")


def conduct(say: Callable[[str], None], show: Callable[[bytes], None]) -> Seen:
    """A wrong paste, events in flight at the old endpoint, an endpoint for connected accounts; then the count."""
    seen = Seen()
    for connect in (False, True):
        with _town(show, seen, connect=connect) as town:
            if connect:
                _connected(town, say)
            else:
                _wrong_paste(town, say)
                _in_flight(town, say)
            _count(town)
    say(f"{counted(seen.events, 'event')}: {seen.lost} lost, {seen.forged} forged and believed")
    return seen


@contextmanager
def _town(show: Callable[[bytes], None], seen: Seen, *, connect: bool) -> Iterator[_Town]:
    with sandbox.folder(keep=False) as place, StripeTwin() as twin:
        key = twin.create_restricted_key(("webhook_write", "webhook_read", "event_read"), "ir").token.reveal()
        params: Json = {"url": PUBLIC, "enabled_events": ["*"], **({"connect": "true"} if connect else {})}
        made = StripeApi(twin.url).post(Secret(key), "/v1/webhook_endpoints", params).body
        write_private(place.root / "app.env", f"STRIPE={key}\n")
        write_private(place.root / "hook.env", f"HOOK={made['secret']}\n")
        write_private(place.root / "quick.yaml", _quick())
        twin.retry_after(1.0)
        with Receiver(place.root / "hook.env") as receiver:
            twin.route(PUBLIC, f"{receiver.url}/hook")
            with Traffic(twin, _CONNECTED if connect else "") as traffic:
                ir = CommandLine(sandbox.environment(place, Servers(None, None)), place.root, show, terminal=0)
                yield _Town(place, twin, receiver, traffic, ir, str(made["id"]), seen)


def _quick() -> str:
    book = yaml.safe_load((shipped_folder("playbooks") / "stripe-webhook.yaml").read_text(encoding="utf-8"))
    for step in book["steps"]:
        if step["action"] in _WAITS:
            step["with"] = {**step.get("with", {}), **_WAITS[step["action"]]}
    return str(yaml.safe_dump(book, sort_keys=False))


def _wrong_paste(town: _Town, say: Callable[[str], None]) -> None:
    say("the secret is rolled by hand, and the secret of another endpoint is pasted")
    town.write("dashboard", connect=False)
    before = town.receiver.stored
    ran = town.rotate()
    town.twin.roll_signing_secret(town.endpoint)
    write_private(town.place.root / "paste", f"whsec_{secrets.token_hex(16)}")
    incident = re.search(rb"INC-\d{8}-[0-9a-f]{6}", ran.output)
    name = incident[0].decode() if incident else ""
    town.expect("a wrong paste", town.ir.run("resume", name, "--yes", "--new-key-from", "file:paste"), ExitCode.ROLLED_BACK)
    if town.receiver.stored != before:
        town.seen.problems.append("a wrong paste: the old secret was not put back")
    town.old.clear()  # it is the one in use


def _in_flight(town: _Town, say: Callable[[str], None]) -> None:
    say(f"{IN_FLIGHT} events wait for Stripe's next try, and the endpoint is replaced")
    town.write("second-endpoint", connect=False)
    town.receiver.away = True
    town.twin.retry_after(600.0)
    for _ in range(IN_FLIGHT):
        town.traffic.happen()
    town.twin.deliver()
    town.receiver.away = False
    town.expect("events in flight", town.rotate(), ExitCode.DONE)


def _connected(town: _Town, say: Callable[[str], None]) -> None:
    say("an endpoint for connected accounts is listed as one of our own account")
    town.write("second-endpoint", connect=False)
    town.traffic.happen()
    town.expect("connect: false", town.rotate(), ExitCode.REFUSED)
    say("it is listed as what it is, and replaced")
    town.write("second-endpoint", connect=True)
    town.old.clear()
    town.expect("connect: true", town.rotate(), ExitCode.DONE)


def _count(town: _Town) -> None:
    """By the receiver and by a forger who has every old secret."""
    town.twin.retry_after(0.0)
    for _ in range(3):
        time.sleep(0.3)
        town.twin.deliver()
    sent = list(town.traffic.sent)
    time.sleep(0.5)
    lost = [event for event in sent if event not in town.receiver.taken]
    forged = [number for number, secret in enumerate(town.old) if town.receiver.send(f"evt_forged{number:06}", secret)]
    town.seen.events += len(sent)
    town.seen.lost += len(lost)
    town.seen.forged += len(forged)
    town.seen.problems += [f"{counted(len(lost), 'event')} lost"] if lost else []
    town.seen.problems += [f"{counted(len(forged), 'forged event')} believed"] if forged else []
