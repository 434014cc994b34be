"""SIGKILL at every durable boundary of a rotation one of whose stores is at a host: one adapter of each kind of store.

`IR_BOUNDARIES` as in `test_kill_everywhere`, whose counting it shares.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ir.drill.embedded.hosted import TOKEN, Hosted, hosts
from ir.drill.embedded.store_choice import StoreKind
from ir.evidence import hash_chain
from tests.hardening.test_kill_everywhere import BOUNDARIES, KILLED, chosen
from tests.worlds.responder import Responder, ended, private, responder

KINDS = {"versioned": StoreKind.GCP, "single value": StoreKind.K8S, "write-only": StoreKind.VERCEL}
DONE = 0
_ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
_TURNS = 6


@contextmanager
def hosted(folder: Path, kind: StoreKind, seed: int) -> Iterator[tuple[Responder, Hosted]]:
    """A small world whose second store is at a host; its service is told by a POST, as its platform would start it again."""
    token = f"host-{seed}-token"
    with hosts(frozenset({kind}), token) as (shelf,), responder(folder, seed=seed) as world:
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


def visited(folder: Path, kind: StoreKind, at: int) -> list[str]:
    """The boundaries that were passed, the last of them deadly if there are so many; asserts that all ends well."""
    with hosted(folder, kind, at) as (world, shelf):
        tally = folder / "boundaries"
        dying = ("-m", "tests.worlds.dying", str(at), str(tally))
        codes, said = list[int](), ""
        for _ in range(_TURNS):
            words = ("resume", *world.incidents()[-1:], "--yes") if world.entries() else _ROTATE
            code, said = ended(world.start(*words, program=dying))
            assert code in (DONE, KILLED), said
            codes.append(code)
            if code == DONE:
                break
        passed = tally.read_text().splitlines()
        where = f"killed at boundary {at} ({passed[at - 1] if at <= len(passed) else 'none'}), then {codes}"
        assert codes.count(KILLED) == (at <= len(passed)), where
        assert codes[-1] == DONE and world.is_whole() == "", f"{where}: {world.is_whole()}\n{said}"
        assert shelf.key() == world.live()[0].token.reveal() and shelf.disturbed() == "", where
        assert shelf.twin.told([world.leaked.token.reveal(), shelf.key()]) == [], where
        assert hash_chain.verify(world.recorded()).holds, where
        return passed


@pytest.mark.server
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_boundary_it_ends_as_if_it_had_not_been(tmp_path: Path, kind: str) -> None:
    for at in chosen(kind, False):
        passed = visited(tmp_path / str(at), KINDS[kind], at)
        if BOUNDARIES == "all" and len(passed) < at:
            break
