"""SIGKILL at every durable boundary of a rotation one of whose stores is at a host: one adapter of each kind of store.

Boundaries are those of `test_kill_everywhere`, whose counting this shares, and those of the host: a write has arrived and is not
done, it is done and not answered; no record tells the process that resumes how far a dead one came there. `IR_BOUNDARIES=all`
visits each once, and `#N` the N-th; else it is one of each third, and the change of the place itself.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ir.drill.embedded.hosted import Hosted, hosts
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.hosts.server import TOKEN, Call
from ir.evidence import hash_chain
from tests.hardening.test_kill_everywhere import BOUNDARIES, KILLED, chosen
from tests.worlds.responder import Responder, ended, private, read, responder
from tests.worlds.started import COMMAND, Started

KINDS = {
    "versioned": StoreKind.GCP,
    "versions without order": StoreKind.AZURE,
    "single value": StoreKind.K8S,
    "write-only": StoreKind.VERCEL,
}
DONE, ROLLED_BACK = 0, 6
COURSES = {"exposed": DONE, "exploited": DONE, "rolled back": ROLLED_BACK}
"""How a rotation goes, and its exit code. Contain-first writes a store that cannot be read without waiting for custody."""
WORLDS = [*((kind, "exposed") for kind in KINDS), ("write-only", "exploited"), ("write-only", "rolled back")]
_WRITES = {DONE: "nn?", ROLLED_BACK: "nno|noo?"}
"""What a write-only store may be asked to take when one process was killed, see `written`."""
_LEAST = {DONE: 42, ROLLED_BACK: 30}
"""Every one of them has at least so many boundaries; in the small size one of each third is visited."""
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


@contextmanager
def course(folder: Path, kind: str, name: str, seed: int) -> Iterator[tuple[Responder, Hosted]]:
    """A world in which a rotation goes so; rolled back it is by a service that never takes up another key."""
    policy = "exploited" if name == "exploited" else "exposed"
    with hosted(folder, KINDS[kind], seed, policy) as (world, shelf):
        old = world.leaked.token.reveal()
        if COURSES[name] == ROLLED_BACK:
            world.services[2].look = lambda: old
        yield world, shelf


class Deadly:
    """A host that kills the process which writes there, at the N-th moment.

    At minus N: when its place has just changed for the N-th time, and no answer tells so.

    Attributes:
        passed: each request that was more than a look counts twice: when it has arrived, and when it is done and not answered.
        runs: the processes, the last of which it kills.
    """

    def __init__(self, shelf: Hosted, at: int) -> None:
        self.passed, self.runs = list[str](), list[Started]()
        self._at, self._shelf, self._answer = at, shelf, shelf.twin.answer
        self._held, self._changes = shelf.key(), 0
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
        held, before = self._shelf.key(), self._held
        self._held, self._changes = held, self._changes + (held != before)
        struck = self._at == len(self.passed) or (held != before and self._at == -self._changes)
        if struck:
            self.runs[-1].kill()
        return struck


def ended_well(
    world: Responder,
    shelf: Hosted,
    code: int,
    *,
    program: Sequence[str] = COMMAND,
    runs: Callable[[Started], None] = lambda process: None,
) -> int:
    """Run and resume until all was done, with that exit code; asserts that it ended as if there had been one process.

    Args:
        world: where it runs.
        shelf: the place at the host.
        code: the exit code at the end.
        program: what Python runs in place of the command.
        runs: is told of each process.

    Returns:
        How often a process was killed.
    """
    codes, said = list[int](), ""
    for _ in range(_TURNS):
        words = ("resume", *world.incidents()[-1:], "--yes") if world.entries() else _ROTATE
        process = world.start(*words, program=program)
        runs(process)
        found, said = ended(process)
        codes.append(found)
        if found != KILLED:
            break
    assert codes[-1] == code, said
    assert wrong(world, shelf, code) == "", said
    return codes.count(KILLED)


def wrong(world: Responder, shelf: Hosted, code: int) -> str:
    """Empty when all is as it should be after that exit code."""
    if code == DONE and (found := world.is_whole()):
        return found
    if code == ROLLED_BACK and (world.live() or not world.twin.is_alive(world.leaked)):
        return "it is not the old key alone that lives"
    key = (world.live() or [world.leaked])[0].token.reveal()
    if any(held != key for held in (shelf.key(), *map(read, world.files), *(service.key for service in world.services))):
        return "a store or a service has another key"
    told = shelf.twin.told([key.token.reveal() for key in world.twin.all_keys()])
    left = [path.name for path in world.folder.glob("*.env.ir-*")]
    return " ".join([shelf.disturbed(), *left, *told, *([] if hash_chain.verify(world.recorded()).holds else ["the chain"])]).strip()


def written(world: Responder, shelf: Hosted) -> str:
    """What a write-only store was asked to take: `n` the new key, `o` the old one; asserts that none was taken for a stranger's."""
    told = json.dumps(world.recorded())
    assert not [word for word in ("by_hand", "unsettled", "set it by hand", "others changed it") if word in told]
    values = [call.body["value"] for call in shelf.twin.calls if call.method == "PATCH"]
    ours = {key.token.reveal() for key in world.twin.all_keys() if key.name.startswith("ir-")} & set(values)
    assert len(ours) == 1, "there is one new key, and it was written"
    return "".join("o" if value == world.leaked.token.reveal() else "n" if value in ours else "?" for value in values)


def visited(folder: Path, kind: str, name: str, at: int) -> list[str]:
    """The boundaries that were passed, the last of them deadly if there are so many; asserts that all ends well."""
    with course(folder, kind, name, at) as (world, shelf):
        tally = folder / "boundaries"
        killed = ended_well(world, shelf, COURSES[name], program=("-m", "tests.worlds.dying", str(at), str(tally)))
        passed = tally.read_text().splitlines()
        assert killed == (at <= len(passed))
        if kind == "write-only":
            assert re.fullmatch(_WRITES[COURSES[name]], written(world, shelf))
        return passed


def struck(folder: Path, kind: str, name: str, at: int) -> list[str]:
    """As `visited`, at the moments of the host. A write-only store is written once more by each process that finds no answer."""
    with course(folder, kind, name, at) as (world, shelf):
        deadly = Deadly(shelf, at)
        killed = ended_well(world, shelf, COURSES[name], runs=deadly.runs.append)
        assert killed == (at <= len(deadly.passed))
        if kind == "write-only":
            pattern = _WRITES[COURSES[name]]
            assert re.fullmatch(pattern, writes := written(world, shelf)) and len(set(writes)) + killed == len(writes)
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
            assert BOUNDARIES == "all", f"there is no boundary {at}"
            break


@pytest.mark.server
@pytest.mark.parametrize(("kind", "name"), WORLDS)
def test_killed_at_any_boundary_it_ends_as_if_it_had_not_been(tmp_path: Path, kind: str, name: str) -> None:
    drawn = random.Random(f"{kind} {name}")  # noqa: S311 - which ones, nothing secret
    third = _LEAST[COURSES[name]] // 3
    few = [drawn.randint(1, third) + third * n for n in range(3)]
    each(few if BOUNDARIES.isdecimal() else chosen(kind, False), lambda at: visited(tmp_path / str(at), kind, name, at))


@pytest.mark.server
@pytest.mark.parametrize(("kind", "name"), WORLDS)
def test_killed_as_the_host_writes_it_ends_as_if_it_had_not_been(tmp_path: Path, kind: str, name: str) -> None:
    changes = [-1] if COURSES[name] == DONE else [-1, -2]
    each(changes if BOUNDARIES.isdecimal() else chosen(kind, False), lambda at: struck(tmp_path / str(at), kind, name, at))


@pytest.mark.server
@pytest.mark.parametrize("kind", KINDS if BOUNDARIES == "all" else ["write-only"])
def test_killed_as_the_host_wrote_it_can_be_rolled_back_at_once(tmp_path: Path, kind: str) -> None:
    with course(tmp_path, kind, "exposed", 0) as (world, shelf):
        deadly = Deadly(shelf, -1)
        deadly.runs.append(world.start(*_ROTATE))
        assert ended(deadly.runs[0])[0] == KILLED
        code, said = world.ir("rollback", *world.incidents(), "--yes")
        assert (code, wrong(world, shelf, code)) == (ROLLED_BACK, ""), said
        assert kind != "write-only" or written(world, shelf) == "no"
