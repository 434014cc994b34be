"""The services of a drill: real processes, started together, stopped together, never left behind."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ir.drill.embedded.service import ServiceSettings

_ENDS_WITHIN = 30.0


@dataclass(frozen=True)
class Counted:
    """Payments by a service's own count."""

    ok: int
    failed: int


class Fleet:
    """Services from `__enter__` to `__exit__`.

    Args:
        settings: one row per service.
        env: environment of the children; holds no key.
        log: file that takes what they print on standard error.
    """

    def __init__(self, settings: Sequence[ServiceSettings], env: Mapping[str, str], log: Path) -> None:
        self.settings, self._env, self._log = settings, env, log
        self._children: dict[str, subprocess.Popen[str]] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            with self._log.open("a", encoding="utf-8") as errors:
                for row in self.settings:
                    self._children[row.name] = self._start(row, errors.fileno())
            for name, child in self._children.items():
                self.ports[name] = self._ready(name, child)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by service."""
        return {name: child.pid for name, child in self._children.items()}

    def stop(self) -> dict[str, Counted]:
        """End the traffic; payments that have begun are finished. Returns the services' own counts.

        Raises:
            RuntimeError: a service died or does not end.
        """
        for child in self._children.values():
            assert child.stdin is not None  # noqa: S101 - opened as a pipe
            with suppress(BrokenPipeError):
                child.stdin.close()
        return {name: self._last_words(name, child) for name, child in self._children.items()}

    def _start(self, row: ServiceSettings, errors: int) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-m", "ir.drill.embedded.service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=dict(self._env),
            text=True,
        )
        assert child.stdin is not None  # noqa: S101 - opened as a pipe
        with suppress(BrokenPipeError):
            child.stdin.write(row.to_line())
            child.stdin.flush()
        return child

    def _ready(self, name: str, child: "subprocess.Popen[str]") -> int:
        assert child.stdout is not None  # noqa: S101 - opened as a pipe
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"service {name} did not start; see {self._log}")
        return int(json.loads(line)["port"])

    def _last_words(self, name: str, child: "subprocess.Popen[str]") -> Counted:
        try:
            child.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"service {name} does not end; see {self._log}") from None
        assert child.stdout is not None  # noqa: S101 - opened as a pipe
        line = child.stdout.readline()
        if child.returncode or not line:
            raise RuntimeError(f"service {name} died with {child.returncode}; see {self._log}")
        row = json.loads(line)
        return Counted(row["ok"], row["failed"])

    def _end(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.kill()
        for child in self._children.values():
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
