"""A whole life in stores whose reads are behind: no conflict that nobody made, nothing undone that was not, and the truth in the end."""

from collections.abc import Iterator

import pytest

from ir.adapters.stores import old_news
from ir.core.errors import Conflict, Unknown
from tests.worlds.joined import WORLDS
from tests.worlds.lagging import lagging
from tests.worlds.stores import StoreWorld, key

INCIDENT = "INC-20261123-ab12"


@pytest.fixture(params=["aws, field", "aws-ssm, field", "vault", "conjur", "gcp-sm, field", "azure-kv, field", "k8s"])
def world(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
    yield from WORLDS[request.param](request)


@pytest.mark.parametrize("behind", [0.2, 1.0])
def test_a_whole_life_behind(world: StoreWorld, behind: float) -> None:
    old, new = key(), key()
    ref = world.place(old)
    with lagging(world.upstream, behind) as (way, lag), world.through(way.address):
        store = world.make(ref)
        before = store.read().version
        store.keep(INCIDENT, "old", old)
        assert store.fetch(INCIDENT, "old") == old
        store.stage(INCIDENT, new)
        assert store.fetch(INCIDENT, "staged") == new
        after = store.promote(INCIDENT, new, expected=before)
        assert world.seen(ref) == new.reveal() and store.read().value == new and after != before
        assert store.promote(INCIDENT, new, expected=before) == after
        store.undo(INCIDENT, old, new)
        assert world.seen(ref) == old.reveal() and store.read().value == old, "an old read is no proof that it was undone"
        store.undo(INCIDENT, old, new)
        store.promote(INCIDENT, new, expected=store.read().version)
        assert world.seen(ref) == new.reveal() and store.read().value == new
        store.discard(INCIDENT)
        assert lag.old > 0
    assert world.traces(ref, INCIDENT) == [] and world.seen(ref) == new.reveal()


def test_a_stranger_s_write_is_a_conflict_all_the_same(world: StoreWorld) -> None:
    old, new, theirs = key(), key(), key()
    ref = world.place(old)
    with lagging(world.upstream, 0.3) as (way, _), world.through(way.address):
        store = world.make(ref)
        before = store.read().version
        world.write(ref, theirs)
        with pytest.raises(Conflict):
            store.promote(INCIDENT, new, expected=before)
        assert world.seen(ref) == theirs.reveal()


def test_what_stays_behind_is_unknown(world: StoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded: neither a conflict nor done."""
    monkeypatch.setattr(old_news, "PATIENCE", 0.6)
    old, new = key(), key()
    ref = world.place(old)
    with lagging(world.upstream, 60.0) as (way, _), world.through(way.address):
        store = world.make(ref)
        before = store.read().version
        with pytest.raises(Unknown, match="a copy of the store is behind"):
            store.promote(INCIDENT, new, expected=before)
        with pytest.raises(Unknown, match="a copy of the store is behind"):
            store.undo(INCIDENT, old, new)
    assert world.seen(ref) in (new.reveal(), old.reveal())


def test_a_long_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(old_news, "_tell", [heard.append])
    number = iter(range(100))
    assert old_news.awaited(lambda: next(number), lambda found: found < 8, "vault://secret/pay") == 8
    assert len(heard) == 1 and heard[0].startswith("vault://secret/pay: a copy of the store is behind")


def test_another_process_does_not_take_old_news_for_an_undo(world: StoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that promoted has died: who comes next knows of no write, and reads the store as it was before it."""
    old, new = key(), key()
    ref = world.place(old)
    with lagging(world.upstream, 1.0) as (way, _), world.through(way.address):
        store = world.make(ref)
        before = store.read().version
        with monkeypatch.context() as dying:
            dying.setattr(old_news, "PATIENCE", 0.0)
            with pytest.raises(Unknown):
                store.promote(INCIDENT, new, expected=before)
        monkeypatch.setattr("ir.adapters.stores.aws.versions._moves", {})
        world.make(ref).undo(INCIDENT, old, new)
    assert world.seen(ref) == old.reveal()
