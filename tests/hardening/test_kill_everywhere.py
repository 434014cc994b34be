"""SIGKILL at every durable boundary of a whole rotation, one after the other; whoever resumes ends as if nothing had happened.

`IR_BOUNDARIES=all` visits each boundary once; otherwise some are drawn. A failing one is visited alone by its number.
"""

import os
import random
from pathlib import Path

import pytest

from ir.evidence import hash_chain
from tests.worlds.responder import Responder, ended, responder

WORLDS = [(policy, guided) for policy in ("exposed", "exploited") for guided in (False, True)]
BOUNDARIES = os.environ.get("IR_BOUNDARIES", "1")
"""`all`, how many to draw per world, or `#N`: the N-th."""
MOST = 400
"""More boundaries than a rotation has."""
DONE, REFUSED, WAITING, KILLED = 0, 3, 4, -9
_ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
_TURNS = 8
_COMMON = 42
"""Every one of the rotations has at least so many boundaries."""


class Hand:
    """A human at the Dashboard, who has a new key at hand or makes one when the old one has to go at once."""

    def __init__(self, world: Responder) -> None:
        self.world, self.file = world, world.folder / "new.key"
        if world.guided and world.policy == "exposed":
            self._holds(world.twin.create_secret_key("by hand").token.reveal())

    @property
    def given(self) -> tuple[str, ...]:
        """Options that hand the new key over."""
        return ("--new-key-from", f"file:{self.file}") if self.file.exists() else ()

    def clicks(self) -> None:
        """What is left to click."""
        twin, leaked = self.world.twin, self.world.leaked
        if not self.file.exists():
            self._holds(twin.rotate_in_dashboard(leaked).token.reveal())
        elif twin.is_alive(leaked):
            twin.expire_in_dashboard(leaked)

    def _holds(self, text: str) -> None:
        self.file.write_text(text + "\n")
        self.file.chmod(0o600)


def visited(folder: Path, policy: str, guided: bool, at: int) -> list[str]:
    """The boundaries that were passed, the last of them deadly if there are so many; asserts that all ends well."""
    with responder(folder, seed=at, policy=policy, guided=guided) as world:
        hand, tally = Hand(world), folder / "boundaries"
        dying = ("-m", "tests.worlds.dying", str(at), str(tally))
        codes, said = list[int](), ""
        for _ in range(_TURNS):
            words = ("resume", *world.incidents()[-1:], "--yes") if world.entries() else _ROTATE
            code, said = ended(world.start(*words, *hand.given, program=dying))
            assert code in (DONE, WAITING, KILLED), said
            codes.append(code)
            if code == DONE:
                break
            if code == WAITING:
                hand.clicks()
        passed = tally.read_text().splitlines()
        where = f"killed at boundary {at} ({passed[at - 1] if at <= len(passed) else 'none'}), then {codes}"
        assert codes.count(KILLED) == (at <= len(passed)), where
        assert codes[-1] == DONE and world.is_whole() == "", f"{where}: {world.is_whole()}\n{said}"
        assert hash_chain.verify(world.recorded()).holds, where
        return passed


def chosen(policy: str, guided: bool) -> list[int]:
    """Which boundaries are visited, each once."""
    if BOUNDARIES.startswith("#"):
        return [int(BOUNDARIES[1:])]
    if BOUNDARIES == "all":
        return list(range(1, MOST))
    return random.Random(f"{policy} {guided}").sample(range(1, _COMMON), int(BOUNDARIES))  # noqa: S311 - which ones, nothing secret


@pytest.mark.server
@pytest.mark.parametrize(("policy", "guided"), WORLDS)
def test_killed_at_any_boundary_it_ends_as_if_it_had_not_been(tmp_path: Path, policy: str, guided: bool) -> None:
    for at in chosen(policy, guided):
        passed = visited(tmp_path / str(at), policy, guided, at)
        if len(passed) < at:
            assert BOUNDARIES == "all", f"there is no boundary {at}"
            break
