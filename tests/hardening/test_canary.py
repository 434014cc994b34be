"""Planted keys, searched for in every byte that the commands leave behind, print, or show to other processes meanwhile."""

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from ir.cli.command_table import COMMANDS
from ir.drill.embedded.leak_search import forms
from ir.drill.twin.faults import ALL, HANG, HANG_AFTER, TORN, Fate
from ir.drill.twin.message import Request
from tests.hardening.searching import Searcher
from tests.unit import alert_samples
from tests.worlds.responder import responder

Commands = tuple[tuple[str, ...], ...]
LOUD = {
    "PYTHONDEVMODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "DBOS__CLOUD": "true",
    "DBOS__OTLP_LOGS_ENDPOINT": "http://127.0.0.1:9",
    "DBOS__CONDUCTOR_KEY": "none",
    "OTEL_LOG_LEVEL": "debug",
    "AWS_SDK_LOAD_CONFIG": "1",
    "HTTPX_LOG_LEVEL": "trace",
    "SSLKEYLOGFILE": "tls-keys.log",
}
"""What makes libraries talk, or send what they know elsewhere."""
MANY = """
import json, sys
from ir.cli import run
from ir.cli.terminal.process_hardening import harden
harden()
codes = []
for argv in json.loads(sys.argv[1]):
    try:
        codes.append(run(argv))
    except SystemExit as ended:
        codes.append(int(ended.code or 0))
print("codes", json.dumps(codes))
"""
"""Many commands in one process: starting Python is most of what each costs."""
CRASHING = """
import threading
from ir.cli import main
from ir.clients.stripe_api import StripeApi

def raising(self, key, *rest, **more):
    text = "the key is " + key.reveal()
    def beside():
        raise ValueError(text)
    other = threading.Thread(target=beside)
    other.start()
    other.join()
    raise RuntimeError(text)

StripeApi.get = raising
main()
"""
"""An adapter that quotes its key in what it raises, in this thread and in another."""
HURRIED = (
    "-c",
    "from ir.clients.stripe_api import StripeApi\nStripeApi.__init__.__kwdefaults__['timeout'] = 0.6\nfrom ir.cli import main\nmain()",
)
"""The command with less patience for Stripe: a call that hangs costs a moment instead of ten seconds, and is given up in the same way."""
ASKED: Commands = (
    ("status",),
    ("status", "INC", "--json"),
    ("verify", "INC"),
    ("report", "INC", "--format", "json"),
    ("report", "INC", "--format", "md"),
    ("report", "INC", "--format", "html", "--output", "report.html"),
    ("inventory", "check", "inventory.yaml"),
    ("inventory", "graph", "inventory.yaml", "--format", "svg"),
    ("inventory", "drift", "inventory.yaml"),
    ("inventory", "policies", "inventory.yaml"),
    ("inventory", "schema"),
    ("inventory", "init", "--env-files", ".", "--output", "made.yaml"),
    ("playbook", "list"),
    ("playbook", "show", "stripe-exposed"),
    ("playbook", "check", "./quick.yaml"),
    ("alert", "import", "alert.jsonl", "--inventory", "inventory.yaml"),
    ("alert", "import", "alert.jsonl", "--inventory", "inventory.yaml", "--json"),
    ("review", "stripe", "--logs", "export.jsonl", "--since", "2d"),
    ("review", "stripe", "payments", "--inventory", "inventory.yaml", "--review-key-from", "file:review.key", "--egress", "export.jsonl"),
    ("permissions", "stripe", "payments", "--inventory", "inventory.yaml", "--logs", "export.jsonl", "--accept-partial", "a trial"),
    ("permissions", "map"),
    ("inventory", "unused", "inventory.yaml"),
    ("breach", "--stored-in", "dotenv://.", "--inventory", "inventory.yaml", "--dry-run"),
    ("evidence", "key", "--json"),
    ("evidence", "bundle", "INC"),
    ("classify", "INC", "--breach", "--reason", "their cards were read", "--by", "me"),
    ("classify", "INC", "--aware-at", "1h", "--by", "me"),
    ("notify", "record", "INC", "--to", "authority", "--at", "now", "--by", "me", "--reference", "DPA-7"),
    ("notify", "list", "INC"),
    *(("notify", "draft", "INC", "--to", to) for to in ("authority", "customers", "acquirer", "stripe", "internal")),
    ("evidence", "purge", "INC", "--yes", "--reason", "kept long enough", "--by", "me"),
    ("schedule", "list", "--inventory", "inventory.yaml"),
    ("rules", "list"),
    ("campaign", "status"),
    ("help", "status"),
)
"""What is asked after a run, in one process; `INC` stands for the incident."""
TOLD: Commands = (("campaign", "pause"), ("campaign", "report"), ("approve", "INC", "--reason", "looked"))
"""The same, after a campaign."""
ACTED: Commands = (
    ("campaign", "start", "--all", "--policy", "exposed", "--playbook", "./quick.yaml", "--yes"),
    ("campaign", "resume"),
    ("campaign", "retry"),
    ("schedule", "run", "--inventory", "inventory.yaml"),
    ("worker", "--until-idle"),
    ("worker", "--until-idle", "--log-json"),
    ("worker", "list"),
    ("resume", "INC", "--json"),
)
"""What needs a process of its own: it acts, or ends its process at once."""
ELSEWHERE: dict[tuple[str, ...], str] = {
    ("contain",): "test_faults_a_kill_and_a_change_of_mind",
    ("rollback",): "test_faults_a_kill_and_a_change_of_mind",
    ("abort",): "test_faults_a_kill_and_a_change_of_mind",
    ("close",): "test_faults_a_kill_and_a_change_of_mind",
    ("rotate", "stripe-webhook"): "tests/e2e/test_webhook.py",
    ("evidence", "timestamp"): "tests/unit/test_timestamps.py: it sends a hash",
    ("database", "roles"): "tests/campaign/test_database_roles.py: it makes tables",
    ("drill", "join"): "tests/drill/test_by_hand.py: it shows keys of a rehearsal alone",
    ("drill", "stripe-webhook"): "tests/drill/test_drill_webhook.py",
    ("drill", "breach"): "tests/drill/test_breach.py",
    ("drill", "stripe"): "the screen of every drill in tests/drill/test_drill.py",
}
REVIEW_KEY = "rk_" + "test_" + secrets.token_hex(24)
"""Of an account that nobody has: it is refused, and what it would have read is said to be missing."""
ROTATE = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")


def test_every_form_is_found() -> None:
    """The search itself can fail."""
    key = "sk_" + "test_" + os.urandom(24).hex()
    half = key[-20:]
    for data in (
        key,
        key[::-1],
        quote(key),
        half,
        base64.b64encode(b"x" + key.encode()).decode(),
        base64.urlsafe_b64encode(b"xy" + half.encode()).decode(),
    ):
        assert any(form in data.encode() for form in forms(key)), data
    assert not any(form in b"something else entirely" for form in forms(key))


def test_every_command_is_searched() -> None:
    """A new command joins one of the lists above."""
    run = {words[:2] for words in (*ASKED, *TOLD, *ACTED, ROTATE)} | {words[:1] for words in (*ASKED, *TOLD, *ACTED)} | set(ELSEWHERE)
    assert [words for words in _leaves() if words not in run] == []


def _leaves() -> Iterator[tuple[str, ...]]:
    for name, row in COMMANDS.items():
        yield from ((name, inner) for inner in row) if isinstance(row, dict) else [(name,)]


@pytest.mark.server
def test_a_run_and_everything_that_can_be_asked_about_it(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        look = Searcher(world, executed=True, **LOUD)
        _papers(look)
        assert look.run(*ROTATE, "--alert", "alert.jsonl", "--dry-run") == 0
        assert look.run(*ROTATE, "--alert", "alert.jsonl") == 0
        (name,) = world.incidents()
        assert world.is_whole() == ""
        assert _many(look, name, ASKED) == [("campaign", "status")]
        del world.more["PYTHONDEVMODE"]  # it makes each process dear
        for argv in ACTED[:1]:
            assert look.run(*argv) == 0
        assert _many(look, name, TOLD) == [("campaign", "pause"), ("approve", "INC", "--reason", "looked")]
        for argv in ACTED[1:]:
            ended = 2 if argv[0] == "campaign" else 0  # it is done
            assert look.run(*[name if word == "INC" else word for word in argv]) == ended
        assert world.is_whole() == ""
        assert (world.folder / "report.html").stat().st_size > 1000
        assert not (world.folder / "tls-keys.log").exists()
        assert look.looks > 20
        assert look.loose() == []
        assert look.hits(REVIEW_KEY) == []


def _many(look: Searcher, incident: str, commands: Commands) -> list[tuple[str, ...]]:
    """Run them in one process; those that are left ended with something else than done, waiting or misuse found."""
    look.run(json.dumps([[incident if word == "INC" else word for word in argv] for argv in commands]), program=("-c", MANY))
    codes = json.loads(look.outputs()[-1].rpartition("codes ")[2])
    return [argv for argv, code in zip(commands, codes, strict=True) if code not in (0, 4, 7)]


def _papers(look: Searcher) -> None:
    """Files of the user's own that hold keys: a scanner's alert, an exported log, a key to read with."""
    folder, leaked = look.world.folder, look.world.leaked.token.reveal()
    texts = {
        "alert.jsonl": alert_samples.lines(alert_samples.trufflehog(leaked)),
        "export.jsonl": "".join(
            json.dumps(
                {
                    "time": 1_795_000_000 + n,
                    "request_id": f"req_{n:08}",
                    "path": f"/v1/x?key={leaked}",
                    "authorization": leaked,
                    "ip": "::1",
                }
            )
            + "\n"
            for n in range(9)
        ),
        "review.key": REVIEW_KEY,
    }
    for file, text in texts.items():
        (folder / file).write_text(text)
        (folder / file).chmod(0o600)
        look.spared.add(folder / file)


@pytest.mark.server
def test_faults_a_kill_and_a_change_of_mind(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        look = Searcher(world)
        run = partial(look.run, program=HURRIED)
        for number, fate in enumerate(ALL):
            world.twin.fate(fate, skip=3 * number + 2)
        world.twin.fate(TORN, method="POST", path="/v2/iam/api_keys")
        run(*ROTATE, kill_at=5)
        (name,) = world.incidents()
        run("contain", name, "--yes")
        run(*ROTATE)  # refused: the other one is unfinished
        run("rollback", name, "--yes")
        run("abort", name, "--yes")
        run("close", name, "--attest", "seen in the Dashboard", "--by", "me")
        run("report", name, "--format", "html")
        run("contain", "payments", "--inventory", "inventory.yaml", "--yes")
        assert [hit for hit in look.hits() if ".env.ir-" not in hit] == []


@pytest.mark.server
def test_calls_that_hang_until_the_time_is_over(tmp_path: Path) -> None:
    """Of every kind of call the first one hangs, done or not; the key that was minted meanwhile comes in no answer."""
    with responder(tmp_path / "world") as world:
        look, hung = Searcher(world), set[str]()

        def hang(request: Request) -> Fate | None:
            call = f"{request.method} {re.sub('(mk|acct|sk|rk)_[A-Za-z0-9_]+', 'ID', request.path)}"
            if call in hung:
                return None
            hung.add(call)
            return (HANG, HANG_AFTER)[len(hung) % 2] if request.method == "GET" else HANG_AFTER

        world.twin.decide(hang)
        codes = [look.run(*ROTATE, program=HURRIED)]
        (name,) = world.incidents()
        while codes[-1] not in (0, 3) and len(codes) < 4:
            codes.append(look.run("resume", name, "--yes", program=HURRIED))
        look.run("report", name, "--format", "json")
        assert {"POST /v2/iam/api_keys", "POST /v2/iam/api_keys/ID/expire"} <= hung
        assert codes[-1] == 0, look.outputs()[-1]
        assert world.is_whole() == ""
        assert look.hits() == []


@pytest.mark.server
def test_an_adapter_that_quotes_its_key_and_a_key_on_the_command_line(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        look, pasted = Searcher(world), "sk_" + "live_" + secrets.token_hex(24)
        _papers(look)
        crash = ("-c", CRASHING)
        assert look.run(*ROTATE, program=crash) not in (0, 1), "a bug of an adapter leaves an incident that can be resumed"
        assert "unexpected RuntimeError" in look.outputs()[-1] and "unexpected ValueError" in look.outputs()[-1]
        assert look.run("review", "stripe", "--review-key-from", "file:review.key", program=crash) == 1
        assert look.outputs()[-1].count("RuntimeError") == 1
        assert look.run("rotate", "stripe", "--leaked-key-from", "file:one.env", "--api-base", world.twin.url, program=crash) in (1, 3)
        typed = (
            ("rotate", "stripe", pasted),
            ("rotate", pasted, "--json"),
            ("rotate", "stripe", "--leaked-key-from", pasted),
            ("rotate", "stripe", f"--reason=it is {pasted}"),
            (pasted,),
        )
        assert _many(look, "", typed) == list(typed)
        assert look.outputs()[-1].replace("\n", " ").count("shell's history") == len(typed) + 1, "once more as a document"
        look.seen = [row for row in look.seen if row[0].startswith("output") or pasted.encode() not in row[1]]  # this test put it there
        assert look.hits(pasted, REVIEW_KEY) == []


@pytest.mark.server
def test_keys_that_a_human_hands_over(tmp_path: Path) -> None:
    with responder(tmp_path / "world", guided=True) as world:
        look = Searcher(world)
        new, wrong = world.twin.create_secret_key("by hand"), world.twin.create_restricted_key(("charge_read",), "wrong kind")
        for file, key in (("new.key", new), ("wrong.key", wrong)):
            (world.folder / file).write_text(key.token.reveal() + "\n")
            (world.folder / file).chmod(0o600)
            look.spared.add(world.folder / file)
        world.twin.fate(HANG_AFTER, skip=200)
        assert look.run(*ROTATE, "--new-key-from", "file:wrong.key", "--leaked-key-from", "file:one.env") in (2, 3, 4)
        code = look.run(*ROTATE, "--new-key-from", "file:wrong.key")
        assert code == 4
        (name,) = [row for row in world.incidents() if world.ir("status", row)[0] == 4]
        assert look.run("resume", name, "--yes", "--new-key-from", "file:new.key") == 4
        world.twin.expire_in_dashboard(world.leaked)
        world.twin.expire_in_dashboard(wrong)
        assert look.run("resume", name, "--yes") == 0
        assert look.hits() == []
