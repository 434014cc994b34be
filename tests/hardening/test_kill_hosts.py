"""SIGKILL at every durable boundary of a rotation one of whose stores is at a host: one adapter of each kind of store.

Boundaries are those of `test_kill_everywhere`, whose counting this shares (`IR_BOUNDARIES`), and those of the host: a write has
arrived and is not done, it is done and not answered. No other record tells the process that resumes how far a dead one came there.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ir.drill.embedded.hosted import TOKEN, Hosted, hosts
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.hosts.server import Call
from ir.evidence import hash_chain
from tests.hardening.test_kill_everywhere import BOUNDARIES, KILLED, chosen
from tests.worlds.responder import Responder, ended, private, responder
from tests.worlds.started import COMMAND, Started

KINDS = {"versioned": StoreKind.GCP, "single value": StoreKind.K8S, "write-only": StoreKind.VERCEL}
WORLDS = [*((kind, "exposed") for kind in KINDS), ("write-only", "exploited")]
"""Contain-first writes such a store without waiting for custody."""
DONE = 0
WRITTEN = 0
"""In place of a number: the moment at which the place at the host has the new key, and no answer tells so."""
THIRDS = (range(1, 17), range(17, 33), range(33, 49))
"""Of the boundaries of a rotation: one of each is visited in the small size."""
_ASKED = ("stripe:testIamPermissions", "selfsubjectaccessreviews")
"""Questions that hosts take by POST."""
_ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
_TURNS = 6


@contextmanager
def hosted(folder: Path, kind: StoreKind, seed: int, policy: str = "exposed") -> Iterator[tuple[Responder, Hosted]]:
    """A small world whose second store is at a host; its service is told by a POST, as its platform would start it again."""
    token = f"host-{seed}-token"
    with hosts(frozenset({kind}), token) as (shelf,), responder(folder, seed=seed, policy=policy) as world:
        shelf.fill(world.leaked.token.reveal())
        world.services[2].look = shelf.key
        world.files[1].unlink()
        world.files = world.files[:1]
        world.more[TOKEN] = token
        file = folder / "inventory.yaml"
        text = file.read_text().replace("dotenv://two.env#STRIPE_KEY", shelf.ref)
        rows = ", ".join(f'{name}: "{value}"' for name, value in shelf.row.items())
        private(file, text.replace("services:\n", f"hosts:\n  - {{{rows}}}\nservices:\n"))
        yield world, shelf


class Deadly:
    """A host that kills the process which writes there, at the N-th moment.

    Attributes:
        passed: each request that was more than a look counts twice: when it has arrived, and when it is done and not answered.
        runs: the processes, the last of which it kills.
    """

    def __init__(self, shelf: Hosted, at: int) -> None:
        self.passed, self.runs = list[str](), list[Started]()
        self._at, self._shelf, self._old, self._answer = at, shelf, shelf.key(), shelf.twin.answer
        shelf.twin.answer = self.answer  # type: ignore[method-assign]  # only this one

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        if call.method == "GET" or call.path[-1] in _ASKED:
            return self._answer(call)
        what = f"{call.method} /{'/'.join(call.path)}"
        if self._strikes(f"{what}: arrived"):
            raise self._shelf.twin.refused(500)
        found = self._answer(call)
        self._strikes(f"{what}: done, not answered")
        return found

    def _strikes(self, what: str) -> bool:
        self.passed.append(what)
        if self._at == WRITTEN and self._shelf.key() != self._old:
            self._at = len(self.passed)
        struck = self._at == len(self.passed)
        if struck:
            self.runs[-1].kill()
        return struck


def ended_well(
    world: Responder, shelf: Hosted, program: Sequence[str] = COMMAND, runs: Callable[[Started], None] = lambda process: None
) -> list[int]:
    """The exit codes until all was done; asserts that it ended as if there had been one process.

    Args:
        world: where it runs.
        shelf: the place at the host.
        program: what Python runs in place of the command.
        runs: is told of each process.
    """
    codes, said = list[int](), ""
    for _ in range(_TURNS):
        words = ("resume", *world.incidents()[-1:], "--yes") if world.entries() else _ROTATE
        process = world.start(*words, program=program)
        runs(process)
        code, said = ended(process)
        assert code in (DONE, KILLED), said
        codes.append(code)
        if code == DONE:
            break
    assert codes[-1] == DONE and world.is_whole() == "", f"{codes}: {world.is_whole()}\n{said}"
    (new,) = world.live()
    held, told = shelf.key() == new.token.reveal(), shelf.twin.told([world.leaked.token.reveal(), new.token.reveal()])
    assert held, "the host does not hold the replacement"
    assert (shelf.disturbed(), told) == ("", [])
    assert hash_chain.verify(world.recorded()).holds
    return codes


def written_again(world: Responder, shelf: Hosted) -> int:
    """How often a write-only store was written; asserts that each time it was ours, with the same value, and none was a stranger's."""
    (new,) = world.live()
    writes = [call.body["value"] == new.token.reveal() for call in shelf.twin.calls if call.method == "PATCH"]
    assert all(writes), "something else was written"
    told = json.dumps(world.recorded())
    assert not [word for word in ("by_hand", "unsettled", "set it by hand", "others changed it") if word in told]
    return len(writes)


def visited(folder: Path, kind: str, policy: str, at: int) -> list[str]:
    """The boundaries that were passed, the last of them deadly if there are so many; asserts that all ends well."""
    with hosted(folder, KINDS[kind], at, policy) as (world, shelf):
        tally = folder / "boundaries"
        codes = ended_well(world, shelf, ("-m", "tests.worlds.dying", str(at), str(tally)))
        passed = tally.read_text().splitlines()
        assert codes.count(KILLED) == (at <= len(passed))
        if kind == "write-only":
            assert 1 <= written_again(world, shelf) <= 2
        return passed


def struck(folder: Path, kind: str, policy: str, at: int) -> list[str]:
    """As `visited`, at the moments of the host."""
    with hosted(folder, KINDS[kind], at, policy) as (world, shelf):
        deadly = Deadly(shelf, at)
        codes = ended_well(world, shelf, runs=deadly.runs.append)
        assert codes.count(KILLED) == (at <= len(deadly.passed))
        if kind == "write-only":
            assert written_again(world, shelf) == 1 + codes.count(KILLED)
        return deadly.passed


def each(moments: list[int], visit: Callable[[int], list[str]]) -> None:
    """Visit them until there are no more; a failure tells which one it was."""
    for at in moments:
        try:
            passed = visit(at)
        except AssertionError as error:
            error.add_note(f"killed at boundary {at}")
            raise
        if at > len(passed):
            break


@pytest.mark.server
@pytest.mark.parametrize(("kind", "policy"), WORLDS)
def test_killed_at_any_boundary_it_ends_as_if_it_had_not_been(tmp_path: Path, kind: str, policy: str) -> None:
    drawn = random.Random(f"{kind} {policy}")  # noqa: S311 - which ones, nothing secret
    few = [drawn.choice(third) for third in THIRDS]
    each(few if BOUNDARIES.isdecimal() else chosen(kind, False), lambda at: visited(tmp_path / str(at), kind, policy, at))


@pytest.mark.server
@pytest.mark.parametrize(("kind", "policy"), WORLDS)
def test_killed_as_the_host_writes_it_ends_as_if_it_had_not_been(tmp_path: Path, kind: str, policy: str) -> None:
    moments = [WRITTEN] if BOUNDARIES.isdecimal() else chosen(kind, False)
    each(moments, lambda at: struck(tmp_path / str(at), kind, policy, at))
