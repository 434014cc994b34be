"""The parts of a drill that must not lie: the search for keys, the counting, the witness, the human's hands."""

import base64
import json
import random
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ir import inventory
from ir.core.model import Policy
from ir.core.secret import Secret
from ir.drill.embedded import inventory_file, leak_search, svg_picture
from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.outcome_check import Witness
from ir.drill.embedded.payment_loop import KeyInHand, PaymentLoop
from ir.drill.embedded.result import DrillResult, ServiceRow
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.embedded.stores import DotenvShelf
from ir.drill.twin import StripeTwin, TwinSettings
from ir.drill.twin.faults import LOST, too_many
from ir.incident import playbook

RNG = random.Random(1)  # noqa: S311 - repeatable, nothing secret
KEY = "sk_" + "test_" + secrets.token_hex(48)


@pytest.mark.parametrize(
    "hidden",
    [
        KEY.encode(),
        b"x" + base64.b64encode(KEY.encode()),
        base64.b64encode(b"user:" + KEY.encode() + b"@host"),
        base64.urlsafe_b64encode(b"ab" + KEY.encode()),
        quote(f"key={KEY}&x=1").encode(),
        b"...".join((b"sk_test", KEY[-44:].encode())),
        json.dumps({"deep": [{"key": KEY}]}).encode(),
    ],
    ids=range(7),
)
def test_a_key_is_found_however_it_is_written(hidden: bytes) -> None:
    assert leak_search.search([KEY], [("clean", b"nothing here"), ("dirty", b"\0" * 7 + hidden + b"tail")]) == ["dirty"]


def test_another_key_of_the_same_account_is_no_hit() -> None:
    other = KEY[:40] + secrets.token_hex(32)
    assert leak_search.search([KEY], [("other", other.encode())]) == []


def test_spared_places_are_not_searched_and_all_others_are(tmp_path: Path) -> None:
    (tmp_path / "stores").mkdir()
    (tmp_path / "state" / "deep").mkdir(parents=True)
    (tmp_path / "stores" / "a.env").write_text(KEY)
    (tmp_path / "state" / "deep" / "log.bin").write_bytes(b"\xff" + KEY.encode())
    assert leak_search.search([KEY], leak_search.files(tmp_path, [tmp_path / "stores"])) == ["state/deep/log.bin"]


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=3, settings=TwinSettings(death_delay=0.3, narrow_delay=0.2)) as twin:
        yield twin


def pay(loop: PaymentLoop, seconds: float) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    time.sleep(seconds)
    stop.set()
    thread.join()


@pytest.mark.server
def test_a_till_counts_what_the_twin_saw_and_logs_every_answer(twin: StripeTwin, tmp_path: Path) -> None:
    key = twin.create_secret_key()
    twin.fate(LOST, path="/v1/payment_intents", skip=1, times=2)
    twin.fate(too_many(), path="/v1/payment_intents", skip=5, times=2)
    loop = PaymentLoop("kiosk", twin.url, KeyInHand(Secret(key.token.reveal())), tmp_path / "egress.jsonl", RNG, 0.02)
    pay(loop, 1.0)
    assert loop.ok > 3
    assert loop.failed == 0
    assert len({use.idempotency_key for use in twin.used(key)}) == loop.ok
    assert len(twin.objects("charges")) == loop.ok, "a retry is no second payment"
    logged = [json.loads(line)["request_id"] for line in (tmp_path / "egress.jsonl").read_text().splitlines()]
    assert set(logged) == {use.request_id for use in twin.used(key) if use.fate != "lost"}


@pytest.mark.server
def test_a_dead_key_is_a_failed_payment_and_a_swap_ends_that(twin: StripeTwin, tmp_path: Path) -> None:
    old, new = twin.create_secret_key(), twin.create_secret_key()
    twin.stripe_deactivates(old)
    hand = KeyInHand(Secret(old.token.reveal()))
    loop = PaymentLoop("kiosk", twin.url, hand, tmp_path / "egress.jsonl", RNG, 0.02)
    pay(loop, 0.4)
    failed = loop.failed
    assert failed > 0
    assert loop.ok == 0
    hand.swap(Secret(new.token.reveal()))
    pay(loop, 0.4)
    assert (loop.failed, loop.ok > 0) == (failed, True)


def test_a_swap_waits_for_requests_with_the_old_key() -> None:
    hand = KeyInHand(Secret(KEY))
    new = Secret(KEY + "x")
    began = threading.Event()

    def slow() -> None:
        with hand.lend():
            began.set()
            time.sleep(0.3)

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait()
    start = time.monotonic()
    hand.swap(new)
    assert time.monotonic() - start > 0.2
    assert hand.fingerprint == new.fingerprint
    thread.join()


@pytest.mark.server
def test_the_witness_tells_containment_from_death(twin: StripeTwin, tmp_path: Path) -> None:
    key = twin.create_secret_key()
    with Witness(twin, key, tmp_path) as witness:
        time.sleep(0.15)
        assert witness.contained is None
        twin.set_permissions(key, ("apple_pay_domain_read",))
        time.sleep(0.5)
        contained = witness.contained
        assert contained is not None
        assert witness.dead is None
        twin.expire_in_dashboard(key)
        time.sleep(0.5)
        assert witness.contained == contained
        assert witness.dead is None, "nobody has asked yet"


@pytest.mark.server
def test_the_witness_is_not_fooled_by_a_containment_that_is_undone(twin: StripeTwin, tmp_path: Path) -> None:
    key = twin.create_secret_key()
    with Witness(twin, key, tmp_path) as witness:
        twin.attach_access_policy(key, ("10.0.0.1",))
        time.sleep(0.2)
        assert witness.contained is not None
        twin.attach_access_policy(key, ())
        time.sleep(0.2)
        assert witness.contained is None


def test_a_disturbed_neighbour_is_seen(tmp_path: Path) -> None:
    shelf = DotenvShelf(tmp_path / "a.env", tmp_path)
    shelf.fill(KEY)
    assert shelf.key() == KEY
    assert shelf.disturbed() == ""
    shelf.file.write_text(shelf.file.read_text().replace("LOG_LEVEL=info", "LOG_LEVEL=debug"))
    assert shelf.disturbed() == "other lines were changed"


@pytest.mark.parametrize("policy", list(Policy))
def test_a_drill_playbook_is_the_shipped_one_with_other_waits(policy: Policy) -> None:
    shipped = playbook.load(f"stripe-{policy.value}")
    mine = playbook.loads(inventory_file.playbook(policy, Waits()), "drill.yaml")
    assert [(s.id, s.action, s.approval) for s in mine.steps] == [(s.id, s.action, s.approval) for s in shipped.steps]
    prove = next(s for s in mine.steps if s.action == "prove")
    assert prove.with_ == next(s for s in shipped.steps if s.action == "prove").with_, "the proof is never shortened"


def test_the_inventory_of_a_drill_is_one() -> None:
    owned = inventory_file.Owned("acct_1abc", "http://127.0.0.1:1", "dotenv://./t.env#A", "dotenv://./t.env#B", "/x/*.jsonl")
    listed = [inventory_file.Listed("checkout", "dotenv://./p.env#K", 1), inventory_file.Listed("kiosk", "dotenv://./p.env#K", 2, pid=7)]
    read = inventory.loads(inventory_file.inventory(DrillOptions(), owned, ["dotenv://./p.env#K"], listed), "inventory.yaml")
    assert [service.wave for service in read.services] == ["canary", "main"]
    assert read.services[1].reload.command == ["kill", "-HUP", "7"]


def test_a_clock_can_be_set_back_and_let_go() -> None:
    clock = BentClock()
    clock.set(1_000.0)
    assert clock.now().timestamp() == 1_000.0
    clock.set(None)
    assert abs(clock.now().timestamp() - time.time()) < 5


def test_a_picture_shows_what_was_left_standing(tmp_path: Path) -> None:
    output = "first\n\x1b[?25l⠋ working\r\x1b[2K\x1b[1A\x1b[2K\x1b[32m✓\x1b[0m done & <dusted>\r\nlast\n"
    assert [line.replace("\x1b[32m", "").replace("\x1b[0m", "") for line in svg_picture.settle(output).split("\n")] == [
        "✓ done & <dusted>",
        "last",
    ]
    steps = [f"\x1b[32m✓\x1b[0m \x1b[1m{name:14}\x1b[0m done" for name in ("preflight", "custody", *(f"waves.{n}" for n in range(20)))]
    end = "payments 9, failed 0, strays 0, contained 2 s, dead 3 s"
    short = svg_picture.shortened("\n".join(["ir rotate stripe --inventory x", "Up to `quiet` …", *steps, "report: …", end])).split("\n")
    assert (len(short), short[0], short[1], short[-1]) == (10, "$ ir rotate stripe payments", steps[-8], end)
    svg_picture.save("a\n\x1b[31mred\x1b[0m & <b>\n", tmp_path / "x.svg", "ir drill stripe")
    svg = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert "red" in svg
    assert "&lt;b&gt;" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", ""), "no foreign fonts, no links"


def test_the_last_line_and_the_document_say_the_same() -> None:
    rows = (ServiceRow("a", "dotenv://./a#K", 10, 1, "new 1"), ServiceRow("b", "dotenv://./a#K", 5, 0, "new 1"))
    result = DrillResult(1, "INC-1", rows, ("mk_1",), None, 12.34, (5,), ("the leaked key is alive",))
    assert result.last_line == "payments 16, failed 1, strays 1, contained - s, dead 12.3 s"
    document = json.loads(json.dumps(result.to_json()))
    found = tuple(document[name] for name in ("passed", "payments", "failed", "strays", "stray_ids", "contained", "dead"))
    assert found == (False, 16, 1, 1, ["mk_1"], None, 12.34)
