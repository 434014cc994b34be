"""Searches bytes for keys: what a command printed, left in files, or showed to other processes while it ran."""

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ir.drill.embedded.leak_search import forms
from tests.worlds.responder import Responder, ended
from tests.worlds.started import COMMAND, Started


class Searcher:
    """Collects bytes and says where a key was found. Files with keys that the test itself wrote are added to `spared`.

    Args:
        executed: whether every command is executed anew, which the options of Python itself need; otherwise it is forked, and
            its arguments and its environment are searched as it gets them, those of its children as the kernel shows them.
    """

    def __init__(self, world: Responder, *, executed: bool = False, **environment: str) -> None:
        self.world, self._executed = world, executed
        (world.folder / "tmp").mkdir(mode=0o700)
        world.more = {"TMPDIR": str(world.folder / "tmp"), **environment}
        self._before, self._scratch = set(world.folder.rglob("*")), world.folder / "tmp"
        self.seen: list[tuple[str, bytes]] = []
        self.spared = {*world.files, world.folder / "app.env"}
        self._over = threading.Event()
        self._snapshots = threading.Thread(target=self._snap, daemon=True)
        self._running: list[Started | subprocess.Popen[str]] = []
        self._shown, self._strangers = set[bytes](), set[str]()
        self.looks = 0
        self._snapshots.start()

    def run(self, *argv: str, kill_at: int = 0, program: Sequence[str] = COMMAND) -> int:
        """`ir …` under observation; with `kill_at`, SIGKILL once so many entries are recorded."""
        self._show("arguments of a process", "\0".join(argv).encode())
        self._show("environment of a process", "\0".join(f"{name}={value}" for name, value in self.world.environment.items()).encode())
        process = (self.world.execute if self._executed else self.world.start)(*argv, program=program)
        self._running.append(process)
        while kill_at and process.poll() is None and self.world.entries() < kill_at:
            time.sleep(0.01)
        if kill_at:
            process.kill()
        code, said = ended(process)
        self._running.remove(process)
        self.seen.append((f"output of ir {' '.join(argv[:2])}", said.encode()))
        return code

    def outputs(self) -> list[str]:
        """What each command printed, in order."""
        return [data.decode() for name, data in self.seen if name.startswith("output")]

    def hits(self, *planted: str) -> list[str]:
        """Every place in which any live or dead key of the twin, or a planted one, was found."""
        self._over.set()
        self._snapshots.join()
        keys = [key.token.reveal() for key in self.world.twin.all_keys()]
        wanted = {form for key in (*keys, *planted) if not key.startswith("pk_") for form in forms(key)}
        left = [
            (str(path.relative_to(self.world.folder)), path.read_bytes())
            for path in self.world.folder.rglob("*")
            if path.is_file() and path not in self.spared
        ]
        assert left, "there is nothing to search"
        return sorted({name for name, data in [*left, *self.seen] if any(form in data for form in wanted)})

    def loose(self) -> list[str]:
        """Files and folders of the tool's own making that others may look into, and temporary ones that are left."""
        made = [path for path in self.world.folder.rglob("*") if path not in self._before and path not in self.spared]
        assert made, "nothing was made"
        return [str(path) for path in made if path.lstat().st_mode & 0o077 or path.is_symlink() or path.parent == self._scratch]

    def _snap(self) -> None:
        """Arguments and environments of the command and of its children, again and again."""
        while not self._over.wait(0.05):
            pids = {str(process.pid) for process in list(self._running)}
            for process in Path("/proc").iterdir():
                try:
                    if process.name not in pids and (process.name in self._strangers or _parent(process) not in pids):
                        self._strangers.add(process.name)
                        continue
                    self._show("arguments of a process", (process / "cmdline").read_bytes())
                    self.looks += 1
                    self._show("environment of a process", (process / "environ").read_bytes())
                except OSError:  # it is over, or shows its environment to nobody
                    continue

    def _show(self, name: str, data: bytes) -> None:
        if data not in self._shown:
            self._shown.add(data)
            self.seen.append((name, data))


def _parent(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[1] if process.name.isdecimal() else ""
