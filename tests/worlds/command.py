"""Programs of a user as a store: two shell scripts and a file; what a service reads is the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ir.adapters.stores.command import CommandStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.stores import StoreWorld, unique


class CommandWorld(StoreWorld):
    """Each store is a folder with the file that its programs read and write."""

    stages = False
    custodian = False
    neighbours = False

    def __init__(self, base: Path) -> None:
        self.base = base

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        name = unique()
        self._file(name).write_text(value.reveal())
        return parse(f"command://{name}")

    def nowhere(self) -> Reference:
        """See `StoreWorld`. A program that is not there."""
        return parse("command://no-such-program")

    def make(self, ref: Reference, *, timeout: float = 5.0, write: str = 'cat > "$1"', check: str = "exit 0") -> Store:
        """See `StoreWorld`; `write` and `check` are shell scripts."""
        path = str(self._file(ref.path))
        shell = "/bin/sh" if ref.path != "no-such-program" else "/nowhere/sh"
        return CommandStore(
            ref,
            read=[shell, "-c", 'cat "$1"; echo', "sh", path],
            write=[shell, "-c", write, "sh", path],
            check=[shell, "-c", check, "sh", path],
            timeout=timeout,
        )

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return self._file(ref.path).read_text()

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        self._file(ref.path).write_text(value.reveal())

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        return self._file(ref.path).read_bytes(), self._file(ref.path).stat().st_mtime_ns

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [path.name for path in self.base.iterdir() if incident in path.name]

    @contextmanager
    def lossy(self, ref: Reference) -> Iterator[Store]:
        """See `StoreWorld`. It writes, and hangs."""
        yield self.make(ref, timeout=0.5, write='cat > "$1"; sleep 30')

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        yield self.make(self.place(value), write="exit 77", check="echo not you >&2; exit 1")

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        slow = ["/bin/sh", "-c", "sleep 30"]
        yield CommandStore(parse("command://slow"), read=slow, write=slow, check=slow, timeout=0.2)

    def _file(self, name: str) -> Path:
        return self.base / f"{name}.key"
