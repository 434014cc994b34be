"""A process that is killed while it begins an incident: what `ir status` and `ir resume` say afterwards, and that one can go on."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.worlds.responder import Responder, ended, responder

ROTATES = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
KILLED_AT = """
import os, signal
from ir.cli import main
from ir.engine.dbos_runner import Runner
from ir.evidence import audit_log
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def first_entry(engine, entry, append=audit_log.append):
    append(engine, entry)
    killed()
PLACES = {"with its lease": (Runner, "start", killed), "before its first entry": (audit_log, "append", killed),
          "after its first entry": (audit_log, "append", first_entry)}
setattr(*PLACES["%s"])
main()
"""
"""A command that ends at once, as if by the kernel, at that place."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world") as made:
        yield made


def killed(world: Responder, place: str) -> None:
    code, said = ended(world.start(*ROTATES, program=("-c", KILLED_AT % place)), 30.0)
    assert code == -signal.SIGKILL, said


@pytest.mark.parametrize("place", ["with its lease", "before its first entry"])
def test_killed_before_its_first_entry_it_was_never_begun_and_the_key_is_free(world: Responder, place: str) -> None:
    killed(world, place)
    assert world.ir("status") == (ExitCode.DONE, "No incident yet.\n")
    (name,) = world.incidents()
    for words in (("status", name), ("resume", name, "--yes"), ("abort", name, "--yes"), ("close", name, "--attest", "x", "--by", "ann")):
        code, said = world.ir(*words)
        assert (code, "was not begun" in said, "nothing was changed" in said) == (ExitCode.REFUSED, True, True), said
    assert (told := ended(world.rotate()))[0] == ExitCode.DONE, told[1]
    assert world.is_whole() == ""


def test_killed_right_after_its_first_entry_it_is_found_and_gone_on_with(world: Responder) -> None:
    killed(world, "after its first entry")
    code, said = world.ir("status")
    assert (code, "interrupted" in said, "ir resume INC-" in said) == (ExitCode.DONE, True, True), said
    assert (told := world.ir("resume", "--yes"))[0] == ExitCode.DONE, told[1]
    assert world.is_whole() == ""
