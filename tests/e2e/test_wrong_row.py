"""The row of the replacement is clicked instead of the leaked key's, where there is no way back: another replacement is made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.worlds.person import Person, person
from tests.worlds.responder import Responder, responder

NAME, OURS = "payments", "203.0.113.0/28"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    """An exploited key that an access policy contains; the services keep it."""
    with responder(tmp_path / "world", policy="exploited", guided=True) as made:
        file = made.folder / "inventory.yaml"
        file.write_text(file.read_text().replace("issuer: dashboard", f"issuer: dashboard, egress_ips: [{OURS}]"))
        yield made


@pytest.fixture
def ann(world: Responder) -> Iterator[Person]:
    with person(world.folder, world.environment, forked=True) as made:
        yield made


def gives_a_new_key(who: Person, world: Responder, after: int) -> int:
    place = who.sees("(not shown)", after=after)
    who.types(world.twin.create_secret_key("by hand").token.reveal() + "\n")
    return who.sees("Taken", after=place)


def test_a_replacement_that_was_killed_by_mistake_is_replaced_and_the_services_move_on(world: Responder, ann: Person) -> None:
    ann.starts("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml")
    place = 0
    for _ in range(2):
        place = ann.sees("[y/N]", after=place)
        ann.types("y\n")
    place = ann.sees("Manage access policy", after=place)
    world.twin.attach_access_policy(world.leaked, (OURS,))
    place = ann.sees("or n:", after=gives_a_new_key(ann, world, place))
    wrong = world.live()[0]
    ann.types(f"{NAME}\n")
    place = ann.sees("Do not touch the new key", after=place)
    world.twin.expire_in_dashboard(wrong)
    place = ann.sees("STOP", after=place)
    place = ann.sees("Press Enter", after=place)
    assert world.twin.is_alive(world.leaked)
    ann.types("\n")
    place = ann.sees("or n:", after=gives_a_new_key(ann, world, place))
    ann.types(f"{NAME}\n")  # beside another replacement it is asked for anew
    ann.sees("Do not touch the new key", after=place)
    world.twin.expire_in_dashboard(world.leaked)
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert world.is_whole() == ""
