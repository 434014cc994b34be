"""The red button, and an exploited key, where a person clicks in the Dashboard and sits at a real terminal.

Judged by keys, stores, services, the bytes that the terminal showed, and exit codes.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.drill.twin import Key
from tests.worlds.person import Person, person
from tests.worlds.responder import Responder, read, responder

NAME = "payments"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world", policy="exploited", guided=True) as made:
        yield made


@pytest.fixture
def ann(world: Responder) -> Iterator[Person]:
    with person(world.folder, world.environment, forked=True) as made:
        yield made


def agrees(who: Person, *words: str, questions: int) -> int:
    """Starts, says yes to the questions before the first step, and returns where the one by name stands."""
    who.starts(*words)
    place = 0
    for _ in range(questions):
        place = who.sees("[y/N]", after=place)
        who.types("y\n")
    return who.sees("or n:", after=place)


def contains(who: Person) -> int:
    """The red button, up to the hidden prompt for the value of the rotation."""
    place = agrees(who, "contain", NAME, "--inventory", "inventory.yaml", questions=2)
    who.types(f"{NAME}\n")
    return who.sees("(not shown)", after=place)


def pastes(who: Person, key: Key) -> None:
    who.until_echo(on=False)
    who.types(key.token.reveal() + "\n")


def unseen(who: Person, *keys: Key) -> None:
    """No key ever stood on the screen or was left to the shell."""
    for key in keys:
        assert key.token.reveal() not in who.shown().replace(" ", "") and key.token.reveal().encode() not in bytes(who.screen)
    assert who.left() == b"" and who.modes() == who.before


def debts(world: Responder) -> dict[str, Json]:
    return {row["about"]: row for row in world.recorded()[-1]["body"]["debts"]}


def test_the_value_is_asked_for_at_once_waits_in_custody_and_is_what_the_next_rotation_uses(world: Responder, ann: Person) -> None:
    place = contains(ann)
    said = ann.shown()
    assert "cannot be undone" in said and "Nothing in it is irreversible" not in said and "everything can be undone" not in said
    new = world.twin.rotate_in_dashboard(world.leaked)
    ann.sees("refuses the leaked key now", after=place)
    pastes(ann, new)
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    said = ann.shown()
    assert f"It ends in …{new.token.reveal()[-4:]}" in said and "ir rotate stripe payments" in said
    assert all(read(file) == world.leaked.token.reveal() for file in world.files), "the red button touches no store's current value"
    left = debts(world)
    assert left[new.token.fingerprint]["kind"] == "key-waits"
    assert {about for about, row in left.items() if row["kind"] == "service-behind"} == {"s0", "s1", "s2"}
    assert world.leaked.token.fingerprint not in left, "its death was proven, by the rule of every other death"
    unseen(ann, world.leaked, new)

    end = len(ann.shown())
    ann.starts("rotate", "stripe", NAME, "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert "(not shown)" not in ann.shown(end), "no second key is asked for"
    assert [key.id for key in world.live()] == [new.id] and world.is_whole() == ""


def test_interrupted_after_the_clicks_a_resume_asks_for_the_value_first_and_hidden(world: Responder, ann: Person) -> None:
    """The key is dead already: to confirm its death would put a question with an echo before a person who holds a key to paste."""
    contains(ann)
    new = world.twin.rotate_in_dashboard(world.leaked)
    ann.presses("c")
    assert ann.ends() == ExitCode.INTERRUPTED
    place = len(ann.shown())
    ann.starts("resume")
    ann.sees("(not shown)", after=place)
    assert "or n:" not in ann.shown(place), "what is dead already is not confirmed by name"
    pastes(ann, new)
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    assert debts(world)[new.token.fingerprint]["kind"] == "key-waits"
    unseen(ann, world.leaked, new)


def test_an_exploited_key_is_replaced_by_the_one_that_its_rotation_made(world: Responder, ann: Person) -> None:
    place = agrees(ann, "rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", questions=2)
    ann.types(f"{NAME}\n")
    place = ann.sees("(not shown)", after=place)
    new = world.twin.rotate_in_dashboard(world.leaked)
    pastes(ann, new)
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert "(not shown)" not in ann.shown(place) and "Create secret key" not in ann.shown()
    assert "or n:" not in ann.shown(place), "nobody is asked to kill what is dead"
    assert [key.id for key in world.live()] == [new.id] and world.is_whole() == ""
    unseen(ann, world.leaked, new)


def test_the_rehearsal_as_a_document_says_what_cannot_be_undone(world: Responder) -> None:
    code, said = world.ir("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes", "--dry-run", "--json")
    told = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert code == ExitCode.DONE and "`contain` kills the leaked key" in told["reversibility"]
    assert world.twin.is_alive(world.leaked) and world.live() == []


def test_the_bare_red_button_asks_for_the_key_and_is_confirmed_by_its_last_four(world: Responder, ann: Person) -> None:
    """Nothing is listed: no inventory, no store, no service; what is known is the key that the person has."""
    (world.folder / "inventory.yaml").unlink()
    ann.starts("contain", "--api-base", world.twin.url)
    place = ann.sees("(not shown)")
    pastes(ann, world.leaked)
    place = ann.sees("[y/N]", after=place)
    ann.types("y\n")
    place = ann.sees("or n:", after=place)
    assert world.twin.is_alive(world.leaked)
    ann.types(world.leaked.token.reveal()[-4:] + "\n")
    place = ann.sees("(not shown)", after=place)
    new = world.twin.rotate_in_dashboard(world.leaked)
    pastes(ann, new)
    place = ann.sees("The new key is in no custody", after=place)
    ann.types("n\n")
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    assert not world.twin.is_alive(world.leaked) and [key.id for key in world.live()] == [new.id]
    unseen(ann, world.leaked, new)
    assert world.ir("status")[0] == ExitCode.DEBT, "the new key is in no use yet"


def test_no_to_the_kill_kills_nothing_and_says_how_to_go_on(world: Responder, ann: Person) -> None:
    agrees(ann, "contain", NAME, "--inventory", "inventory.yaml", questions=2)
    ann.types("n\n")
    assert ann.ends() == ExitCode.WAITING, ann.shown()
    said = ann.shown()
    assert world.twin.is_alive(world.leaked) and "Nothing was killed" in said and "ir resume INC-" in said
    assert "Press Enter" not in said and "(not shown)" not in said and "rollback" not in said


def test_a_key_that_another_key_of_the_inventory_is_stored_as_is_not_taken_without_a_reason(world: Responder, ann: Person) -> None:
    other = world.twin.create_secret_key("in use elsewhere")
    world.another_key(other)
    place = contains(ann)
    new = world.twin.rotate_in_dashboard(world.leaked)
    pastes(ann, other)
    place = ann.sees("in use already", after=place)
    ann.sees("(not shown)", after=place)
    pastes(ann, new)
    ann.sees("Taken", after=place)
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    assert new.token.fingerprint in debts(world) and other.token.fingerprint not in debts(world)
    unseen(ann, other, new)


def test_it_is_taken_with_a_reason_which_is_recorded(world: Responder, ann: Person) -> None:
    other = world.twin.create_secret_key("in use elsewhere")
    world.another_key(other)
    place = contains(ann)
    world.twin.stripe_deactivates(world.leaked)
    pastes(ann, other)
    place = ann.sees("in use already", after=place)
    place = ann.sees("(not shown)", after=place)
    ann.until_echo(on=False)
    ann.types("the shop has moved to it already\n")
    ann.sees("Taken", after=place)
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    facts = [row["body"]["outcome"]["facts"] for row in world.recorded() if row["kind"] == "step" and row["step"] == "contain"]
    assert facts[-1]["new"]["because"] == "the shop has moved to it already" and facts[-1]["new"]["created"] == 0.0
    assert "the shop has moved" not in ann.shown(place), "what is typed there may be a key, so it is not shown"


def test_a_lost_value_is_a_debt_until_a_person_says_that_its_key_is_expired(world: Responder, ann: Person) -> None:
    place = contains(ann)
    stray = world.twin.rotate_in_dashboard(world.leaked)
    ann.sees("refuses the leaked key now", after=place)
    ann.types("\n")
    place = ann.sees("not rotated)", after=place)
    ann.types("lost\n")
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    lost = next(row for row in debts(world).values() if row["about"].startswith("rotation of"))
    assert "lost" in lost["why"] and "Expire key" in lost["todo"] and "unused" not in ann.shown()
    world.twin.expire_in_dashboard(stray)
    end = len(ann.shown())
    ann.starts("resume", lost["about"].removeprefix("rotation of "))
    ann.sees("not yet)", after=end)
    ann.types("expired\n")
    assert ann.ends() == ExitCode.DEBT, "the services are still down"
    assert not any(about.startswith("rotation of") for about in debts(world))


def test_without_custody_the_button_works_and_the_rollout_is_the_very_next_thing(world: Responder, ann: Person) -> None:
    """Nobody agreed to keep a key in the stores, and this machine has no keyring: the value is in the process alone."""
    ann.starts("contain", NAME, "--inventory", "inventory.yaml")
    place = ann.sees("[y/N]")
    ann.types("n\n")
    place = ann.sees("[y/N]", after=place)
    ann.types("y\n")
    place = ann.sees("or n:", after=place)
    ann.types(f"{NAME}\n")
    place = ann.sees("(not shown)", after=place)
    assert "NO CUSTODY" in ann.shown(), "said before the clicks"
    new = world.twin.rotate_in_dashboard(world.leaked)
    pastes(ann, new)
    for question in ("Give it to the services now", "Trust this inventory", "Start?"):
        place = ann.sees("[y/N]", after=ann.sees(question, after=place))
        ann.types("y\n")
    ann.sees("3 services hold the replacement", after=place)
    ann.presses("c")
    assert ann.ends() == ExitCode.INTERRUPTED, "what is left is the proof and the watch, which take a minute"
    assert "(not shown)" not in ann.shown(place) and [key.id for key in world.live()] == [new.id]
    assert {read(file) for file in world.files} == {service.key for service in world.services} == {new.token.reveal()}
    unseen(ann, new)


def test_the_red_button_of_an_open_incident_makes_its_replacement(world: Responder, ann: Person) -> None:
    """An overlap that waits for a new key is contained: the value of that rotation is the one that it goes on with."""
    code, said = world.ir("rotate", "stripe", "--inventory", "inventory.yaml", "--policy", "exposed", "--yes")
    assert code == ExitCode.WAITING, said
    (name,) = world.incidents()
    ann.starts("contain", name)
    place = ann.sees("or n:")
    ann.types("y\n")
    place = ann.sees("or n:", after=ann.sees("not the name", after=place))
    assert world.twin.is_alive(world.leaked)
    ann.types(f"{NAME}\n")
    place = ann.sees("(not shown)", after=place)
    new = world.twin.rotate_in_dashboard(world.leaked)
    pastes(ann, new)
    assert ann.ends() == ExitCode.DEBT, ann.shown()
    assert all(f"still to do: s{n} is on the leaked key" in ann.shown() for n in range(3)), "no exit 0 while a listed service is down"
    unseen(ann, new)
    end = len(ann.shown())
    ann.starts("resume", name, "--yes")
    ann.sees("the rotation that contained the old key made the replacement", after=end)
    ann.sees("3 services hold the replacement", after=end)
    ann.presses("c")
    assert ann.ends() == ExitCode.INTERRUPTED
    assert [key.id for key in world.live()] == [new.id] and {read(file) for file in world.files} == {new.token.reveal()}
