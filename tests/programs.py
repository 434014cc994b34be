"""Programs that tests use and a machine may lack: where they come from, and what is not tested without them.

What is missing is said before the first test. On a workstation its tests are skipped; under CI, where `.ci/run` installs all of them, no
test begins.
"""

import shutil
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Program:
    """One of them.

    Attributes:
        commands: names that it goes by; the first that is on PATH is used.
        package: of Debian, named in `.ci/apt-packages.txt`.
        tested: what the tests need it for.
        files: tests that need it, some or all of a file.
    """

    commands: tuple[str, ...]
    package: str
    tested: str
    files: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it is; "" where it is not installed."""
        return next((found for name in self.commands if (found := shutil.which(name))), "")

    @property
    def lacking(self) -> str:
        """What is skipped without it, and why."""
        return f"{self.commands[0]} is not installed; skipped: {self.tested} ({', '.join(self.files)})"

    @property
    def needed(self) -> pytest.MarkDecorator:
        """Marks a test that is skipped without it."""
        return pytest.mark.skipif(not self.path, reason=f"{self.lacking}. {install(self)}")


CHROMIUM = Program(
    ("chromium", "chromium-browser", "google-chrome"),
    "chromium",
    "the report and the keys page in a real browser",
    ("tests/e2e/test_keys_page_in_a_browser.py", "tests/e2e/test_report_page.py", "tests/hands/test_hands.py"),
)
OPENSSL = Program(
    ("openssl",), "openssl", "time stamps of a real authority", ("tests/e2e/test_evidence.py", "tests/unit/test_timestamps.py")
)
SSH_KEYGEN = Program(
    ("ssh-keygen",),
    "openssh-client",
    "signatures that OpenSSH makes and verifies",
    ("tests/unit/test_approvals.py", "tests/unit/test_evidence_check.py"),
)
FISH = Program(("fish",), "fish", "completion in fish", ("tests/unit/test_help.py",))
GROFF = Program(("groff",), "groff-base", "the man page as man reads it", ("tests/unit/test_help.py",))
PGBOUNCER = Program(("pgbouncer",), "pgbouncer", "a team's database behind a pooler", ("tests/campaign/test_postgres.py",))
ZSH = Program(("zsh",), "zsh", "completion in zsh", ("tests/unit/test_help.py",))
_FINGERPRINT = ("tests/e2e/test_key_fingerprint.py",)
GO = Program(("go",), "golang-go", "how a service in Go tells its key", _FINGERPRINT)
JAVA = Program(("java",), "default-jdk-headless", "how a service in Java tells its key", _FINGERPRINT)
NODE = Program(("node",), "nodejs", "how a service in Node tells its key", _FINGERPRINT)
PHP = Program(("php",), "php-cli", "how a service in PHP tells its key", _FINGERPRINT)
RUBY = Program(("ruby",), "ruby", "how a service in Ruby tells its key", _FINGERPRINT)
PROGRAMS = (CHROMIUM, FISH, GO, GROFF, JAVA, NODE, OPENSSL, PGBOUNCER, PHP, RUBY, SSH_KEYGEN, ZSH)


def install(*programs: Program) -> str:
    """How to install them, in one line."""
    return f"To install: apt-get update && apt-get install -y --no-install-recommends {' '.join(each.package for each in programs)}"


def lacking() -> list[str]:
    """What this machine lacks, a line for each program, and the line that installs all of it; empty where it lacks nothing."""
    missing = [program for program in PROGRAMS if not program.path]
    return [*(program.lacking for program in missing), install(*missing)] if missing else []
