"""`ir close` by the real command: strays die first, a living key stays to do, and a person may keep one by name and reason."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from ir.core.errors import ExitCode
from tests.campaign.shop import Shop, shop
from tests.worlds.responder import ended, read, responder
from tests.worlds.signers import Signer

pytestmark = pytest.mark.server
BY = ("--attest", "looked at it", "--by", "kim")


def waiting_at(made: Shop, step: str, people: list[Signer] | None = None) -> str:
    """An incident whose process has ended before that step, for want of a second person."""
    source = yaml.safe_load((made.folder / "inventory.yaml").read_text())
    people = people or [Signer(made.folder, name) for name in ("alice", "bob")]
    source["approvers"] = [{"name": one.name, "key": one.public} for one in people]
    (made.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    book = yaml.safe_load((made.folder / "exposed.yaml").read_text())
    next(row for row in book["steps"] if row["id"] == step).update(approval="required", approvals=2)
    (made.folder / "exposed.yaml").write_text(yaml.safe_dump(book))
    code, said = made.ir(*made.rotate("payments"))
    assert code == ExitCode.WAITING, said
    return next(word for word in said.split() if word.startswith("INC-")).rstrip(":")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, "") as made:
        made.add("payments")
        made.write()
        yield made


def debts(made: Shop) -> list[str]:
    code, said = made.ir("status", "--json")
    assert code in (ExitCode.DONE, ExitCode.DEBT), said
    return [row["about"] for row in json.loads(said)["debts"]]


def test_a_stray_dies_and_the_leaked_key_stays_to_do_until_a_person_keeps_it(made: Shop) -> None:
    name, leaked = waiting_at(made, "stage"), made.keys["payments"]
    assert made.living() == 2
    code, said = made.ir("close", name, *BY)
    assert code == ExitCode.DEBT, said
    assert made.living() == 1 and made.twin.is_alive(leaked), "the stray was expired, by its id"
    assert debts(made) == [leaked.token.fingerprint] and made.ir("status", name)[0] == ExitCode.DEBT
    assert not list(made.folder.glob(f"*.ir-{name}*")), "what the stores hold needs no custody"

    code, said = made.ir("close", name, *BY, "--accept-alive", "payments")
    assert code == ExitCode.USAGE and "KEY=REASON" in said
    code, said = made.ir("close", name, *BY, "--accept-alive", "zzzz=no such key")
    assert code == ExitCode.USAGE and "`zzzz`" in said

    ending = leaked.token.reveal()[-4:]
    code, said = made.ir("close", name, *BY, "--accept-alive", f"{ending}=it moves on Monday")
    assert code == ExitCode.DEBT, said
    code, said = made.ir("status")
    assert code == ExitCode.DONE and "accepted by kim" in said and "it moves on Monday" in said
    assert debts(made) == [] and made.ir("status", name)[0] == ExitCode.DONE
    code, said = made.ir("verify", name)
    assert code == ExitCode.DONE, said
    assert made.twin.is_alive(leaked)


def test_the_next_rotation_takes_over_what_a_close_left(made: Shop) -> None:
    name = waiting_at(made, "stage")
    assert made.ir("close", name, *BY)[0] == ExitCode.DEBT
    made.write()
    code, said = made.ir(*made.rotate("payments"))
    assert code == ExitCode.DONE, said
    assert made.moved("payments") and debts(made) == []


def test_a_key_that_died_since_is_paid_by_closing_once_more(made: Shop) -> None:
    name, leaked = waiting_at(made, "retire"), made.keys["payments"]
    code, said = made.ir("close", name, *BY)
    assert code == ExitCode.DEBT and leaked.token.fingerprint in debts(made), said
    assert f"--no-replacement --api-base {made.twin.url}" in " ".join(said.split()), "without an inventory nothing else tells of a stand-in"
    made.twin.expire_in_dashboard(leaked)
    code, said = made.ir("close", name, *BY)
    assert (code, debts(made)) == (ExitCode.DONE, []), said


@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_after_the_mint_and_with_custody_tidied_away_it_ends_whole(made: Shop, way: str) -> None:
    people = [Signer(made.folder, name) for name in ("alice", "bob")]
    name, leaked = waiting_at(made, "stage", people), made.keys["payments"]
    (stray,) = (key for key in made.twin.live_keys() if key.name.startswith("ir-"))
    kept = list(made.folder.glob(f"*.ir-{name}*"))
    assert kept
    for path in kept:
        path.unlink()
    for one in people:
        assert made.ir("approve", name, "--sign-with", str(one.file))[0] == ExitCode.DONE
    code, said = made.ir(way, name, "--yes")
    assert not made.twin.is_alive(stray), said
    if way == "resume":
        assert code == ExitCode.DONE and made.moved("payments") and made.living() == 1, said
    else:
        assert code == ExitCode.ROLLED_BACK and made.twin.is_alive(leaked) and made.living() == 1, said
        assert debts(made) == [leaked.token.fingerprint]


def opened(pipe: Path) -> int:
    """A pipe to write into, as soon as somebody reads from it."""
    for _ in range(3000):
        with suppress(OSError):
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.01)
    raise AssertionError("nobody reads")


def test_a_rotation_that_was_given_up_half_way_is_ended_by_the_next_one(tmp_path: Path) -> None:
    """One store holds the replacement, the other the leaked key, which all services still use; the named command is the way on."""
    with responder(tmp_path / "world") as world:
        canary, pipe = world.services[0], tmp_path / "pipe"
        os.mkfifo(pipe)
        canary.look = lambda: read(pipe)  # its reload hangs, and the process is killed in the middle of its wave
        process = world.rotate()
        handle = opened(pipe)
        process.kill()
        process.wait()
        canary.look = lambda: read(world.files[0])
        os.write(handle, f"STRIPE_KEY={world.leaked.token.reveal()}\n".encode())
        os.close(handle)
        (half,) = world.live()
        code, said = world.ir("abort", "--yes")
        assert code == ExitCode.DEBT and "on it: dotenv://one.env" in said, said
        assert "Dashboard" not in said
        code, said = ended(world.rotate())
        assert code == ExitCode.DEBT and not world.twin.is_alive(world.leaked), said
        assert "no listed store or service is on it → expire it in the Dashboard" in said
        world.twin.expire_in_dashboard(half)
        code, said = world.ir("resume", "--yes")
        assert code == ExitCode.DONE and world.is_whole() == "", said
