"""`ir drill stripe --hands`: the prompt, a second terminal, the form as text, the score, and nothing left behind."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from ir.cli.drill_hands import Prompt
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.core.model import Mode, Policy
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.hands.page_client import PageClient
from ir.drill.hands.rehearsal import Place, Rehearsal, rehearsal
from tests.worlds.person import Person, person
from tests.worlds.surroundings import environment

WORDS = ("drill", "stripe", "--hands", "--stores", "env", "--services", "2", "--seed", "5")
REAL = "sk_" + "live_" + "51Zz9Yy8Xx7Ww6Vv5" * 4
OPTIONS = DrillOptions(seed=5, services=2, managed=False, mode=Mode.LIVE, waits=None, death=0.3, stores=frozenset({StoreKind.ENV}))


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """The operator's own environment; nothing of a rehearsal may stay in its folders."""
    (tmp_path / "tmp").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    root = str(Path(__file__).parents[2])
    return {**kept, "PYTHONPATH": root, "HOME": str(tmp_path), "IR_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture
def ann(tmp_path: Path, own: dict[str, str]) -> Iterator[Person]:
    with person(tmp_path, own) as made:
        yield made


def nothing_is_left(own: dict[str, str]) -> None:
    assert list(Path(own["TMPDIR"]).iterdir()) == [] and not (Path(own["IR_HOME"]) / "rehearsal.json").exists()


def test_two_terminals_a_form_as_text_and_a_score(tmp_path: Path, own: dict[str, str], ann: Person) -> None:
    ann.starts(*WORDS)
    ready = ann.sees("rehearsal>", within=60)
    assert "REHEARSAL. Nothing here is real" in ann.shown() and re.search(r"http://127\.0\.0\.1:\d+/\?invitation=\S+", ann.shown())
    with person(tmp_path, own) as bob:
        bob.starts("drill", "join")
        at = bob.sees("rehearsal>")
        bob.types("form\n")
        at = bob.sees("Enter = leave:", after=at)
        assert "Standard keys" in bob.shown() and "payments" in bob.shown()
        bob.types("c\nmine by hand\n\n")
        at = bob.sees("Enter = Done:", after=at)
        value = re.search(r"sk_live_5\w{90,}", bob.shown())
        assert value, bob.shown()
        assert b"\x1b[?1049h" in bob.screen and bob.screen.rindex(b"\x1b[?1049h") < bob.screen.index(value.group().encode()[:70])
        bob.types("\n\n")
        at = bob.sees("rehearsal>", after=bob.sees("mine by hand", after=at))
        assert bob.screen.rindex(b"\x1b[?1049l") > bob.screen.index(value.group().encode()[:70]), "it was taken from the screen again"
        bob.types("end\n")
        assert bob.ends() == 0
    ann.types("ir status\n")
    at = ann.sees("exit code 0", after=ready)
    for words, told in (
        (REAL, "that was a key"),
        ("ir rotate stripe --inventory /etc/other.yaml", "its own inventory"),
        ("ir drill stripe", "no other world"),
        ("cat /etc/passwd", "ir …: a command"),
    ):
        ann.types(words + "\n")
        at = ann.sees(told, after=at)
    ann.presses("c")
    at = ann.sees("rehearsal>", after=ann.sees("^C", after=at))
    ann.types("end\n")
    at = ann.sees("REHEARSAL, the score", after=at, within=30)
    assert ann.ends() == ExitCode.DEBT
    score = ann.shown(at)
    for line in (
        "the leaked key is alive",
        "failed payments 0 of",
        "mistakes 1",
        "nothing uses: `mine by hand`, token …" + value.group()[-4:],
    ):
        assert line in score
    assert value.group().encode() not in ann.screen
    nothing_is_left(own)


def test_without_a_terminal_lines_are_commands_and_json_is_one_document(own: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ir.cli", *WORDS, "--json"],
        input="ir status\nend\n",
        capture_output=True,
        text=True,
        env=own,
        timeout=90,
        check=False,
    )
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["rehearsal"], told["commands"], told["over"]) == (ExitCode.DEBT, True, [["ir status", 0]], False)
    assert (told["contained"], told["dead"], told["mistakes"], told["failed"]) == (None, None, [], 0) and told["payments"] > 0
    assert "No incident yet" in ran.stderr and "REHEARSAL" in ran.stderr
    nothing_is_left(own)


def test_a_terminal_that_is_closed_takes_the_rehearsal_with_it(own: dict[str, str], ann: Person) -> None:
    ann.starts(*WORDS)
    ann.sees("rehearsal>", within=60)
    assert list(Path(own["TMPDIR"]).iterdir())
    ann.sends(signal.SIGHUP)
    assert ann.ends() == 128 + signal.SIGHUP
    nothing_is_left(own)


class _PressedMeanwhile(Screen):
    """Ctrl-C comes at the worst moment: the answer stands on the screen, the next prompt does not yet."""

    def say(self, text: str) -> None:
        if text.startswith("ir …: a command"):
            raise KeyboardInterrupt


def test_ctrl_c_between_an_answer_and_the_next_prompt_ends_no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("what now\nstill there\nend\n"))
    Prompt(Place(Path(), {}, "http://127.0.0.1:9", ""), _PressedMeanwhile()).run()
    assert sys.stdin.read() == "", "it read on to `end`"


def test_without_a_rehearsal_there_is_nothing_to_join(own: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ir.cli", "drill", "join"], capture_output=True, text=True, env=own, timeout=60, check=False
    )
    assert ran.returncode == ExitCode.REFUSED and "no rehearsal runs" in ran.stderr


# ── the score ──


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Rehearsal]:
    with environment(IR_HOME=str(tmp_path / "home")), rehearsal(OPTIONS) as running:
        yield running


def client(made: Rehearsal) -> PageClient:
    return PageClient(made.place.origin, made.place.cookie)


def to_services(made: Rehearsal, value: str) -> None:
    """What `ir` would do: the store, then each service."""
    file, papers = made.world.folder.stores / "payments.env", (made.world.folder.root / "inventory.yaml").read_text()
    file.write_text(file.read_text().replace(made.world.account.leaked.token.reveal(), value))
    for port in re.findall(r"http://127.0.0.1:(\d+)/reload", papers):
        line = HTTPConnection(f"127.0.0.1:{port}", timeout=10)
        line.request("POST", "/reload")
        assert line.getresponse().status == 200
        line.close()
    for pid in re.findall(r"- -HUP\n\s+- '(\d+)'", papers):
        os.kill(int(pid), signal.SIGHUP)


def test_a_good_hand_scores_without_a_mistake(made: Rehearsal) -> None:
    page, leaked = client(made), made.world.account.leaked
    value = page.send(f"/apikeys/{leaked.id}/rotate", expiration="1h")["value"]
    to_services(made, value)
    time.sleep(1.0)
    page.send(f"/apikeys/{leaked.id}/expire")
    score = made.end()
    assert (score.mistakes, score.left, score.failed) == ((), (), 0)
    assert score.dead is not None and score.contained is not None and score.payments > 0
    assert {row.key[:3] for row in score.services} == {"new"}


def test_misclicks_have_their_consequences(made: Rehearsal) -> None:
    page, account = client(made), made.world.account
    leaked, rows = account.leaked, {row["name"]: row["id"] for row in page.see("/apikeys")["rows"]}
    page.send(f"/apikeys/{rows['accounting']}/expire")
    page.send(f"/apikeys/{leaked.id}/policy", addresses="203.0.113.7")
    page.send(f"/apikeys/{leaked.id}/policy", addresses="")
    page.send(f"/apikeys/{leaked.id}/policy", addresses="127.0.0.0/8")
    lost = page.send(f"/apikeys/{leaked.id}/rotate", expiration="now")["rows"][-1]
    page.send(f"/apikeys/{rows['incident review']}/edit", note=REAL)
    score = made.end()
    assert score.mistakes == (
        "expired `accounting`: that key has nothing to do with the incident",
        "access policy of `payments` without 127.0.0.1: it shut out your own services",
        "rotated `payments`, Now: 1 store still held that key, and no misuse was known",
        "a key was pasted where none belongs",
    )
    assert score.failed > 0 and score.contained is not None and score.dead is not None and score.contained < score.dead + 0.5
    assert score.left == (
        "dotenv://./stores/payments.env#STRIPE_SECRET_KEY holds the leaked key",
        f"a live key that nothing uses: `Secret key`, token …{lost['token'][-4:]}",
    )
    assert not any(key_shaped in str(score) for key_shaped in (leaked.token.reveal(), REAL))


def test_in_contain_first_the_kill_is_no_mistake_and_what_a_stranger_left_is_to_be_removed(tmp_path: Path) -> None:
    options = DrillOptions(
        seed=6, services=2, managed=False, mode=Mode.LIVE, policy=Policy.EXPLOITED, waits=None, death=0.3, stores=frozenset({StoreKind.ENV})
    )
    with environment(IR_HOME=str(tmp_path / "home")), rehearsal(options) as made:
        page = client(made)
        page.send(f"/apikeys/{made.world.account.leaked.id}/rotate", expiration="now")
        loot = page.see("/elsewhere")["loot"]
        assert len(loot) == 3
        for path in loot[:2]:
            page.send("/elsewhere", left=path)
        score = made.end()
    assert score.mistakes == () and sum(one.startswith("what a stranger left") for one in score.left) == 1
