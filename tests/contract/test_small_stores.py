"""Stores of a user's own programs, of the environment, and of a human's hands."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ir.adapters.stores.command import CommandStore
from ir.adapters.stores.env.process_env import EnvStore
from ir.adapters.stores.manual import ManualStore
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown, Waiting
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.ports import Irreversible
from tests.worlds.command import CommandWorld
from tests.worlds.stores import key
from tests.worlds.surroundings import environment

INCIDENT = "INC-20261123-ab12"


# ── command ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def world(tmp_path: Path) -> CommandWorld:
    return CommandWorld(tmp_path)


def test_the_key_is_on_standard_input_and_nowhere_else(world: CommandWorld, tmp_path: Path) -> None:
    new, dump = key(), tmp_path / "dump"
    script = f'cat > "$1"; tr "\\0" "\\n" < /proc/$$/cmdline > {dump}; env >> {dump}; readlink /proc/$$/fd/* >> {dump}'
    ref = world.place(key())
    store = world.make(ref, write=script)
    store.promote(INCIDENT, new, expected=store.read().version)
    assert world.seen(ref) == new.reveal()
    assert dump.read_text()
    assert new.reveal() not in dump.read_text()


def test_only_listed_variables_reach_the_program(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", 'printf %s "$IR_LISTED-$IR_OTHER"']
    with environment(IR_LISTED="listed", IR_OTHER="other"):
        store = CommandStore(parse("command://x"), read=argv, write=argv, env=["IR_LISTED"])
        assert store.read().value == Secret("listed-")


def test_what_it_prints_is_scrubbed(world: CommandWorld) -> None:
    new = key()
    store = world.make(world.place(key()), write="cat; cat >&2; exit 3")
    with pytest.raises(Rejected, match="exit code 3") as caught:
        store.promote(INCIDENT, new, expected=store.read().version)
    assert new.reveal() not in caught.value.what
    assert new.fingerprint in caught.value.what


@pytest.mark.parametrize(
    ("write", "leaf"),
    [("exit 1", Rejected), ("exit 77", Denied), ("exit 127", Missing), ("kill -9 $$", Unknown), ("true", Unknown), ("sleep 30", Unknown)],
)
def test_a_write_that_did_not_write(world: CommandWorld, write: str, leaf: type[PortError]) -> None:
    ref = world.place(key())
    store = world.make(ref, write=write, timeout=0.5)
    before = world.seen(ref)
    with pytest.raises(leaf):
        store.promote(INCIDENT, key(), expected=store.read().version)
    assert world.seen(ref) == before


def test_a_write_that_complains_but_wrote_is_done(world: CommandWorld) -> None:
    new, ref = key(), world.place(key())
    store = world.make(ref, write='cat > "$1"; exit 1')
    assert store.promote(INCIDENT, new, expected=store.read().version) == new.fingerprint


def test_without_a_check_nothing_is_proven_and_with_one_it_is() -> None:
    argv = ["/bin/echo", "x"]
    assert not CommandStore(parse("command://x"), read=argv, write=argv).check_write(INCIDENT).proven
    assert CommandStore(parse("command://x"), read=argv, write=argv, check=["/bin/true"]).check_write(INCIDENT).proven


def test_a_read_that_fails_proves_nothing() -> None:
    for script in ("exit 1", "kill -9 $$"):
        argv = ["/bin/sh", "-c", script]
        with pytest.raises(Unknown):
            CommandStore(parse("command://x"), read=argv, write=argv).read()
    assert CommandStore(parse("command://x"), read=["/bin/true"], write=["/bin/true"]).read().value is None


def test_a_command_keeps_nothing(world: CommandWorld) -> None:
    store = world.make(world.place(key()))
    with pytest.raises(Rejected):
        store.keep(INCIDENT, "old", key())
    assert store.fetch(INCIDENT, "old") is None


# ── env ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_variable_is_read_and_never_written() -> None:
    value = key()
    store = EnvStore(parse("env://IR_TEST_KEY"))
    with environment(IR_TEST_KEY=value.reveal()):
        assert (store.read().value, store.read().version) == (value, value.fingerprint)
        with pytest.raises(Denied):
            store.check_write(INCIDENT)
        writes: list[Callable[[], object]] = [
            lambda: store.stage(INCIDENT, key()),
            lambda: store.promote(INCIDENT, key(), expected=""),
            lambda: store.undo(INCIDENT, key(), value),
            lambda: store.keep(INCIDENT, "old", value),
        ]
        for call in writes:
            with pytest.raises(Rejected):
                call()
        store.discard(INCIDENT)
        assert (store.fetch(INCIDENT, "old"), store.pending(INCIDENT)) == (None, None)
        assert store.read().value == value
    with environment(IR_TEST_KEY=None), pytest.raises(Missing):
        store.read()
    with environment(IR_TEST_KEY=""):
        assert store.read().value is None


# ── manual ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Human:
    """An operator who does as told, if there, and remembers what was shown."""

    interactive: bool = True
    name: str = "someone"
    answers: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.told.append(text)

    def confirm(self, question: str) -> bool:
        """As `--yes` does."""
        return True

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        """As `--yes` does."""
        return True

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        raise AssertionError("nothing is to be chosen")

    def ask(self, question: str) -> str:
        self.told.append(question)
        return self.answers.pop(0)

    def new_key(self, prompt: str) -> Secret | None:
        raise AssertionError("no key is asked for")

    def key_or_why(self, prompt: str) -> Secret | str | None:
        raise AssertionError("no key is asked for")


def test_a_human_is_told_what_to_set_where() -> None:
    human, new = Human(answers=["done"]), key()
    store = ManualStore(parse("manual://heroku/checkout#STRIPE_KEY"), operator=human)
    assert store.promote(INCIDENT, new, expected="") == new.fingerprint
    assert "`heroku/checkout STRIPE_KEY`" in human.told[0]
    assert new.fingerprint in human.told[0]
    assert f"…{new.reveal()[-4:]}." in human.told[0]
    assert new.reveal() not in json.dumps(human.told)


@pytest.mark.parametrize("human", [Human(interactive=False), Human(answers=["y"]), Human(answers=[""])])
def test_a_human_who_is_not_there_or_not_done_is_waited_for(human: Human) -> None:
    new = key()
    store = ManualStore(parse("manual://ci/STRIPE_KEY"), operator=human)
    with pytest.raises(Waiting) as caught:
        store.promote(INCIDENT, new, expected="")
    assert "ci/STRIPE_KEY" in caught.value.what
    assert new.reveal()[-4:] not in caught.value.what.replace(new.fingerprint, "")


def test_going_back_is_asked_for_too() -> None:
    human, old = Human(answers=["done"]), key()
    store = ManualStore(parse("manual://ci/STRIPE_KEY"), operator=human)
    assert store.undo(INCIDENT, old, key()) == old.fingerprint
    assert "the old key again" in human.told[0]


def test_what_a_human_holds_cannot_be_read_or_kept() -> None:
    store = ManualStore(parse("manual://ci/STRIPE_KEY"), operator=Human())
    assert (store.read().value, store.read().version, store.stage(INCIDENT, key())) == (None, "", "")
    assert not store.check_write(INCIDENT).proven
    with pytest.raises(Rejected):
        store.keep(INCIDENT, "old", key())


def test_a_third_value_in_a_command_store_is_a_conflict(world: CommandWorld) -> None:
    ref = world.place(key())
    with pytest.raises(Conflict):
        world.make(ref).promote(INCIDENT, key(), expected="0" * 16)
