"""The contract of a store that tells no value (`ports.Store`, `core.store_kind`), held against every such adapter."""

import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from ir.adapters.stores import STORES
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.core.store_kind import SCHEMES, PlaceKind
from ir.ports import Store
from tests.worlds.bad_network import LOST, Answer, Bad, Request, proxy, silence
from tests.worlds.stores import key
from tests.worlds.write_only import WORLDS, WriteOnlyWorld, world

__all__ = ["world"]
INCIDENT = "INC-20261123-ab12"
HTML = Answer(200, b"<html>Please sign in.</html>", (("Content-Type", "text/html"),))
NOTHING_DONE: dict[str, Bad] = {
    "refused": Bad(times=0, part=0.0, cut=True),
    "a page": Bad(times=0, instead=HTML),
    "other JSON": Bad(times=0, instead=Answer(200, b'{"status": "ok"}')),
    "too many": Bad(times=0, instead=Answer(429, b"{}")),
    "broken": Bad(times=0, instead=Answer(500, b"{}")),
    "a proxy's 404": Bad(times=0, instead=Answer(404, b"<html>none</html>", (("Content-Type", "text/html"),))),
}
DONE = {
    "lost": LOST,
    "torn": Bad(part=0.5, cut=True),
    "broken, done": Bad(instead=Answer(502, b"<html>", (("Content-Type", "text/html"),))),
}


@pytest.fixture
def old() -> Secret:
    return key()


@pytest.fixture
def new() -> Secret:
    return key()


def test_every_write_only_place_joins() -> None:
    assert set(WORLDS) == {name for name, scheme in SCHEMES.items() if scheme.promises.kind is PlaceKind.WRITE_ONLY} & set(STORES)


def test_it_promises_no_more_than_it_does(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    store = world.make(world.place(old))
    assert not store.promises.reads and not store.promises.stage and not store.custodian and not store.guided
    assert store.stage(INCIDENT, new) == "" and store.fetch(INCIDENT, "old") is None and store.left(INCIDENT).roles == ()
    assert store.pending(INCIDENT) is None and store.incidents() == ()
    with pytest.raises(Rejected):
        store.keep(INCIDENT, "old", old)
    with pytest.raises(Rejected):
        store.undo(INCIDENT, old, new)


def test_a_look_tells_a_mark_and_no_value(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    held = world.make(ref).read()
    assert held.value is None and held.version and held.others == ()
    assert world.make(ref).read().version == held.version
    _later(world)
    world.write(ref, new)
    assert world.make(ref).read().version != held.version


def test_it_writes_over_the_mark_that_was_seen(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    before = world.make(ref).read().version
    _later(world)
    mark = world.make(ref).promote(INCIDENT, new, expected=before)
    assert world.seen(ref) == new.reveal() and mark == world.make(ref).read().version != before
    _later(world)
    again = world.make(ref).promote(INCIDENT, old, expected=mark)
    assert world.seen(ref) == old.reveal() and again != mark, "the way back is another write"


def test_another_mark_is_a_conflict_and_nothing_is_written(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    ref, third = world.place(old), key()
    before = world.make(ref).read().version
    _later(world)
    world.write(ref, third)
    with pytest.raises(Conflict):
        world.make(ref).promote(INCIDENT, new, expected=before)
    assert world.seen(ref) == third.reveal()


def test_what_is_not_there_is_never_created(world: WriteOnlyWorld, new: Secret) -> None:
    ref = world.nowhere()
    for call in (lambda: world.make(ref).read(), lambda: world.make(ref).promote(INCIDENT, new, expected="")):
        with pytest.raises((Missing, Denied)):
            call()
    assert not any(world.twin.carries(one) for one in world.twin.calls)


def test_what_may_not_be_seen_cannot_be_told(world: WriteOnlyWorld, new: Secret) -> None:
    ref = world.unseen()
    with pytest.raises(Denied, match="not there, or not ours to see"):
        world.make(ref).read()
    with pytest.raises(Denied):
        world.make(ref).promote(INCIDENT, new, expected="")


def test_checking_permission_changes_nothing(world: WriteOnlyWorld, old: Secret) -> None:
    ref = world.place(old)
    before = world.make(ref).read().version
    assert world.make(ref).check_write(INCIDENT).said
    assert world.make(ref).read().version == before and world.seen(ref) == old.reveal()


def test_who_may_not_write_and_a_login_that_is_over_are_denied(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    ref = world.place(old)
    before = world.make(ref).read().version
    for token in ("reader", "run out"):
        with pytest.raises(Denied):
            world.make(ref, login=token).promote(INCIDENT, new, expected=before)
    assert world.seen(ref) == old.reveal()


def test_silence_is_unknown_and_bounded(world: WriteOnlyWorld, old: Secret) -> None:
    ref = world.place(old)
    with silence() as address, world.at(address):
        began = time.monotonic()
        for call in _calls(world.make(ref, timeout=0.4)):
            with pytest.raises(Unknown):
                call()
        assert time.monotonic() - began < 4


@pytest.mark.parametrize("spared", [0, 1, 2])
@pytest.mark.parametrize("fate", [*NOTHING_DONE, *DONE])
def test_a_bad_answer_is_unknown_and_claims_nothing(world: WriteOnlyWorld, old: Secret, new: Secret, fate: str, spared: int) -> None:
    """The first, second or third call of a write meets it; whatever is claimed afterwards is so. Half of an empty answer is all of it."""
    ref = world.place(old)
    before = world.make(ref).read().version
    count = [0]

    def spoils(_request: Request) -> Bad | None:
        count[0] += 1
        return {**NOTHING_DONE, **DONE}[fate] if count[0] == spared + 1 else None

    _later(world)
    told = ""
    with proxy(world.twin.address, spoils=spoils) as way, world.at(way.address):
        try:
            world.make(ref).promote(INCIDENT, new, expected=before)
        except Unknown as error:
            told = "".join(traceback.format_exception(error))
    assert told or (fate == "torn" and world.seen(ref) == new.reveal())
    assert old.reveal() not in told and new.reveal() not in told
    assert (world.seen(ref) == new.reveal()) is (world.make(ref).read().version != before)


def test_keys_stand_in_no_request_but_the_write_and_in_nothing_that_is_told(
    world: WriteOnlyWorld, old: Secret, new: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ref = world.place(old)
    store = world.make(ref)
    _later(world)
    told = [repr(store.read()), store.check_write(INCIDENT).said, store.promote(INCIDENT, new, expected=store.read().version)]
    assert world.twin.told([old.reveal(), new.reveal()]) == []
    assert all(secret.reveal() not in " ".join([*told, caplog.text]) for secret in (old, new))
    shown = json.dumps([[call.path, call.query, call.headers] for call in world.twin.calls])
    assert "all" in {call.token for call in world.twin.calls} and '"authorization"' not in shown


def test_a_token_goes_to_the_hosts_own_address_alone(world: WriteOnlyWorld, old: Secret, new: Secret) -> None:
    """A redirect to another machine is not followed; plain http to one is not spoken."""
    ref = world.place(old)
    away = Answer(307, b"", (("Location", "https://elsewhere.example/"),))
    with proxy(world.twin.address, spoils=lambda _request: Bad(times=0, instead=away)) as way, world.at(way.address):
        for call in _calls(world.make(ref)):
            with pytest.raises(PortError):
                call()
    with world.at("http://10.0.0.1:9"), pytest.raises(Rejected, match="in the clear"):
        world.make(ref).read()


def _calls(store: Store) -> tuple[Callable[[], Any], ...]:
    return (store.read, lambda: store.check_write(INCIDENT), lambda: store.promote(INCIDENT, key(), expected="x"))


def _later(world: WriteOnlyWorld) -> None:
    """Marks of some hosts are whole seconds: a world with a clock of its own lets one pass."""
    getattr(world.twin, "tick", lambda: None)()
