"""Who is told what of an incident: once per entry, together when close together, and never at the price of the incident."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.core.errors import ExitCode, Unknown
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.evidence import hash_chain
from ir.incident.context import Options
from ir.incident.folding import fold
from ir.inventory import NOTICE_KINDS
from ir.runtime import worlds
from ir.runtime.app_state import open_state
from ir.runtime.incident_spec import Setting
from ir.runtime.notice_words import Notice, notice_of
from ir.runtime.notifications import Desk, Post
from ir.storage import database, notice_log
from ir.storage.notice_log import NoticeLog
from tests.incident.test_workflow import go


@dataclass
class Listener:
    """A `ports.Notifier` that keeps what it hears."""

    fails: bool = False
    holds: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    heard: list[tuple[str, str, bool]] = field(default_factory=list)

    def notify(self, title: str, body: str, *, urgent: bool) -> str:
        self.asked.set()
        self.holds.wait(20)
        if self.fails:
            raise Unknown("no answer")
        self.heard.append((title, body, urgent))
        return "delivered"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    yield made
    made.dispose()


def desk(engine: sa.Engine, listener: Listener, *kinds: str, holder: str = "one", gather: float = 0.0) -> Desk:
    listener.holds.set()
    return Desk(NoticeLog(engine, holder), [Post("env://CHAT", frozenset(kinds or NOTICE_KINDS), listener)], gather=gather)


def tell(sim: Simulation, made: Desk) -> None:
    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, announce=made.announce))


def test_an_incident_tells_its_beginning_and_its_end(engine: sa.Engine) -> None:
    sim, listener = Simulation("exposed"), Listener()
    made = desk(engine, listener)
    tell(sim, made)
    code, _, _ = go(sim)
    made.flush()
    assert code == ExitCode.DONE
    assert [title.split(":")[0] for title, _, _ in listener.heard] == [f"{sim.incident} opened", f"{sim.incident} done"]
    assert not any(urgent for _, _, urgent in listener.heard)
    everything = repr(listener.heard)
    assert sim.leaked.value.reveal() not in everything and sim.provider.living()[0].value.reveal() not in everything


def test_a_replay_in_another_process_tells_nothing_twice(engine: sa.Engine) -> None:
    sim, listener, journal = Simulation("exposed", guided=True), Listener(), Journal()
    made = desk(engine, listener)
    tell(sim, made)
    go(sim, journal)
    made.flush()
    before = list(listener.heard)
    assert any("waits for you" in title and urgent for title, _, urgent in before)
    again = desk(engine, listener, holder="another process")
    tell(sim, again)
    given = sim.provider.create("by hand")
    sim.provider.deliver = lambda: given.value
    journal.send("wake")
    go(sim, journal)
    again.flush()
    entries = [(row.entry, row.place) for row in NoticeLog(engine, "x").told(sim.incident)]
    assert len(entries) == len(set(entries))
    assert listener.heard[: len(before)] == before
    assert sum("opened" in title for title, _, _ in listener.heard) == 1
    assert all("mint" not in body for _, body, _ in listener.heard[len(before) :])


def test_the_same_words_are_not_said_again_within_the_hour(engine: sa.Engine) -> None:
    sim, listener, journal = Simulation("exposed", guided=True), Listener(), Journal()
    made = desk(engine, listener, "waiting")
    tell(sim, made)
    for _ in range(4):
        go(sim, journal)
        made.flush()
        journal.send("wake")
    assert len(fold(journal.stream).runs) > 3
    assert len(listener.heard) == 1
    assert [row.state for row in NoticeLog(engine, "x").told(sim.incident)] == ["sent", "repeated", "repeated", "repeated"]


def test_a_message_whose_process_died_is_sent_by_the_next(engine: sa.Engine) -> None:
    log = NoticeLog(engine, "died")
    assert log.claim("INC-1", 0, "env://CHAT", "words")
    assert not log.claim("INC-1", 0, "env://CHAT", "words")
    assert NoticeLog(engine, "next").claim("INC-1", 0, "env://CHAT", "words")
    log.finish([("INC-1", 0)], "env://CHAT", sent=True, said="")
    assert not NoticeLog(engine, "third").claim("INC-1", 0, "env://CHAT", "words")


def test_news_that_come_close_together_are_one_message(engine: sa.Engine) -> None:
    sim, listener = Simulation("exposed"), Listener()
    sim.services["billing"].stuck = True
    made = desk(engine, listener, gather=60.0)
    tell(sim, made)
    listener.holds.clear()
    code, _, _ = go(sim)
    listener.holds.set()
    made.flush()
    assert code == ExitCode.ROLLED_BACK
    assert 1 <= len(listener.heard) <= 2
    title, body, urgent = listener.heard[-1]
    assert "rolled back" in title and urgent and "Still to do:" in body


def test_only_what_somebody_wants_to_hear(engine: sa.Engine) -> None:
    sim, listener = Simulation("exposed"), Listener()
    sim.services["billing"].stuck = True
    made = desk(engine, listener, "rolled-back")
    tell(sim, made)
    go(sim)
    made.flush()
    assert [title.split(":")[0] for title, _, _ in listener.heard] == [f"{sim.incident} rolled back"]


def test_a_listener_that_fails_or_hangs_costs_the_incident_nothing(engine: sa.Engine) -> None:
    sim, listener = Simulation("exposed"), Listener(fails=True)
    made = desk(engine, listener)
    listener.holds.clear()
    tell(sim, made)
    started = time.monotonic()
    code, _, _ = go(sim)
    made.flush(0.2)
    assert code == ExitCode.DONE and time.monotonic() - started < 10
    listener.holds.set()
    made.flush()
    assert {row.state for row in NoticeLog(engine, "x").told(sim.incident)} == {"failed"}
    assert not listener.heard


def test_one_place_that_hangs_holds_up_no_other(engine: sa.Engine) -> None:
    sim, deaf, chat = Simulation("exposed"), Listener(), Listener()
    chat.holds.set()
    posts = [Post(place, frozenset(NOTICE_KINDS), listener) for place, listener in (("env://DEAF", deaf), ("env://CHAT", chat))]
    made = Desk(NoticeLog(engine, "me"), posts, gather=0.0)
    tell(sim, made)
    assert go(sim)[0] == ExitCode.DONE
    made.flush(1.0)
    assert "done" in chat.heard[-1][0] and not deaf.heard
    assert made.untold() == {"env://DEAF": "it did not take the message in time"}
    deaf.holds.set()
    made.flush()
    assert deaf.heard and made.untold() == {} == NoticeLog(engine, "x").untold(sim.incident)


def test_a_database_that_is_gone_costs_the_incident_nothing(engine: sa.Engine) -> None:
    sim, listener = Simulation("exposed"), Listener()
    made = desk(engine, listener)
    with engine.begin() as db:
        db.execute(sa.text("DROP TABLE ir_notices"))
    tell(sim, made)
    assert go(sim)[0] == ExitCode.DONE
    assert not listener.heard


def test_a_flood_is_held_back_and_said_later(engine: sa.Engine) -> None:
    log, listener = NoticeLog(engine, "one"), Listener()
    claimed = [log.claim(f"INC-{n}", 0, "env://CHAT", "opened") for n in range(notice_log.MOST + 5)]
    assert sum(claimed) == notice_log.MOST and log.held("env://CHAT") == 5
    made = desk(engine, listener)
    made._enqueue(made._posts[0], Notice("INC-x", 1, "waiting", "title", "body"))  # noqa: SLF001 - one more, let through
    made.flush()
    assert "5 more messages were held back" in listener.heard[0][1]


def test_words_of_others_are_inert_and_bounded() -> None:
    """Who opens an incident, why, and what a customer is called stand in it."""
    reason = "<!channel> @everyone <https://evil.example|Approve> " + "x" * 5000
    body = Simulation("exposed").opening() | {"options": {"reason": reason}, "key": "<@U012AB3CD>"}
    entry = hash_chain.chained(None, at=body["at"], incident="INC-1", kind="opened", step="", actor="sim", body=body)
    notice = notice_of(fold([entry]))
    assert notice is not None
    assert "‹!channel› ＠everyone ‹https[:]//evil.example|Approve›" in notice.body
    assert max(map(len, [notice.title, *notice.body.split("\n")])) <= 400
    assert not set("<>@") & set(notice.title + notice.body)


def test_what_is_gathered_fits_one_message(engine: sa.Engine) -> None:
    listener = Listener()
    made = desk(engine, listener, gather=60.0)
    listener.holds.clear()
    for number in range(9):
        made._enqueue(made._posts[0], Notice("INC-1", number, "debt", f"title {number}", "y" * 400))  # noqa: SLF001 - many at once
        assert listener.asked.wait(20), "the first goes out at once and alone; the others are gathered while it is on its way"
    listener.holds.set()
    made.flush()
    bodies = [body for _, body, _ in listener.heard]
    assert max(map(len, bodies)) < 1700
    assert "title 8" in bodies[-1]
    assert "earlier messages are left out: ir status INC-1" in bodies[-1]


def test_hostile_words_stay_words(engine: sa.Engine) -> None:
    key = "sk_" + "test_" + "a1b2c3d4" * 4
    sim = Simulation("exposed")
    opening = sim.opening()
    opening["options"]["reason"] = f"found {key}\x1b[2J\n\n@everyone"
    sim.opening = lambda: opening  # type: ignore[method-assign]  # what the operator typed
    _, _, journal = go(sim)
    notice = notice_of(fold(journal.stream[:1]))
    assert notice is not None and key not in notice.body and "\x1b" not in notice.body
    assert len(notice.body.splitlines()) == 2


INVENTORY = """
version: 1
accounts: [{name: main, id: acct_1Sim, mode: test}]
keys: [{name: payments, account: main, kind: secret, stored_in: ["dotenv://./.env#KEY"]}]
notify:
  - {to: "env://CHAT_URL", when: [waiting, debt]}
"""


@pytest.mark.parametrize(("options", "wired"), [(Options(), True), (Options(dry_run=True), False), (Options(drill=True), False)])
def test_nobody_is_told_of_a_rehearsal_or_a_drill(options: Options, wired: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    sim = Simulation("exposed")
    setting = Setting("INC-1", INVENTORY, "inventory.yaml", tmp_path, "payments", sim.plan, options)
    kept = open_state()
    given = worlds.ProcessContext(sim.operator, worlds.quiet, worlds.quiet, worlds.resting_alone)
    world = worlds.read_only(setting, kept, sim.operator) if options.dry_run else worlds.real(setting, kept, given, 1)
    assert isinstance(getattr(world.hooks.announce, "__self__", None), Desk) is wired
    kept.engine.dispose()


def test_a_clock_of_the_law_stands_in_every_notice_with_what_is_left() -> None:
    sim = Simulation("exposed", guided=True)
    _, record, _ = go(sim)
    waiting = notice_of(record)
    assert waiting is not None and "tell authority" not in waiting.body
    at = record.runs[-1].ended
    since = datetime.fromisoformat(at).timestamp() - 3600
    record.words.append({"kind": "ladder", "rung": "aware", "when": since, "by": "kim", "at": at, "n": 9})
    told = notice_of(record)
    assert told is not None and told.digest != waiting.digest and told.digest == (notice_of(record) or told).digest
    assert re.search(r"Still to do: tell authority by \S+ \S+ UTC, 2 d left \(Regulation \(EU\) 2016/679, art\. 33", told.body), told.body
