"""What every reloader keeps to (`ir.ports.Reloader`), and what each adapter adds; services and programs are real.

A new adapter joins with one line in `ADAPTERS`.
"""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ir.adapters.reloaders import RELOADERS
from ir.adapters.reloaders.command import CommandReloader
from ir.adapters.reloaders.http import HttpReloader
from ir.adapters.reloaders.rollout import RolloutReloader
from ir.adapters.reloaders.vercel import VercelReloader
from ir.clients.host_api import Login
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.core.urls import NotAsked
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.vercel_twin import VercelTwin
from ir.ports import Reloader
from tests.worlds.service_world import Handler, Instance, ServiceWorld, closed_port, hang_up, redirect, torn


def no_secrets(reference: str) -> Secret:
    raise Missing(f"there is no {reference}")


@dataclass
class Case:
    """A reloader and the levers of the world that it acts on."""

    reloader: Reloader
    store: Callable[[str], None]
    held: Callable[[], str]
    refuse: Callable[[str], None]
    """Makes the other side say no, with these words."""
    silence: Callable[[], None]
    repeats: bool = True
    """It tells the words of the other side."""
    same: bool = True
    """Twice the same is said."""


def write(file: Path, text: str) -> None:
    file.write_text(text)


def http_case(stack: ExitStack, folder: Path) -> Case:
    world = stack.enter_context(ServiceWorld([Instance("a")]))

    def store(mark: str) -> None:
        world.stored = mark

    def refuse(words: str) -> None:
        world.reload_status, world.reload_body = 403, words.encode()

    def silence() -> None:
        world.instances[0].delay = 1.5

    reloader = HttpReloader(resolve=no_secrets, url=f"{world.url}/reload", timeout=0.4)
    return Case(reloader, store, lambda: world.instances[0].holds, refuse, silence)


def command_case(stack: ExitStack, folder: Path) -> Case:
    stored, held, no, silent = (folder / name for name in ("stored", "held", "no", "silent"))
    program = (
        "import pathlib,sys,time; folder = pathlib.Path(sys.argv[1])\n"
        "if (folder/'silent').exists(): time.sleep(9)\n"
        "if (folder/'no').exists(): sys.exit((folder/'no').read_text())\n"
        "(folder/'held').write_text((folder/'stored').read_text())"
    )
    reloader = CommandReloader(argv=[sys.executable, "-c", program, str(folder)], timeout=0.8)
    return Case(reloader, partial(write, stored), held.read_text, partial(write, no), silent.touch)


def rollout_case(stack: ExitStack, folder: Path) -> Case:
    twin = stack.enter_context(K8sTwin())
    twin.tokens["all"] = frozenset({"*"})
    twin.put_secret("shop", "stripe", {"api_key": "first"})
    twin.deploy("shop", "checkout", ("shop", "stripe", "api_key"))

    def store(mark: str) -> None:
        twin.put_secret("shop", "stripe", {"api_key": mark})

    def refuse(words: str) -> None:
        twin.stuck = True

    def silence() -> None:
        twin.rollout = 60.0

    login = Login(api_base=twin.address, token=lambda: Secret("all"))
    reloader = RolloutReloader(context="prod", namespace="shop", kind="deployment", name="checkout", login=login, timeout=1.0, pause=0.05)
    return Case(reloader, store, lambda: twin.environment("shop", "checkout"), refuse, silence, repeats=False)


def vercel_case(stack: ExitStack, folder: Path) -> Case:
    twin = stack.enter_context(VercelTwin())
    twin.tokens["all"] = frozenset({"*"})
    twin.put("shop", "STRIPE", "first")
    twin.deployed("shop")

    def store(mark: str) -> None:
        twin.put("shop", "STRIPE", mark)

    def refuse(words: str) -> None:
        twin.fails = True

    def silence() -> None:
        twin.builds = 60.0

    reloader = VercelReloader(project="shop", login=Login(api_base=twin.address, token=lambda: Secret("all")), timeout=1.0, pause=0.05)
    return Case(reloader, store, lambda: twin.serves("shop", "STRIPE"), refuse, silence, repeats=False, same=False)


ADAPTERS = {"http": http_case, "command": command_case, "rollout": rollout_case, "vercel": vercel_case}


@pytest.fixture(params=ADAPTERS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        yield ADAPTERS[request.param](stack, tmp_path)


class TestEveryReloader:
    def test_is_in_the_table(self) -> None:
        assert set(ADAPTERS) == set(RELOADERS)
        for place in RELOADERS.values():
            module, _, name = place.partition(":")
            assert isinstance(getattr(__import__(module, fromlist=[name]), name), type)

    def test_makes_the_service_take_up_what_is_stored(self, case: Case) -> None:
        case.store("one")
        assert case.reloader.reload()
        assert case.held() == "one"

    def test_the_look_before_it_reloads_nothing(self, case: Case) -> None:
        case.store("one")
        case.reloader.reload()
        case.store("two")
        case.reloader.ready()
        assert case.held() == "one"

    def test_twice_is_as_good_as_once(self, case: Case) -> None:
        case.store("one")
        first, second = case.reloader.reload(), case.reloader.reload()
        assert first == second or not case.same
        assert case.held() == "one"
        case.store("two")
        case.reloader.reload()
        assert case.held() == "two"

    def test_a_no_is_rejected_with_scrubbed_words(self, case: Case) -> None:
        case.store("one")
        case.reloader.reload()
        key = Secret("known " + secrets.token_hex(12))
        case.refuse(f"not with {key.reveal()}" + " and more" * 200)
        case.store("two")
        with pytest.raises(Rejected) as no:
            case.reloader.reload()
        assert case.held() == "one"
        assert not case.repeats or key.fingerprint in no.value.what
        assert key.reveal() not in no.value.what
        assert len(no.value.what) <= 300

    def test_no_answer_is_unknown(self, case: Case) -> None:
        case.store("one")
        case.silence()
        begun = time.monotonic()
        with pytest.raises(Unknown):
            case.reloader.reload()
        assert time.monotonic() - begun < 3.5


class TestHttp:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            *((status, None) for status in (200, 202, 204)),
            *((status, Rejected) for status in (302, 400, 404)),
            *((status, Unknown) for status in (408, 429, 500, 503)),
        ],
    )
    def test_status(self, status: int, error: type[PortError] | None) -> None:
        with ServiceWorld([Instance("a")], reload_status=status) as world:
            reloader = HttpReloader(resolve=no_secrets, url=world.url)
            if error is None:
                assert str(status) in reloader.reload()
            else:
                with pytest.raises(error, match=str(status)):
                    reloader.reload()
            assert [(s.method, s.headers.get("Content-Length")) for s in world.seen] == [("POST", "0")]

    @pytest.mark.parametrize("broken", [torn, hang_up])
    def test_a_torn_answer_is_unknown_and_not_asked_again(self, broken: Callable[[Handler], None]) -> None:
        with ServiceWorld([Instance("a", misbehave=broken)]) as world:
            with pytest.raises(Unknown):
                HttpReloader(resolve=no_secrets, url=world.url).reload()
            assert world.posts() == 1

    def test_a_service_that_is_down_may_come_back(self) -> None:
        with pytest.raises(Unknown, match="refused"):
            HttpReloader(resolve=no_secrets, url=f"http://127.0.0.1:{closed_port()}/").reload()

    def test_a_header_by_reference_goes_to_the_named_host_only(self) -> None:
        token = Secret(secrets.token_hex(12))
        with ServiceWorld([Instance("other")]) as other:
            away = redirect(f"http://localhost:{other.port}/", 307)
            with ServiceWorld([Instance("a"), Instance("b", misbehave=away)]) as world:
                reloader = HttpReloader(resolve=lambda ref: token, url=world.url, headers={"Authorization": "env://T"})
                said = reloader.reload()
                assert world.seen[0].headers["Authorization"] == token.reveal()
                assert token.reveal() not in said
                with pytest.raises(Rejected):
                    reloader.reload()
            assert other.seen == []

    def test_what_could_not_be_asked(self) -> None:
        with ServiceWorld([Instance("a")]) as world:
            with pytest.raises(NotAsked):
                HttpReloader(resolve=no_secrets, url=world.url, headers={"X-Token": "env://GONE"}).reload()
            assert world.seen == []

    def test_bad_places_are_refused_at_construction(self) -> None:
        for url in ("127.0.0.1", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://127.0.0.1/ x"):
            with pytest.raises(ValueError, match="URL"):
                HttpReloader(resolve=no_secrets, url=url)
        with pytest.raises(ValueError, match="header"):
            HttpReloader(resolve=no_secrets, url="http://127.0.0.1/", headers={"Host": "env://X"})


class TestCommand:
    def test_what_cannot_be_run(self, tmp_path: Path) -> None:
        plain = tmp_path / "plain"
        plain.touch()
        with pytest.raises(Missing):
            CommandReloader(argv=["no-such-program-here"]).reload()
        with pytest.raises(Denied):
            CommandReloader(argv=[str(plain)]).reload()
        with pytest.raises(ValueError, match="program"):
            CommandReloader(argv=[])

    def test_ended_by_a_signal_is_unknown(self) -> None:
        with pytest.raises(Unknown, match="signal 9"):
            CommandReloader(argv=[sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]).reload()

    def test_a_program_that_ends_well_when_told_to_stop_was_still_too_slow(self) -> None:
        polite = "import signal,sys,time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(9)"
        with pytest.raises(Unknown, match="did not end within"):
            CommandReloader(argv=[sys.executable, "-c", polite], timeout=0.8).reload()

    def test_a_daemon_that_it_starts_lives_on(self, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        later = f"import time,pathlib; time.sleep(0.6); pathlib.Path({str(mark)!r}).touch()"
        start = f"import subprocess,sys; subprocess.Popen([sys.executable, '-c', {later!r}])"
        CommandReloader(argv=[sys.executable, "-c", start]).reload()
        assert not mark.exists()
        deadline = time.monotonic() + 5
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert mark.exists()


def test_what_could_not_even_be_asked_for_is_known_without_asking(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.write_text("#!/bin/sh\n")
    locked.chmod(0o600)
    wrong: list[tuple[Reloader, type[PortError]]] = [
        (HttpReloader(resolve=no_secrets, url="http://127.0.0.1:9/reload", headers={"Authorization": "env://GONE"}), NotAsked),
        (HttpReloader(resolve=lambda _: Secret("two\nlines"), url="http://127.0.0.1:9/", headers={"X-Token": "env://X"}), NotAsked),
        (CommandReloader(argv=["/nowhere/reload"]), Missing),
        (CommandReloader(argv=["no-such-program-of-mine"]), Missing),
        (CommandReloader(argv=[str(locked)]), Denied),
    ]
    for reloader, kind in wrong:
        with pytest.raises(kind):
            reloader.ready()
