"""Nothing that an inventory names is run or told a secret before somebody agreed to it: every command, every way to agree."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from ir import inventory
from ir.cli import run
from ir.cli.command_table import COMMANDS
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.inventory_source import read
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused
from ir.drill.hosts.gcp_twin import GcpTwin
from ir.inventory import consent
from ir.inventory.opened import Opened
from ir.runtime.app_state import State, open_state
from ir.storage import database
from ir.storage.incident_index import IncidentIndex, IncidentRow
from tests.worlds.responder import responder
from tests.worlds.strange_inventory import FILE, Strange, strange

pytestmark = pytest.mark.server
IN = ("--inventory", FILE)
EXPOSED = ("rotate", "stripe", "payments", *IN, "--policy", "exposed")
ASKS: dict[str, tuple[str, ...]] = {
    "rotate": (*EXPOSED, "--yes"),
    "rotate, as one document": (*EXPOSED, "--yes", "--json"),
    "rotate, nobody there": EXPOSED,
    "dry run": (*EXPOSED, "--dry-run"),
    "dry run, yes": (*EXPOSED, "--dry-run", "--yes"),
    "adopt": (*EXPOSED, "--adopt", "INC-20261101-abcd", "--yes"),
    "adopt, dry": (*EXPOSED, "--adopt", "INC-20261101-abcd", "--dry-run"),
    "discard": (*EXPOSED, "--discard-pending", "left behind", "--yes"),
    "discard, dry": (*EXPOSED, "--discard-pending", "left behind", "--dry-run"),
    "webhook": ("rotate", "stripe-webhook", "events", *IN, "--yes"),
    "webhook, dry": ("rotate", "stripe-webhook", "events", *IN, "--dry-run"),
    "campaign": ("campaign", "start", "--all", *IN, "--policy", "exposed", "--yes"),
    "campaign, dry": ("campaign", "start", "--all", *IN, "--policy", "exposed", "--dry-run"),
    "campaign, by its other name": ("rotate", "stripe", "--all", *IN, "--policy", "exposed", "--yes"),
    "contain": ("contain", "payments", *IN, "--yes"),
    "review": ("review", "stripe", "payments", *IN),
    "permissions": ("permissions", "stripe", "payments", *IN),
    "breach": ("breach", "--stored-in", "dotenv://other.env", *IN, "--policy", "exposed", "--yes"),
    "drift": ("inventory", "drift", FILE),
    "drift, yes": ("inventory", "drift", FILE, "--yes"),
    "unused": ("inventory", "unused", FILE),
    "evidence key": ("evidence", "key", *IN),
    "schedule": ("schedule", "run", *IN),
}
"""Refused when what they would use is new."""
GOES_WITHOUT: dict[str, tuple[tuple[str, ...], int]] = {
    "the row by the key": (("rotate", "stripe", *IN, "--leaked-key-from", "file:key", "--policy", "exposed", "--yes"), ExitCode.USAGE),
    "what the alert says": ((*EXPOSED, "--alert", "alert.jsonl", "--yes"), ExitCode.USAGE),
    "alerts": (("alert", "import", "alert.jsonl", *IN), ExitCode.DONE),
    "check": (("inventory", "check", FILE), ExitCode.DONE),
    "graph": (("inventory", "graph", FILE), ExitCode.DONE),
    "policies": (("inventory", "policies", FILE), ExitCode.DONE),
    "schedule list": (("schedule", "list", *IN), ExitCode.DONE),
}
"""Go without it, or never need it, with the exit code."""
ELSEWHERE: dict[tuple[str, ...], str] = {
    ("database", "roles"): "makes or takes no inventory",
    ("worker",): "test_a_worker_begins_nothing_that_nobody_agreed_to",
    **dict.fromkeys(
        (
            *(("drill", name) for name in ("stripe", "stripe-webhook", "breach", "join")),
            *(("inventory", name) for name in ("init", "schema")),
            *(("rules",), ("help",), ("permissions", "map")),
        ),
        "makes or takes no inventory",
    ),
    **dict.fromkeys((("playbook", "list"), ("playbook", "show"), ("playbook", "check")), "makes or takes no inventory"),
    **dict.fromkeys(
        (
            *((name,) for name in ("status", "resume", "approve", "rollback", "abort", "close", "report", "verify", "classify")),
            *(("evidence", "bundle"), ("evidence", "purge"), ("evidence", "timestamp")),
            *(("notify", name) for name in ("record", "draft", "list")),
            *(("campaign", name) for name in ("status", "pause", "resume", "retry", "report")),
        ),
        "works with what an incident or a campaign recorded when it was begun, which was agreed to then",
    ),
}


@pytest.fixture(autouse=True)
def only_refusals_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes further ends its process, which would be the one of the tests."""

    def end(code: int) -> None:
        raise AssertionError(f"it went on, and would have ended with {code}")

    monkeypatch.setattr(os, "_exit", end)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strange]:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    with strange(tmp_path) as made:
        yield made


def ended(*argv: str) -> int:
    """The exit code of a command, run in this process."""
    try:
        return run(list(argv))
    except SystemExit as stop:
        return int(stop.code or 0)


def test_every_command_is_in_the_table() -> None:
    named = {argv[:2] for argv in ASKS.values()} | {argv[:2] for argv, _ in GOES_WITHOUT.values()}
    named |= {argv[:1] for argv in named} | set(ELSEWHERE)
    leaves = [(name, inner) for name, row in COMMANDS.items() if isinstance(row, dict) for inner in row]
    leaves_alone = [(name,) for name, row in COMMANDS.items() if not isinstance(row, dict)]
    assert [words for words in (*leaves, *leaves_alone) if words not in named] == []


def test_what_is_new_is_refused_and_nothing_of_it_was_used(place: Strange, capsys: pytest.CaptureFixture[str]) -> None:
    place.finished("store vault://secret/another")
    for name, argv in ASKS.items():
        assert ended(*argv) == ExitCode.REFUSED, name
        words = capsys.readouterr()
        assert place.sha256 in words.err, f"{name}: the way out is named"
        if "--json" in argv:
            assert json.loads(words.out)["exit_code"] == ExitCode.REFUSED
        assert place.used() == [], name
    for name, (argv, code) in GOES_WITHOUT.items():
        assert ended(*argv) == code, name
        assert place.used() == [], name
    assert not place.twin.used(place.leaked)


def test_another_inventory_than_the_pinned_one_is_refused_first(place: Strange, capsys: pytest.CaptureFixture[str]) -> None:
    """Also on first use, with `--yes`: who pins does not want anything else."""
    pinned = place.sha256
    place.write(notify=[])
    takes = {**ASKS, "alerts": GOES_WITHOUT["alerts"][0], "the row by the key": GOES_WITHOUT["the row by the key"][0]}
    for name, argv in takes.items():
        assert ended(*argv, "--inventory-sha256", pinned) == ExitCode.REFUSED, name
        assert "is not the one that --inventory-sha256 pins" in capsys.readouterr().err, name
        assert place.used() == [], name


LOOKS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "dry run": ((*EXPOSED, "--dry-run"), {"payments", "verify", "app", "GET with a-token-of-a-service"}),
    "drift": (("inventory", "drift", FILE), {"payments", "verify", "GET with a-token-of-a-service"}),
    "unused": (("inventory", "unused", FILE), {"app"}),
    "review": (("review", "stripe", "payments", *IN), {"review"}),
    "alerts": (("alert", "import", "alert.jsonl", *IN), {"payments", "events"}),
    "evidence key": (("evidence", "key", *IN), {"sign"}),
}
"""What looks only, and what it uses of a strange inventory."""


@pytest.mark.parametrize("name", LOOKS)
def test_a_pin_agrees_and_so_does_yes_on_first_use(place: Strange, name: str) -> None:
    argv, uses = LOOKS[name]
    ended(*argv, "--yes")
    assert uses <= set(place.used())
    (place.folder / "ran").unlink(missing_ok=True)
    place.service.seen.clear()
    place.finished("store vault://secret/another")
    ended(*argv, "--inventory-sha256", place.sha256.upper())
    assert uses <= set(place.used())


def test_a_worker_begins_nothing_that_nobody_agreed_to(place: Strange) -> None:
    place.finished("store vault://secret/another")
    argv = [sys.executable, "-m", "ir.cli", "worker", *IN, "--until-idle"]
    done = subprocess.run(argv, cwd=place.folder, text=True, capture_output=True, timeout=60)
    assert done.returncode == ExitCode.WAITING, "a key is due, and was not begun"
    assert "nothing that is due was begun: what the inventory runs or reaches is new" in done.stderr
    assert place.used() == []


def test_the_words_name_all_that_is_used(place: Strange) -> None:
    source = inventory.load(place.folder / FILE)
    words = consent.destinations(source, source.key("payments"))
    program = place.folder / "program"
    for part in ("payments", "payments-write", "app", "review", "notify", "sign"):
        [line] = [word for word in words if word.startswith(f"command {program} {part} ")]
        assert line.endswith(", which gets PAGER_LOGIN of the environment")
    netloc = place.service.url.removeprefix("http://")
    assert f"header X-Token from dotenv://token.env#TOKEN to {netloc}" in words
    assert {f"host {netloc}", f"host {place.twin.url.removeprefix('http://')}", "notices to command://notify"} <= words
    assert consent.dry_run(source, source.key("payments")) < words, "who agreed to a rotation agreed to its dry run"
    assert consent.comparison(source, source.key("payments")) < words
    assert consent.containment(source, source.key("payments")) < words
    assert f"signed test events to {netloc}" in consent.dry_run(source, source.key("events"))


def test_another_header_or_variable_is_a_new_one(place: Strange) -> None:
    """Same host, same program: but another secret goes there."""
    before = inventory.load(place.folder / FILE)
    text = (place.folder / FILE).read_text()
    (place.folder / FILE).write_text(text.replace("token.env#TOKEN", "other.env#KEY").replace("PAGER_LOGIN", "AWS_SECRET_ACCESS_KEY"))
    after = inventory.load(place.folder / FILE)
    new = consent.dry_run(after, after.key("payments")) - consent.destinations(before, before.key("payments"))
    assert any("AWS_SECRET_ACCESS_KEY" in word for word in new)
    assert any("other.env#KEY" in word for word in new)


def test_containing_alone_does_not_end_the_first_use() -> None:
    """The rotation right after it has `--yes` as its consent, as it would have had before."""

    def ran(status: str, *places: str) -> IncidentRow:
        return IncidentRow("INC-1", 0.0, 0.0, status, 0, {"destinations": list(places)})

    rows = [ran("done"), ran("aborted", "store a")]
    assert consent.known(rows) is None
    assert consent.known([*rows, ran("debt", "store b")]) == {"store b"}


class Sitting(Terminal):
    """Somebody at the terminal."""

    def __init__(self, answer: str) -> None:
        super().__init__(Screen(), name="ann", yes=False)
        self.interactive, self._answer, self.asked = True, answer, list[str]()

    def _line(self, question: str, answers: Sequence[str] = ()) -> str:
        self.asked.append(question)
        return self._answer + "\n"


def test_what_a_person_agreed_to_is_not_asked_again(place: Strange, capsys: pytest.CaptureFixture[str]) -> None:
    opened = read(FILE)
    no, yes = Sitting("n"), Sitting("y")
    with pytest.raises(Refused, match="not consented"):
        Consent(open_state, no, opened, yes=False).ask({"command a", "host b"})
    assert not Consent(open_state, no, opened, yes=False).may({"command a"})
    Consent(open_state, yes, opened, yes=False).ask({"command a", "host b"})
    assert capsys.readouterr().out.count("  command a\n") == 3
    Consent(open_state, yes, opened, yes=False).ask({"host b", "command c"})
    shown = capsys.readouterr().out
    assert "command c" in shown
    assert "host b" not in shown
    assert len(yes.asked) == 2
    Consent(open_state, Sitting("n"), opened, yes=False).ask({"command a", "host b", "command c"})
    assert Consent(open_state, Terminal(Screen(), name="cron", yes=False), opened, yes=False).may({"command a"})


def test_nothing_to_agree_to_opens_no_state(tmp_path: Path) -> None:
    def opens() -> State:
        raise AssertionError("the state was opened")

    Consent(opens, Terminal(Screen(), name="x", yes=False), Opened("a: 1", "x", tmp_path), yes=False).ask(set())


def test_what_was_changed_meanwhile_is_not_what_was_agreed_to(place: Strange) -> None:
    """At a real terminal: the file is changed between the question and the answer, and the old text is what is done."""
    outer, inner = pty.openpty()
    argv = [sys.executable, "-m", "ir.cli", "inventory", "drift", FILE]
    process = subprocess.Popen(argv, cwd=place.folder, stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
    os.close(inner)
    said = b""
    while b"Trust this inventory" not in said:
        said += os.read(outer, 65536)
    assert place.used() == []
    place.write(commands=[{"name": n, "read": place.program("evil", "key"), "write": ["w"]} for n in _names(place)])
    os.write(outer, b"y\n")
    with suppress(OSError):  # the other side of a terminal that is closed says so in this way
        while piece := os.read(outer, 65536):
            said += piece
    os.close(outer)
    assert process.wait(30) in (ExitCode.DONE, ExitCode.DEBT), said
    assert {"payments", "verify"} <= set(place.ran())
    assert "evil" not in place.ran()
    assert ended("inventory", "drift", FILE) == ExitCode.REFUSED, "that one is new"
    assert "evil" not in place.ran()


def _names(place: Strange) -> list[str]:
    return [row.name for row in inventory.load(place.folder / FILE).commands]


def test_the_red_button_tells_no_host_a_token(tmp_path: Path) -> None:
    """A store at a host that is listed with a token, and that no person agreed to, is not asked."""
    with GcpTwin() as twin, responder(tmp_path / "world", guided=True) as world:
        twin.put("stripe", world.leaked.token.reveal())
        world.more["HOST_TOKEN"] = "a-token"
        file = world.folder / FILE
        row = f'hosts:\n  - {{name: gcp-sm, api_base: "{twin.address}", token: "env://HOST_TOKEN"}}\n'
        file.write_text(file.read_text().replace("stored_in: [", 'stored_in: ["gcp-sm://shop/stripe", ') + row)
        code, said = world.ir("contain", "payments", "--inventory", FILE, "--yes")
        assert code == ExitCode.WAITING, said
        assert twin.calls == []


def test_the_red_button_asks_only_for_what_it_needs(tmp_path: Path) -> None:
    """A store, a service and programs that are new hold it up in no way, and are neither read nor asked."""
    with responder(tmp_path / "world") as world:
        file = world.folder / FILE
        ran = world.folder / "ran"
        extra = f"commands:\n  - {{name: new, read: [touch, {ran}], write: [touch, {ran}]}}\n"
        text = (
            file.read_text().replace("stored_in: [", "stored_in: [command://new, ").replace("reload: {http", "reload: {timeout: 9s, http")
        )
        file.write_text(text + extra)
        code, said = world.ir("contain", "payments", "--inventory", FILE, "--yes", "--inventory-sha256", "0" * 64)
        assert (code, world.incidents()) == (ExitCode.REFUSED, []), said
        engine = database.open_engine(f"sqlite:///{world.folder / 'home' / 'ir.sqlite'}")
        IncidentIndex(engine).note("INC-20260101-aaaa", "done", 0, {"destinations": ["store vault://secret/another"], "debts": []})
        engine.dispose()
        code, said = world.ir("contain", "payments", "--inventory", FILE, "--yes")
        assert code == ExitCode.DEBT, said
        assert "contained" in said
        assert "still to do: the leaked key is not dead" in said
        assert "0 stores, 0 services" in said
        assert not ran.exists()
        [incident] = [name for name in world.incidents() if name != "INC-20260101-aaaa"]
        code, said = world.ir("contain", incident, "--yes", "--inventory-sha256", "0" * 64)
        assert code == ExitCode.REFUSED, said
