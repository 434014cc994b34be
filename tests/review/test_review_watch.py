"""`ir review stripe --watch` over logs that go on: they grow, their last line is half written, they are rotated, they lag behind."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ir.cli.review_watch import EVERY, watch
from ir.cli.terminal.screen import Screen
from ir.clients.stripe_api import StripeApi
from ir.core.errors import ExitCode
from ir.core.model import Finding
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin
from ir.ports import Clock, Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.review.ingest.importer import Importer
from tests.review.test_review_stripe import READS

pytestmark = pytest.mark.server
DAY, HOUR = 86400, 3600
AN_HOUR = 60
"""Writes of ours in one."""


class Shop:
    """An account on the twin, its own log, and a clock by which something happens between two looks."""

    def __init__(self, twin: StripeTwin, folder: Path) -> None:
        self.twin, self.log = twin, folder / "logs" / "app.jsonl"
        self.ts = (int(twin.now) // HOUR + 1) * HOUR - 4 * DAY  # so that the review key is older than any watch, at every minute
        self.folder, self.count = folder, 0
        self.key = Secret(twin.create_restricted_key(READS, "review").token.reveal())
        self.steps: list[Callable[[], None]] = []
        self.rest = ""
        self.log.parent.mkdir()
        self.log.write_text("")
        self.trade(4 * DAY + 1800)
        self.begun = self.ts

    def write(self, name: str = "ours", kind: str = "charge.succeeded", amount: int = 900) -> str:
        """A write at Stripe; returns the line of the log that belongs to it."""
        self.count += 1
        request = f"req_{name}{self.count:08d}"
        key = f"stripe-node-retry-{self.count:08d}-0000-4000-8000-000000000000" if name == "ours" else None
        thing = {"id": f"ch_{self.count}", "object": "charge", "amount": amount, "currency": "usd", "customer": f"cus_{self.count % 300}"}
        asked = {"id": request, "idempotency_key": key}
        self.twin.plant("events", created=self.ts, type=kind, livemode=False, request=asked, data={"object": thing})
        return json.dumps({"ts": self.ts, "request_id": request, "method": "POST", "path": "/v1/charges", "status": 200}) + "\n"

    def trade(self, seconds: int) -> None:
        with self.log.open("a") as log:
            log.writelines(self.lines(seconds))

    def lines(self, seconds: int) -> list[str]:
        found = []
        for _ in range(seconds * AN_HOUR // HOUR):
            self.ts += HOUR // AN_HOUR
            found.append(self.write())
        return found

    def clock(self) -> Clock:
        shop = self

        class Stepping:
            def now(self) -> datetime:
                return datetime.fromtimestamp(shop.ts, UTC)

            def elapsed(self) -> float:
                return float(shop.ts)

            def sleep(self, seconds: float) -> None:
                before = shop.ts
                if shop.steps:
                    shop.steps.pop(0)()
                shop.ts = max(shop.ts, before + int(seconds))

        return Stepping()

    def watched(self, looks: int) -> tuple[ExitCode, list[Finding], list[Reviewed]]:
        """How a watch of so many looks ends, what it told, and what each look saw."""
        told, seen = list[Finding](), list[Reviewed]()
        base = self.twin.url
        asked = ReviewRequest(
            self.twin.account, base, self.begun - 4 * DAY, self.begun, self.begun - DAY, 0.0, self.key, "", "", str(self.folder / "out"),
            egress=(str(self.log.parent / "*"),),
        )  # fmt: skip

        def look(until: float) -> Reviewed:
            seen.append(StripeReviewer(StripeApi(base), memory_limit="256MB").review(replace(asked, until=until), lambda _: None))
            return seen[-1]

        def tell(found: list[Finding]) -> list[str]:
            told.extend(one for one in found if one.rule != "leftover")  # the review key itself was made by somebody
            return []

        code = watch(look, lambda _: None, tell, looks * EVERY, self.clock(), Screen(as_json=True), self.begun - DAY)
        return code, told, seen


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with StripeTwin(seed=3) as twin:
        yield Shop(twin, tmp_path)


def rows(seen: Reviewed, source: str) -> int:
    return next(int(row["rows"]) for row in seen.coverage if row["source"] == source)


def test_what_is_appended_and_rotated_is_seen_and_a_stranger_among_it_is_told(shop: Shop) -> None:
    def half() -> None:
        shop.trade(300)
        shop.rest = shop.lines(60)[0]
        with shop.log.open("a") as log:
            log.write(shop.rest[:30])

    def rotated() -> None:
        with shop.log.open("a") as log:
            log.write(shop.rest[30:])
        (shop.log.parent / "app-1.jsonl.gz").write_bytes(gzip.compress(shop.log.read_bytes()))
        shop.log.write_text("")
        shop.trade(300)

    def stranger() -> None:
        shop.trade(180)
        for _ in range(30):
            shop.write("evil", "refund.created", 50_000)
        shop.trade(120)

    before = shop.count
    shop.steps = [half, rotated, stranger]
    code, told, seen = shop.watched(6)
    assert code == ExitCode.MISUSE
    assert len(seen) == 4, "it ends with the look that sees the stranger"
    assert [rows(one, "egress") for one in seen] == [before, before + 5, before + 11, before + 16]
    assert [rows(one, "events") for one in seen] == [before, before + 6, before + 11, before + 46]
    assert {finding.rule for finding in told} >= {"S-00", "S-07"}
    cited = {name for finding in told for name in finding.evidence if name.startswith("req_")}
    assert cited
    assert all(name.startswith("req_evil") for name in cited), "nobody of ours"


def test_logs_that_lag_behind_are_no_stranger_and_say_so(shop: Shop) -> None:
    late: list[str] = []

    def lag() -> None:
        late.extend(shop.lines(1500))

    def caught_up() -> None:
        with shop.log.open("a") as log:
            log.writelines(late)

    shop.steps = [lag, caught_up]
    _, told, seen = shop.watched(8)
    assert told == []
    assert [one.verdicts["writes"] for one in seen[:3]] == ["none seen within coverage", "cannot tell", "none seen within coverage"]


def test_a_log_that_is_rotated_while_it_is_read_is_read_under_its_new_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    load, rotated = Importer.load, shop.log.with_name("app.jsonl.1")

    def meanwhile(self: Importer, files: list[Path], *, own: bool) -> None:
        if own and not rotated.exists():
            shop.log.rename(rotated)
        load(self, files, own=own)

    monkeypatch.setattr(Importer, "load", meanwhile)
    _, told, seen = shop.watched(0)
    assert rows(seen[0], "egress") == shop.count
    assert told == []
