"""Planted keys, searched for in every byte that the commands leave behind, print, or show to other processes meanwhile."""

import base64
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from ir.drill.twin.fates import HANG_AFTER, LOST, TORN, broken, too_many
from tests.worlds.responder import Responder, ended, responder

_BODY = 40
"""The last characters of a key: what stands before them is the same for all keys of one account."""


def forms(key: str) -> set[bytes]:
    """How a key, or half of one, may stand in bytes."""
    body = key[-_BODY:]
    found: set[bytes] = set()
    for part in {key, body, body[: _BODY // 2], body[_BODY // 2 :]}:
        for text in (part, part[::-1]):
            found |= {text.encode(), text.encode().hex().encode(), quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
            found |= {text.encode("utf-16-le"), "".join(f"\\u{ord(letter):04x}" for letter in text).encode()}
            found |= _base64(text.encode())
    return found


def _base64(data: bytes) -> set[bytes]:
    """At any of the three alignments, in both alphabets; only the groups that the data fills alone."""
    found = set()
    for shift in range(3):
        raw = b"\0" * shift + data
        coded = base64.b64encode(raw)[4 if shift else 0 : len(raw) // 3 * 4]
        found |= {coded, coded.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


class Searcher:
    """Collects bytes and says where a key was found. `spared` are the files that are meant to hold keys."""

    def __init__(self, world: Responder) -> None:
        self.world = world
        self.seen: list[tuple[str, bytes]] = []
        self._over = threading.Event()
        self._snapshots = threading.Thread(target=self._snap, daemon=True)
        self._running: list[subprocess.Popen[str]] = []
        self.looks = 0
        self._snapshots.start()

    def run(self, *argv: str, stdin: int = subprocess.DEVNULL, kill_at: int = 0) -> int:
        """`ir …` under observation; with `kill_at`, SIGKILL once so many entries are recorded."""
        process = self.world.start(*argv, stdin=stdin)
        self._running.append(process)
        while kill_at and process.poll() is None and self.world.entries() < kill_at:
            time.sleep(0.01)
        if kill_at:
            process.kill()
        code, said = ended(process)
        self._running.remove(process)
        self.seen.append((f"output of ir {' '.join(argv[:2])}", said.encode()))
        return code

    def hits(self) -> list[str]:
        """Every place in which any live or dead key of the twin was found."""
        self._over.set()
        self._snapshots.join()
        wanted = {
            form
            for key in self.world.twin.all_keys()
            if key.id != "" and "pk_" not in key.token.reveal()
            for form in forms(key.token.reveal())
        }
        spared = {*self.world.files, self.world.folder / "app.env", self.world.folder / "new.key", self.world.folder / "wrong.key"}
        left = [
            (str(path.relative_to(self.world.folder)), path.read_bytes())
            for path in self.world.folder.rglob("*")
            if path.is_file() and path not in spared
        ]
        assert left, "there is nothing to search"
        return sorted({name for name, data in [*left, *self.seen] if any(form in data for form in wanted)})

    def _snap(self) -> None:
        """Arguments and environments of the command and of its children, again and again."""
        while not self._over.wait(0.05):
            pids = {str(process.pid) for process in list(self._running)}
            for process in Path("/proc").iterdir():
                try:
                    if process.name not in pids and _parent(process) not in pids:
                        continue
                    for what in ("cmdline", "environ"):
                        self.seen.append((f"{what} of a process", (process / what).read_bytes()))
                    self.looks += 1
                except OSError:
                    continue


def _parent(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[1] if process.name.isdecimal() else ""


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


@pytest.mark.server
def test_a_run_and_everything_that_can_be_asked_about_it(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        look = Searcher(world)
        rotate = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
        assert look.run(*rotate, "--dry-run") == 0
        assert look.run(*rotate) == 0
        (name,) = world.incidents()
        for argv in (
            ("status",),
            ("status", name, "--json"),
            ("verify", name),
            ("report", name, "--format", "json"),
            ("resume", name, "--json"),
        ):
            assert look.run(*argv) == 0, argv
        look.run("inventory", "check", "inventory.yaml")
        look.run("inventory", "graph", "inventory.yaml")
        assert world.is_whole() == ""
        assert look.looks > 10
        assert look.hits() == []


@pytest.mark.server
def test_faults_a_kill_and_a_change_of_mind(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        look = Searcher(world)
        for number, fate in enumerate((LOST, TORN, too_many(None), broken(should_retry=False), broken(should_retry=False, acted=True))):
            world.twin.fate(fate, skip=4 * number + 2)
        world.twin.fate(TORN, method="POST", path="/v2/iam/api_keys")
        rotate = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
        look.run(*rotate, kill_at=5)
        (name,) = world.incidents()
        look.run("contain", name, "--yes")
        look.run(*rotate)  # refused: the other one is unfinished
        look.run("rollback", name, "--yes")
        look.run("abort", name, "--yes")
        look.run("close", name, "--attest", "seen in the Dashboard", "--by", "me")
        look.run("report", name, "--format", "html")
        assert [hit for hit in look.hits() if ".env.ir-" not in hit] == []


@pytest.mark.server
def test_keys_that_a_human_hands_over(tmp_path: Path) -> None:
    with responder(tmp_path / "world", guided=True) as world:
        look = Searcher(world)
        new, wrong = world.twin.create_secret_key("by hand"), world.twin.create_restricted_key(("charge_read",), "wrong kind")
        for file, key in (("new.key", new), ("wrong.key", wrong)):
            (world.folder / file).write_text(key.token.reveal() + "\n")
            (world.folder / file).chmod(0o600)
        world.twin.fate(HANG_AFTER, skip=200)
        rotate = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
        assert look.run(*rotate, "--new-key-from", "file:wrong.key", "--leaked-key-from", "file:one.env") in (2, 3, 4)
        code = look.run(*rotate, "--new-key-from", "file:wrong.key")
        assert code == 4
        (name,) = [row for row in world.incidents() if world.ir("status", row)[0] == 4]
        assert look.run("resume", name, "--yes", "--new-key-from", "file:new.key") == 4
        world.twin.expire_in_dashboard(world.leaked)
        world.twin.expire_in_dashboard(wrong)
        assert look.run("resume", name, "--yes") == 0
        assert look.hits() == []
