"""Order, limits and stop rule of a campaign; and that of many workers one gets a child."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ir import inventory
from ir.core.errors import ExitCode, UsageError
from ir.fleet.campaign import Child, ChildState, Choice, Limits, chosen, exit_code, must_pause, next_child, sliced, time_left
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import of_kind, only
from ir.runtime.app_state import database_address
from ir.runtime.incident_spec import inventory_text
from ir.storage import database, process_identity
from tests.worlds.postgres import Postgres

TEXT = """
version: 1
accounts:
  - {name: main, id: acct_1, mode: test}
  - {name: other, id: acct_2, mode: test}
keys:
  - {name: a, account: main, kind: secret, stored_in: ["vault://secret/prod/a#k"], tags: [payments], rotate_every: 30d}
  - {name: b, account: other, kind: secret, stored_in: ["vault://secret/production#k", "dotenv://x.env#B"]}
  - {name: c, account: main, kind: secret, stored_in: ["vault://secret/prod/c#k", "vault://secret/prod/c#old"], tags: [canary, payments]}
services:
  - {name: s, uses: [a, b], reads_from: ["vault://secret/prod/a#k", "dotenv://x.env#B"], reload: {polls: 1s}, verify: [{http: "http://h/"}]}
"""


def _child(position: int, **more: object) -> Child:
    first = {"account": "acct_1", "stores": ("vault://secret",), "objects": (f"o{position}",), "canary": False}
    return Child(position, "CAM-1", position, f"k{position}", f"acct_1/k{position}", **{**first, **more})  # type: ignore[arg-type]  # a test's shorthand


def test_which_keys_and_canaries_first() -> None:
    source = inventory.loads(TEXT, "i.yaml")
    assert [key.name for key in chosen(source, Choice(everything=True))] == ["c", "a", "b"]
    assert [key.name for key in chosen(source, Choice(tags=("payments",)))] == ["c", "a"]
    assert [key.name for key in chosen(source, Choice(accounts=("acct_2",)))] == ["b"]
    assert [key.name for key in chosen(source, Choice(stored_in=("vault://secret/prod",)))] == ["c", "a"], "a name is never cut"
    assert [key.name for key in chosen(source, Choice(stored_in=("vault://secret/prod/a#k",)))] == ["a"]
    assert [key.name for key in chosen(source, Choice(accounts=("main",), names=("a", "b")))] == ["a"]
    for wrong in (Choice(names=("zz",)), Choice(accounts=("acct_9",)), Choice(tags=("none",))):
        with pytest.raises(UsageError):
            chosen(source, wrong)


def test_an_incident_knows_the_inventory_as_far_as_its_key_is_concerned() -> None:
    source = inventory.loads(TEXT, "i.yaml")
    alone = inventory.loads(inventory_text(sliced(source, source.key("a"))), "slice")
    assert ([key.name for key in alone.keys], [account.name for account in alone.accounts]) == (["a"], ["main"])
    assert [(service.name, service.uses) for service in alone.services] == [("s", ["a"])]


def test_order_and_limits() -> None:
    rows = [_child(n) for n in range(4)]
    first = next_child(rows, Limits(), 0)
    assert first is rows[0]
    running = [replace(rows[0], state=ChildState.RUNNING), *rows[1:]]
    assert next_child(running, Limits(at_once=1), 0) is None
    assert next_child(running, Limits(per_account=1), 0) is None
    assert next_child(running, Limits(per_store=1), 0) is None
    assert next_child([*running[:2], replace(rows[2], account="acct_2")], Limits(per_account=1), 0) is not rows[1]
    assert next_child(running, Limits(at_once=0, per_account=0, per_store=0), 0) is rows[1]
    same = [replace(rows[0], state=ChildState.WAITING), replace(rows[1], objects=("o0",)), rows[2]]
    assert next_child(same, Limits(), 0) is rows[2], "one incident at a time holds a store object, waiting or not"
    assert next_child([replace(rows[0], not_before=9.0)], Limits(), 5.0) is None


def test_canaries_must_be_through_before_others_begin() -> None:
    rows = [_child(0, canary=True), _child(1)]
    under_way = [replace(rows[0], state=ChildState.RUNNING), rows[1]]
    assert next_child(under_way, Limits(), 0) is None
    assert next_child(under_way, Limits(), 0, gated=False) is rows[1]
    assert next_child([replace(rows[0], state=ChildState.DONE), rows[1]], Limits(), 0) is rows[1]
    failed = [replace(rows[0], state=ChildState.FAILED), rows[1]]
    assert "canary" in must_pause(failed, Limits(stop_after=3), 0)
    assert must_pause(failed, Limits(stop_after=3), 1) == ""
    assert next_child(failed, Limits(), 0) is rows[1], "whoever resumed the campaign goes on without it"


def test_stop_rule_exit_codes_and_time_left() -> None:
    failed = [replace(_child(n), state=ChildState.FAILED, said="no") for n in range(2)]
    assert must_pause(failed, Limits(stop_after=3), 0) == ""
    assert "2 keys failed" in must_pause(failed, Limits(stop_after=2), 0)
    assert must_pause(failed, Limits(stop_after=2), 2) == "", "what was seen when it was resumed is forgiven"
    assert must_pause(failed, Limits(stop_after=0), 0) == ""

    def code(*states: ChildState, sleeping: tuple[str, ...] = ()) -> ExitCode:
        return exit_code([replace(_child(n), state=state, incident=f"INC-{n}") for n, state in enumerate(states)], sleeping=sleeping)

    assert code(ChildState.DONE) is ExitCode.DONE
    assert code(ChildState.DONE, ChildState.WAITING, ChildState.DEBT) is ExitCode.DEBT
    assert code(ChildState.DONE, ChildState.WAITING) is ExitCode.WAITING
    assert code(ChildState.DONE, ChildState.WAITING, sleeping=("INC-1",)) is ExitCode.DONE, "a grace period is no human's"
    assert code(ChildState.REFUSED) is ExitCode.REFUSED
    assert code(ChildState.REFUSED, ChildState.DONE) is ExitCode.DEBT
    paced = [replace(_child(0), state=ChildState.DONE, began_at=100.0, ended_at=110.0), _child(1), _child(2)]
    assert time_left(paced, 110.0) == 20.0
    assert time_left([_child(0)], 5.0) is None


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, postgresql: Postgres, tmp_path: Path) -> Iterator[CampaignLedger]:
    address = f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else database_address(postgresql.database())
    engine = database.open_engine(address)
    yield CampaignLedger(engine)
    engine.dispose()


def test_of_many_workers_one_gets_a_child_and_limits_hold(book: CampaignLedger) -> None:
    book.open("CAM-1", "campaign", "ann", Limits(5, 0, 0, 0), {}, [(_child(n), {"n": n}) for n in range(9)])
    got: list[Child] = []

    def reach(name: str) -> None:
        me = replace(process_identity.me(name), executor=name)
        while (child := book.claim(me, f"INC-{name}-{len(got)}", only("CAM-1"))) is not None:
            got.append(child)

    threads = [threading.Thread(target=reach, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len({child.id for child in got}) == 5, "five at once, none twice"
    book.settle(got[0], ChildState.DONE, exit_code=0)
    assert book.claim(process_identity.me("x"), "INC-x", only("CAM-1")) is not None
    assert book.setting(got[0]) == {"n": got[0].position}


def test_a_campaign_pauses_by_its_stop_rule_and_goes_on_when_told(book: CampaignLedger) -> None:
    book.open("CAM-1", "campaign", "ann", Limits(stop_after=2), {}, [(_child(n), {}) for n in range(4)])
    me = process_identity.me("w")
    for _ in range(2):
        child = book.claim(me, "INC", of_kind("campaign"))
        assert child is not None
        book.settle(child, ChildState.FAILED, said="it broke")
    row = book.campaign("CAM-1")
    assert row is not None
    assert (row["status"], "it broke" in row["said"]) == ("paused", True)
    assert book.claim(me, "INC", of_kind("campaign")) is None
    book.say("CAM-1", "running", "")
    while (child := book.claim(me, "INC", of_kind("campaign"))) is not None:
        book.settle(child, ChildState.DONE, exit_code=0)
    row = book.campaign("CAM-1")
    assert row is not None
    assert row["status"] == "done"


def test_only_a_dead_workers_children_are_orphans_and_one_worker_seizes_each(book: CampaignLedger) -> None:
    book.open("CAM-1", "campaign", "ann", Limits(), {}, [(_child(n), {}) for n in range(2)])
    alive, dead = process_identity.me("alive"), replace(process_identity.me("dead"), executor="dead", pid=2**22 - 1, born="1")
    for me in (alive, dead):
        book.workers.beat(me)
        assert book.claim(me, f"INC-{me.actor}", only("CAM-1")) is not None
    [orphan] = book.orphans(only("CAM-1"))
    assert orphan.owner == "dead"
    assert [worker["actor"] for worker in book.workers.living()] == ["alive"]
    assert [book.seize(orphan, replace(alive, executor=name)) for name in ("one", "two")] == [True, False]


def test_a_child_that_rests_takes_no_limit_and_is_an_orphan_of_a_dead_worker(book: CampaignLedger) -> None:
    """Two of one account at once: the third began only when one of them had ended, however long it waited for nothing but time."""
    book.open("CAM-1", "campaign", "ann", Limits(2, 2, 2, 0), {}, [(_child(n), {}) for n in range(4)])
    dead = replace(process_identity.me("dead"), executor="dead", pid=2**22 - 1, born="1")
    first, second = (book.claim(dead, f"INC-{n}", only("CAM-1")) for n in range(2))
    assert first is not None and second is not None and book.claim(dead, "INC-2", only("CAM-1")) is None
    book.mark(first, ChildState.RESTING)
    assert book.claim(dead, "INC-2", only("CAM-1")) is not None
    assert [child.state.value for child in book.orphans(only("CAM-1"))] == ["resting", "running", "running"]
    orphan = book.orphans(only("CAM-1"))[0]
    assert book.seize(orphan, process_identity.me("alive"))
    book.mark(orphan, ChildState.RUNNING)
    assert book.children("CAM-1")[0].owner != "dead", "the dead one, were it alive, could not take it back"


def test_a_due_date_is_begun_once(book: CampaignLedger) -> None:
    seen: list[int] = []

    def due(before: list[Child], _now: float) -> list[tuple[Child, dict[str, object]]]:
        seen.append(len(before))
        return [] if before else [(_child(0, due=1_800_000_000), {})]

    threads = [threading.Thread(target=book.open_due, args=(f"CAM-{n}", "ann", Limits(), due)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(seen), len(book.children())) == ([0, 1, 1, 1], 1)


def test_a_child_far_down_a_long_campaign_is_found_when_those_before_it_must_wait(book: CampaignLedger) -> None:
    rows = [_child(n, account="acct_1" if n < 60 else "acct_2") for n in range(62)]
    book.open("CAM-1", "campaign", "ann", Limits(0, 1, 0, 0), {}, [(row, {}) for row in rows])
    claimed = [book.claim(process_identity.me("w"), f"INC-{n}", only("CAM-1")) for n in range(3)]
    assert [child.position if child else None for child in claimed] == [0, 60, None]
