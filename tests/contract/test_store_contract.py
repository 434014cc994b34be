"""The contract of `ports.Store`, held against every adapter and the real thing behind it, seen with other eyes."""

import base64
import contextlib
import dataclasses
import logging
import time
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ir.core.errors import Conflict, Denied, Missing, PortError, Unknown
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.joined import WORLDS
from tests.worlds.stores import NEIGHBOUR, StoreWorld, key

INCIDENT = "INC-20261123-ab12"
OTHER = "INC-20261122-zz99"


class Witness:
    """A store whose every answer and exception is kept, as text, to be searched."""

    def __init__(self, store: Store, heard: list[str]) -> None:
        self._store, self._heard = store, heard

    def __getattr__(self, name: str) -> Any:  # whatever the store has under that name
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def witnessed(*args: object, **kwargs: object) -> object:
            try:
                answer = found(*args, **kwargs)
            except PortError as error:
                self._heard += [_all_of(error), error.safe, error.next_step]
                raise
            self._heard.append(f"{answer!r} {answer!s}")
            return answer

        return witnessed


def _all_of(error: BaseException) -> str:
    """An exception with everything that hangs on it, suppressed contexts too."""
    parts, seen = ["".join(traceback.format_exception(error))], error.__context__
    while seen is not None:
        parts.append(f"{seen!r} {vars(seen)!r}")
        seen = seen.__context__
    return " ".join(parts)


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
    yield from WORLDS[request.param](request)


@pytest.fixture
def old() -> Secret:
    return key()


@pytest.fixture
def new() -> Secret:
    return key()


@pytest.fixture
def make(world: StoreWorld, old: Secret, new: Secret, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Store]]:
    """Fresh adapters, and at the end a search for both keys in all that was returned, raised or logged at DEBUG."""
    heard: list[str] = []
    caplog.set_level(logging.DEBUG)
    for library in ("botocore", "urllib3", "boto3", "hvac", "requests", "keyring"):
        caplog.set_level(logging.DEBUG, logger=library)
    yield lambda ref, **kw: Witness(world.make(ref, **kw), heard)
    text = "\n".join([*heard, *(record.getMessage() + repr(record.args) for record in caplog.records)])
    for secret in (old, new):
        for form in _forms(secret):
            assert form not in text


def _forms(secret: Secret) -> list[str]:
    raw = secret.reveal()
    shifted = [base64.b64encode(b"x" * n + raw.encode()).decode()[4:-4] for n in range(3)]
    return [raw, urllib.parse.quote(raw, safe=""), raw.encode().hex(), *shifted]


Make = Callable[..., Store]


# ── read ──────────────────────────────────────────────────────────────────────────────────────────────


def test_reads_the_current_value_and_names_the_siblings(world: StoreWorld, make: Make, old: Secret) -> None:
    held = make(world.place(old)).read()
    assert held.value == old
    assert held.version
    assert bool(held.siblings) is world.neighbours


def test_a_key_in_another_field_of_the_object_is_told_by_its_fingerprint(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    """The same one twice, another one, or one within a longer text."""
    if not world.neighbours:
        pytest.skip("nothing stands beside the key there")
    ref = world.place(old)
    assert make(ref).read().others == ()
    for text, mark in ((new.reveal(), new), (f"user:{old.reveal()}@host", old), (old.reveal(), old)):
        world.write_neighbour(ref, text)
        held = make(ref).read()
        assert [found for _, found in held.others] == [mark.fingerprint]
        assert held.twins(mark.fingerprint) and held.value == old and text not in repr(held)
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    assert make(ref).read().twins(old.fingerprint), "the other field is no business of a write"


def test_white_space_around_a_key_is_none_of_it(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    """A line end that somebody pasted along: the key is used without, and the new one is written without."""
    ref = world.place(Secret(f"{old.reveal()} \n"))
    held = make(ref).read()
    assert held.value == old and held.blanks
    store = make(ref)
    store.keep("INC-20261123-ab12", "old", old) if world.custodian else None
    store.promote("INC-20261123-ab12", new, expected=held.version)
    assert world.seen(ref) == new.reveal()
    assert not make(ref).read().blanks
    store.undo("INC-20261123-ab12", old, new)
    assert world.seen(ref) == old.reveal()


def test_what_is_not_there_is_missing(world: StoreWorld, make: Make) -> None:
    with pytest.raises(Missing):
        make(world.nowhere()).read()


def test_a_changed_value_is_another_version(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    before = make(ref).read().version
    assert make(ref).read().version == before
    world.write(ref, new)
    assert make(ref).read().version != before


def test_a_stamp_is_that_of_what_stands_there(world: StoreWorld, old: Secret, new: Secret, make: Callable[..., Store]) -> None:
    """Where a kind promises one: the same as long as nothing changed, another one after each change, and without the value."""
    ref = world.place(old)
    store = make(ref)
    held = store.read()
    assert bool(held.stamp) is ref.promises.stamps
    assert make(ref).stamp() == held.stamp
    store.promote(INCIDENT, new, expected=held.version)
    now = make(ref).read()
    assert make(ref).stamp() == now.stamp
    assert (now.stamp != held.stamp) is ref.promises.stamps
    store.undo(INCIDENT, old, new)
    again = make(ref).read()
    assert again.value == old
    assert (again.stamp not in (held.stamp, now.stamp)) is ref.promises.stamps or again.version == held.version


# ── stage ─────────────────────────────────────────────────────────────────────────────────────────────


def test_staged_is_unseen(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    assert bool(make(ref).stage(INCIDENT, new)) is world.stages
    assert world.seen(ref) == old.reveal()
    assert make(ref).read().value == old


def test_staging_twice_is_staging_once(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    first, once = make(ref).stage(INCIDENT, new), world.census(ref)
    assert make(ref).stage(INCIDENT, new) == first
    assert world.census(ref) == once


# ── promote ───────────────────────────────────────────────────────────────────────────────────────────


def test_promotes_and_keeps_the_neighbours(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    beside = world.neighbour(ref) if world.neighbours else ""
    before = make(ref).read()
    make(ref).stage(INCIDENT, new)
    version = make(ref).promote(INCIDENT, new, expected=before.version)
    after = make(ref).read()
    assert (after.value, after.version) == (new, version)
    assert world.seen(ref) == new.reveal()
    if world.neighbours:
        assert world.neighbour(ref) == beside
        assert after.siblings == before.siblings


def test_promotes_without_a_stage(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    assert world.seen(ref) == new.reveal()


def test_promoting_twice_is_promoting_once(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    expected = make(ref).read().version
    make(ref).stage(INCIDENT, new)
    first, once = make(ref).promote(INCIDENT, new, expected=expected), world.census(ref)
    assert make(ref).promote(INCIDENT, new, expected=expected) == first
    assert world.census(ref) == once


@pytest.mark.parametrize("when", ["before the stage", "after the stage"])
def test_a_neighbours_change_is_kept(world: StoreWorld, make: Make, old: Secret, new: Secret, when: str) -> None:
    if not world.neighbours:
        pytest.skip("the key is alone in this object")
    ref = world.place(old)
    expected = make(ref).read().version
    if when == "before the stage":
        world.write_neighbour(ref, "changed")
    make(ref).stage(INCIDENT, new)
    if when == "after the stage":
        world.write_neighbour(ref, "changed")
    make(ref).promote(INCIDENT, new, expected=expected)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "changed")


def test_a_strangers_value_is_a_conflict(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref, third = world.place(old), key()
    expected = make(ref).read().version
    make(ref).stage(INCIDENT, new)
    world.write(ref, third)
    with pytest.raises(Conflict):
        make(ref).promote(INCIDENT, new, expected=expected)
    assert world.seen(ref) == third.reveal()


def test_a_lost_answer_is_unknown_and_the_next_try_finds_the_deed_done(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.loses_answers:
        pytest.skip("nothing lies between the adapter and this store that could lose an answer")
    ref = world.place(old)
    expected = make(ref).read().version
    for _ in range(4):  # Each call of a promote can lose its answer once.
        with world.lossy(ref) as store, pytest.raises(Unknown):
            store.promote(INCIDENT, new, expected=expected)
        if world.seen(ref) == new.reveal():
            break
    version = make(ref).promote(INCIDENT, new, expected=expected)
    assert (make(ref).read().version, world.seen(ref)) == (version, new.reveal())


# ── undo ──────────────────────────────────────────────────────────────────────────────────────────────


def test_undo_puts_one_field_back(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    if world.neighbours:
        world.write_neighbour(ref, "changed meanwhile")
    version = make(ref).undo(INCIDENT, old, new)
    assert world.seen(ref) == old.reveal()
    assert make(ref).read().version == version
    if world.neighbours:
        assert world.neighbour(ref) == "changed meanwhile"
    once = world.census(ref)
    assert make(ref).undo(INCIDENT, old, new) == version
    assert world.census(ref) == once


def test_undo_leaves_a_third_value_alone(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref, third = world.place(old), key()
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    world.write(ref, third)
    with pytest.raises(Conflict):
        make(ref).undo(INCIDENT, old, new)
    assert world.seen(ref) == third.reveal()


def test_forth_and_back_and_forth_again(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    expected = make(ref).read().version
    for _ in range(2):
        make(ref).stage(INCIDENT, new)
        make(ref).promote(INCIDENT, new, expected=expected)
        assert world.seen(ref) == new.reveal()
        make(ref).undo(INCIDENT, old, new)
        assert world.seen(ref) == old.reveal()


# ── discard, custody ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("promoted", [False, True])
def test_discard_removes_our_traces_and_nothing_else(world: StoreWorld, make: Make, old: Secret, new: Secret, promoted: bool) -> None:
    ref = world.place(old)
    expected = make(ref).read().version
    if world.custodian:
        make(ref).keep(INCIDENT, "old", old)
        make(ref).keep(INCIDENT, "new-1", new)
    make(ref).stage(INCIDENT, new)
    if promoted:
        make(ref).promote(INCIDENT, new, expected=expected)
    current = world.seen(ref)
    make(ref).discard(INCIDENT)
    make(ref).discard(INCIDENT)
    assert world.traces(ref, INCIDENT) == []
    assert world.seen(ref) == current


def test_custody_outlives_the_process_and_ends_with_discard(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.custodian:
        pytest.skip("this store holds no custody")
    ref = world.place(old)
    before = make(ref).read().version
    assert make(ref).fetch(INCIDENT, "old") is None
    address = make(ref).keep(INCIDENT, "old", old)
    make(ref).keep(INCIDENT, "new-1", new)
    once = world.census(ref)
    assert make(ref).keep(INCIDENT, "old", old) == address
    assert make(ref).keep(INCIDENT, "new-1", new)
    assert world.census(ref) == once
    make(ref).stage(INCIDENT, new)
    make(ref).promote(INCIDENT, new, expected=before)
    assert make(ref).fetch(INCIDENT, "old") == old
    assert make(ref).fetch(INCIDENT, "new-1") == new
    assert make(ref).fetch(INCIDENT, "new-2") is None
    assert make(ref).fetch(OTHER, "old") is None
    make(ref).discard(INCIDENT)
    assert make(ref).fetch(INCIDENT, "old") is None
    assert make(ref).fetch(INCIDENT, "new-1") is None
    assert world.seen(ref) == new.reveal()


def test_two_incidents_keep_apart(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.custodian:
        pytest.skip("this store holds no custody")
    ref = world.place(old)
    make(ref).keep(INCIDENT, "old", old)
    make(ref).keep(OTHER, "old", new)
    make(ref).discard(INCIDENT)
    assert make(ref).fetch(OTHER, "old") == new


def test_a_strangers_stage_is_pending_until_it_is_promoted(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    assert make(ref).pending(INCIDENT) is None
    if not world.stages:
        return
    make(ref).stage(OTHER, new)
    assert make(ref).pending(OTHER) is None
    found = make(ref).pending(INCIDENT)
    assert found is not None
    assert OTHER in found.owner
    make(ref).promote(OTHER, new, expected=make(ref).read().version)
    assert make(ref).pending(INCIDENT) is None


# ── neighbours: another field of the same object, by somebody else or by another incident ─────────────


def test_a_neighbours_writes_survive_every_step(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.neighbours:
        pytest.skip("the key is alone in this object")
    ref = world.place(old)
    before = make(ref).read().version
    prove = getattr(make(ref), "prove_write", None) if world.stages else None
    steps: list[tuple[str, Callable[[], object]]] = [
        ("keep", lambda: make(ref).keep(INCIDENT, "old", old) if world.custodian else None),
        ("prove", lambda: prove(INCIDENT) if prove is not None else None),
        ("stage", lambda: make(ref).stage(INCIDENT, new)),
        ("promote", lambda: make(ref).promote(INCIDENT, new, expected=before)),
        ("promote again", lambda: make(ref).promote(INCIDENT, new, expected=before)),
        ("undo", lambda: make(ref).undo(INCIDENT, old, new)),
        ("promote once more", lambda: make(ref).promote(INCIDENT, new, expected=before)),
        ("discard", lambda: make(ref).discard(INCIDENT)),
    ]
    for number, (name, step) in enumerate(steps):
        world.write_neighbour(ref, f"written-in-the-soak-{number}")
        step()
        assert world.neighbour(ref) == f"written-in-the-soak-{number}", name
    assert world.seen(ref) == new.reveal()


@pytest.mark.parametrize("undone", [False, True])
def test_two_incidents_on_two_fields_lose_nobodys_value(world: StoreWorld, make: Make, old: Secret, new: Secret, undone: bool) -> None:
    """Leases keep them apart where they share a database; on two machines without one, only the store itself does."""
    if not world.neighbours:
        pytest.skip("the key is alone in this object")
    ref, theirs, fresh = world.place(old), key(), key()
    world.write_neighbour(ref, theirs.reveal())
    beside = dataclasses.replace(ref, field=NEIGHBOUR)
    ours, other = make(ref).read().version, make(beside).read().version
    for incident, place, value in ((INCIDENT, ref, old), (OTHER, beside, theirs)):
        if world.custodian:
            make(place).keep(incident, "old", value)
    make(ref).stage(INCIDENT, new)
    make(beside).stage(OTHER, fresh)
    make(ref).promote(INCIDENT, new, expected=ours)
    make(beside).promote(OTHER, fresh, expected=other)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), fresh.reveal())
    if undone:
        make(ref).undo(INCIDENT, old, new)
    make(ref).discard(INCIDENT)
    assert (world.seen(ref), world.neighbour(ref)) == ((old if undone else new).reveal(), fresh.reveal())
    if world.custodian:
        assert make(beside).fetch(OTHER, "old") == theirs
    make(beside).undo(OTHER, theirs, fresh)
    assert (world.seen(ref), world.neighbour(ref)) == ((old if undone else new).reveal(), theirs.reveal())
    make(beside).discard(OTHER)
    assert world.traces(ref, OTHER) == world.traces(ref, INCIDENT) == []


# ── what others, and we ourselves, left ───────────────────────────────────────────────────────────────


def test_what_an_incident_left_is_found_by_its_id(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    assert make(ref).left(INCIDENT).roles == ()
    if not world.stages:
        return
    began = time.time()
    make(ref).keep(INCIDENT, "old", old)
    make(ref).keep(INCIDENT, "new-1", new)
    make(ref).stage(INCIDENT, new)
    left = make(ref).left(INCIDENT)
    assert set(left.roles) == {"old", "new-1", "staged"}
    assert left.since == 0.0 or began - 2 < left.since < time.time() + 2
    assert make(ref).fetch(INCIDENT, "staged") == new
    assert make(ref).left(OTHER).roles == () and make(ref).fetch(OTHER, "staged") is None
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    assert {"old", "new-1"} <= set(make(ref).left(INCIDENT).roles), "custody outlives the promotion"
    make(ref).discard(INCIDENT)
    assert make(ref).left(INCIDENT).roles == ()


def test_who_left_something_is_told_without_knowing_the_id(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    """Whoever comes to a store after a machine was lost has no id to ask for."""
    ref = world.place(old)
    assert make(ref).incidents() == ()
    if not world.custodian:
        return
    make(ref).keep(INCIDENT, "old", old)
    make(ref).keep(OTHER, "new-1", new)
    assert set(make(ref).incidents()) == {INCIDENT, OTHER}
    make(ref).stage(INCIDENT, new)
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    assert set(make(ref).incidents()) == {INCIDENT, OTHER}, "what was promoted is not over"
    for incident in (INCIDENT, OTHER):
        make(ref).discard(incident)
    assert make(ref).incidents() == ()


def test_an_id_that_begins_like_ours_is_not_ours(world: StoreWorld, make: Make, old: Secret) -> None:
    if not world.custodian:
        pytest.skip("this store holds no custody")
    ref = world.place(old)
    make(ref).keep(INCIDENT + "9", "old", old)
    assert make(ref).left(INCIDENT).roles == ()


def test_a_dropped_stage_is_gone_and_nothing_else_is(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.stages:
        pytest.skip("nothing can be staged here")
    ref, third = world.place(old), key()
    make(ref).keep(OTHER, "new-1", third)
    make(ref).keep(INCIDENT, "old", old)
    make(ref).stage(OTHER, third)
    found = make(ref).pending(INCIDENT)
    assert found is not None and found.incident == OTHER
    if world.neighbours:
        world.write_neighbour(ref, "changed meanwhile")
    make(ref).drop(found)
    make(ref).drop(found)
    assert make(ref).pending(INCIDENT) is None
    assert make(ref).fetch(OTHER, "staged") is None
    assert make(ref).fetch(OTHER, "new-1") == third, "custody may be all that holds a living key"
    assert make(ref).fetch(INCIDENT, "old") == old
    assert world.seen(ref) == old.reveal()
    if world.neighbours:
        assert world.neighbour(ref) == "changed meanwhile"
    make(ref).stage(INCIDENT, new)
    make(ref).promote(INCIDENT, new, expected=make(ref).read().version)
    assert world.seen(ref) == new.reveal()


def test_a_stage_alone_leaves_no_trace_once_it_is_dropped(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.stages:
        pytest.skip("nothing can be staged here")
    ref = world.place(old)
    make(ref).stage(OTHER, new)
    found = make(ref).pending(INCIDENT)
    assert found is not None
    make(ref).drop(found)
    assert make(ref).left(OTHER).roles == ()
    assert world.seen(ref) == old.reveal()


def test_another_stage_than_the_one_that_was_shown_stays(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.stages:
        pytest.skip("nothing can be staged here")
    ref, third = world.place(old), key()
    make(ref).stage(OTHER, third)
    shown = make(ref).pending(INCIDENT)
    assert shown is not None
    make(ref).stage(OTHER, new)
    with pytest.raises(Conflict):
        make(ref).drop(shown)
    assert make(ref).fetch(OTHER, "staged") == new


def test_a_stage_that_became_current_is_not_dropped(world: StoreWorld, make: Make, old: Secret, new: Secret) -> None:
    if not world.stages:
        pytest.skip("nothing can be staged here")
    ref = world.place(old)
    make(ref).stage(OTHER, new)
    shown = make(ref).pending(INCIDENT)
    assert shown is not None
    make(ref).promote(OTHER, new, expected=make(ref).read().version)
    with contextlib.suppress(Conflict):
        make(ref).drop(shown)
    assert world.seen(ref) == new.reveal()


# ── permission, faults ────────────────────────────────────────────────────────────────────────────────


def test_checking_permission_changes_nothing(world: StoreWorld, make: Make, old: Secret) -> None:
    ref = world.place(old)
    before = world.census(ref)
    assert make(ref).check_write(INCIDENT).said
    assert world.census(ref) == before
    assert world.traces(ref, INCIDENT) == []


def test_checking_what_is_not_there_is_missing(world: StoreWorld, make: Make) -> None:
    with pytest.raises(Missing):
        make(world.nowhere()).check_write(INCIDENT)


def test_who_may_not_write_is_denied(world: StoreWorld, old: Secret, new: Secret) -> None:
    with world.forbidden(old) as store:
        expected = store.read().version
        with pytest.raises(Denied):
            _prove(store)
        with pytest.raises(Denied):
            store.promote(INCIDENT, new, expected=expected)
        assert store.read().value == old


def _prove(store: Store) -> None:
    """Permission as a run finds it out: asked for, or proven where the vendor cannot tell."""
    if not store.check_write(INCIDENT).proven:
        prove = getattr(store, "prove_write", None)
        if prove is None:
            raise Denied("only the write itself will show")
        prove(INCIDENT)


def test_silence_is_unknown_and_bounded(world: StoreWorld) -> None:
    if not world.hangs:
        pytest.skip("there is nobody at the other side of this store who could be silent")
    with world.hanging() as store:
        for call in (store.read, lambda: store.check_write(INCIDENT), lambda: store.promote(INCIDENT, key(), expected="")):
            with pytest.raises(Unknown):
                call()
