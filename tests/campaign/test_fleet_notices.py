"""Who hears what of many keys: what needs a person at once and always, what failed again in the second night, the rest in one digest."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir import inventory
from ir.core.errors import Unknown
from ir.drill.simulated.clock import START
from ir.drill.simulated.world import Simulation
from ir.fleet import digest, due
from ir.fleet.campaign import Child, ChildState
from ir.fleet.due import Row
from ir.runtime.notice_words import Notice
from ir.runtime.notifications import Desk, Post
from ir.storage import database, notice_log
from ir.storage.incident_index import IncidentRow
from ir.storage.notice_log import NoticeLog, Words
from tests.campaign.shop import Shop
from tests.incident.test_workflow import go
from tests.worlds.receiver import Receiver

NOW, DAY = START.timestamp(), 86400.0
PAGER = ("waiting", "rolled-back", "debt")
RUN = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]


class Place:
    """A `ports.Notifier` that keeps what arrives, and can be out of order."""

    def __init__(self) -> None:
        self.down, self.got = False, list[tuple[str, str, bool]]()

    def notify(self, title: str, body: str, *, urgent: bool) -> str:
        if self.down:
            raise Unknown("no answer")
        self.got.append((title, body, urgent))
        return "delivered"


class Later:
    """The clock of the log of notices."""

    def __init__(self) -> None:
        self.at = time.time()

    def time(self) -> float:
        return self.at


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    yield made
    made.dispose()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    made = Later()
    monkeypatch.setattr(notice_log, "time", made)
    return made


def desk(engine: sa.Engine, place: Place, *kinds: str, holder: str = "one") -> Desk:
    return Desk(NoticeLog(engine, holder), [Post("env://CHAT", frozenset(kinds), place)], gather=0.0)


# ── one incident ──


def test_a_grace_wakes_nobody(engine: sa.Engine) -> None:
    """Each key that entered it was "waits for you … Next: nothing"."""
    sim, place = Simulation("scheduled"), Place()
    sim.world.run.patient, made = False, desk(engine, place, *PAGER)
    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, announce=made.announce))
    go(sim)
    made.flush()
    assert place.got == []


@pytest.mark.parametrize("policy", ["exposed", "scheduled"])
def test_next_always_says_something_to_do(engine: sa.Engine, policy: str) -> None:
    sim, place = Simulation(policy, guided=True), Place()
    made = desk(engine, place, *inventory.NOTICE_KINDS)
    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, announce=made.announce))
    go(sim)
    made.flush()
    assert place.got
    for _, body, _ in place.got:
        assert "Next: ir " in body or ("Next: " in body and "nothing" not in body.split("Next: ")[1]), body


def test_a_rotation_that_changed_nothing_is_no_success(engine: sa.Engine) -> None:
    """It was of kind `done`: who hears of that still does, and the pager only in the second night."""
    sim, place, pager = Simulation("scheduled"), Place(), Place()
    sim.stores[next(iter(sim.stores))].shut = Unknown("sealed")
    posts = [Post("env://CHAT", frozenset(("done",)), place), Post("env://PAGER", frozenset(PAGER), pager)]
    made = Desk(NoticeLog(engine, "one"), posts, gather=0.0)
    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, announce=made.announce_of_many))
    go(sim)
    made.flush()
    assert [title.split(":")[0] for title, _, _ in place.got] == [f"{sim.incident} refused"] and pager.got == []


# ── what did not arrive ──


def test_what_needs_a_person_is_tried_until_it_arrives_by_whichever_process(engine: sa.Engine, later: Later) -> None:
    place = Place()
    place.down = True
    first = desk(engine, place, *PAGER)
    first.tell(Notice("INC-1", 4, "waiting", "INC-1 waits for you", "Next: ir resume INC-1"))
    first.flush()
    for _ in range(40):
        later.at += 3600
        again = desk(engine, place, *PAGER, holder="another process")
        again.again()
        again.flush()
    place.down, later.at = False, later.at + 3600
    last = desk(engine, place, *PAGER, holder="a third")
    last.again()
    last.flush()
    assert place.got == [("INC-1 waits for you", "Next: ir resume INC-1", True)]
    later.at += 3600
    last.again()
    last.flush()
    assert len(place.got) == 1


def test_what_a_dead_process_had_taken_is_sent_by_the_next(engine: sa.Engine, later: Later) -> None:
    assert NoticeLog(engine, "died").claim("INC-1", 4, "env://CHAT", "x", Words("debt", "INC-1 debt", "Next: ir resume INC-1"))
    place = Place()
    made = desk(engine, place, *PAGER)
    made.again()
    made.flush()
    assert place.got == [], "its process may be about to send it"
    later.at += 600
    made.again()
    made.flush()
    assert [title for title, _, _ in place.got] == ["INC-1 debt"]


def test_the_limit_is_one_per_kind_and_nothing_that_needs_a_person_is_held_back(engine: sa.Engine, later: Later) -> None:
    place, many = Place(), notice_log.MOST + 5
    made = desk(engine, place, *inventory.NOTICE_KINDS)
    for number in range(many):
        made.tell(Notice(f"INC-{number}", 0, "opened", f"INC-{number} opened", "Next: ir status"))
        made.tell(Notice(f"INC-{number}", 1, "waiting", f"INC-{number} waits for you", "Next: ir resume"))
    made.flush()
    said = "\n".join(title + body for title, body, _ in place.got)
    assert all(f"INC-{number} waits for you" in said for number in range(many))
    assert f"INC-{many - 1} opened" not in said
    later.at += 700
    place.got.clear()
    made.again()
    made.flush()
    [(title, body, urgent)] = place.got
    assert all(f"INC-{number} opened" in title + body for number in range(notice_log.MOST, many)) and not urgent, "held back, not lost"


# ── many keys ──

SOURCE = """
version: 1
accounts: [{name: main, id: acct_1Sim, mode: test}]
keys:
"""


def _rows(children: list[Child], index: list[IncidentRow], now: float, names: str = "abc") -> list[Row]:
    keys = [f'  - {{name: {n}, account: main, kind: secret, stored_in: ["dotenv://./{n}.env#KEY"], rotate_every: 30d}}' for n in names]
    return due.rows(inventory.loads(SOURCE + "\n".join(keys), "inventory.yaml"), children, index, now)


def _child(name: str, state: ChildState, at: float, *, attempt: int = 1, said: str = "") -> Child:
    child = Child(0, "CAM-1", 0, name, f"acct_1Sim/{name}", "acct_1Sim", (), (), False, incident=f"INC-{name}{attempt}", due=int(NOW))
    ended = 0.0 if state is ChildState.WAITING else at
    return replace(child, state=state, attempt=attempt, began_at=at, ended_at=ended, said=said)


def _incident(name: str, status: str, **more: object) -> IncidentRow:
    told = {"key": name, "account": "acct_1Sim", **more}
    return IncidentRow(f"INC-{name}1", NOW, NOW, status, 4, told)


def test_a_key_that_stands_in_line_holds_up_nobody(engine: sa.Engine) -> None:
    """Its grace was over and no worker had come to it yet: "still holds up key", to the pager."""
    waits = _child("a", ChildState.WAITING, NOW)
    [row, *_] = _rows([waits], [_incident("a", "waiting", wake_at=NOW + 5)], NOW + 60)
    assert row.key.name == "a" and due.stuck([row], NOW + 60) == []
    [row, *_] = _rows([waits], [_incident("a", "waiting")], NOW + 60)
    assert [one.key.name for one in due.stuck([row], NOW + 60)] == ["a"]


def test_the_pager_hears_of_a_failure_in_the_second_night_and_once_a_day() -> None:
    tries = [_child("a", ChildState.REFUSED, NOW + n * 4 * 3600, attempt=n + 1, said="the store is sealed") for n in range(7)]
    told = dict[tuple[str, int], tuple[int, Notice]]()
    for hours in range(80):
        now = NOW + 3600 * hours
        begun = [child for child in tries if child.began_at <= now]
        [row, *_] = _rows(begun, [], now, "a")
        notice = due.again(row, now)
        if notice is not None:
            told.setdefault((notice.incident, notice.entry), (hours, notice))
    assert [hours for hours, _ in told.values()] == [20, 44, 68]
    _, notice = next(iter(told.values()))
    assert notice.kind == "waiting" and "the store is sealed" in notice.body and "Next: ir " in notice.body


def test_a_night_is_one_message() -> None:
    morning = NOW // DAY * DAY + digest.MORNING
    children = [
        _child("a", ChildState.DONE, morning - 3600),
        _child("b", ChildState.REFUSED, morning - 3600),
        _child("c", ChildState.WAITING, NOW),
    ]
    notices = [
        digest.night(_rows(children, [_incident("c", "waiting", wake_at=NOW + DAY)], now), children, now)
        for now in (morning, morning + 9e3)
    ]
    [first, second] = notices
    assert first is not None and second is not None and (first.incident, first.entry) == (second.incident, second.entry)
    for words in ("rotated: 1 (a)", "not rotated: 1 (b)", "both keys live: 1 (c)", "Next: ir schedule list"):
        assert words in first.body, first.body
    assert digest.night(_rows([], [], morning), [], morning) is None


def test_the_digest_counts_down_what_laws_want(company: Shop) -> None:
    """Nothing told of a clock that ran unless an incident had other news."""
    company.add("a", rotate_every="30d")
    with Receiver() as chat:
        company.write(chat=chat.url)
        assert company.ir(*RUN)[0] == 0
        name = json.loads(company.ir("status", "--json")[1])["incidents"][0]["incident"]
        code, said = company.ir("classify", name, "--breach", "--by", "Ada", "--reason", "customers are concerned")
        assert code == 0, said
        before = len(chat.got)
        assert company.ir(*RUN)[0] == 0
        told = " ".join(map(str, chat.got[before:]))
    assert f"still to do: {name}: tell authority by " in told and "left (Regulation (EU) 2016/679, art. 33(1))" in told, told
    assert "Next: ir schedule list; ir notify list INC" in told
    assert digest.countdown([IncidentRow(name, 0, 0, "done", 0, {"account": "acct_other", "clocks": [{}]})], {"acct_mine"}, NOW) == []


@pytest.mark.parametrize(
    ("status", "said", "todo"), [("running", "", "status"), ("paused", "3 keys failed", "resume"), ("done", "", "report")]
)
def test_a_campaign_is_told_when_it_begins_pauses_and_is_done(status: str, said: str, todo: str) -> None:
    row = {"campaign": "CAM-1", "status": status, "said": said, "forgiven": 0}
    notice = digest.campaign(row, [_child("a", ChildState.DONE, NOW), _child("b", ChildState.REFUSED, NOW)])
    assert notice.kind == "digest" and said in notice.body and f"Next: ir campaign {todo} CAM-1" in notice.body


def test_a_campaign_of_the_real_command_tells_of_itself_and_of_no_key_that_went_well(company: Shop) -> None:
    for name in "abc":
        company.add(name)
    with Receiver() as chat:
        company.write(chat=chat.url)
        assert company.ir(*company.rotate("--all"))[0] == 0
        told = " ".join(map(str, chat.got))
    assert told.count("begun: 3 keys") == 1 and told.count("done: 3 keys") == 1
    assert "INC-" not in told.replace("ir status INC", ""), told
