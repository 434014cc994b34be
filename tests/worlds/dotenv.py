"""An env file as others see it: a service that sources it in a shell, a colleague with an editor."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique

NOBODY = 65534
NAME = "STRIPE_SECRET_KEY"


class DotenvWorld(StoreWorld):
    """Env files, each in a folder of its own."""

    loses_answers = False
    hangs = False

    def __init__(self, base: Path) -> None:
        self.base = base

    def place(self, value: Secret, *, folder: Path | None = None) -> Reference:
        """See `StoreWorld`."""
        here = folder or self.base / unique()
        here.mkdir(exist_ok=True)
        path = here / ".env"
        path.write_text(f"# settings\n{NEIGHBOUR}='pass word'\nexport {NAME}=\"{value.reveal()}\" # the key\nPORT=5432")
        path.chmod(0o600)
        return parse(f"dotenv://{path}#{NAME}")

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"dotenv://{self.base}/{unique()}/.env#{NAME}")

    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """See `StoreWorld`."""
        return DotenvStore(ref, base=Path("/nowhere"), timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return self._sourced(ref, NAME)

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        path = Path(ref.path)
        path.write_text(path.read_text().replace(self.seen(ref), value.reveal()))

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return self._sourced(ref, NEIGHBOUR)

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        path = Path(ref.path)
        path.write_text(path.read_text().replace(self.neighbour(ref), text))

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        folder = Path(ref.path).parent
        return {path.name: (path.read_bytes(), path.stat().st_mode, path.stat().st_ino) for path in folder.iterdir()}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [path.name for path in Path(ref.path).parent.iterdir() if incident in path.name]

    def roles(self, ref: Reference, incident: str) -> dict[str, str]:
        """What lies in our file beside."""
        found: dict[str, str] = json.loads(Path(f"{ref.path}.ir-{incident}").read_text())["roles"]
        return found

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        folder = Path(tempfile.mkdtemp(prefix="ir-forbidden-"))
        try:
            ref = self.place(value, folder=folder)
            with as_nobody(folder, Path(ref.path)):
                yield self.make(ref)
        finally:
            folder.chmod(0o700)
            shutil.rmtree(folder)

    def hanging(self) -> AbstractContextManager[Store]:
        """See `StoreWorld`."""
        raise NotImplementedError

    def _sourced(self, ref: Reference, name: str) -> str:
        script = f'set -a; . "$1"; printf %s "${name}"'
        done = subprocess.run(["/bin/sh", "-c", script, "sh", ref.path], capture_output=True, check=True, text=True, env={})
        return done.stdout


@contextmanager
def as_nobody(folder: Path, file: Path) -> Iterator[None]:
    """Without rights in a folder: root becomes nobody, anybody else loses the right to write there."""
    folder.chmod(0o555)
    if os.geteuid() != 0:
        yield
        return
    os.chown(file, NOBODY, -1)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
