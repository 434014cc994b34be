"""The command line in the process of a test."""

import json

import pytest

from ir.cli import run
from ir.core.model import Json


class Desk:
    """For all that neither runs an incident nor hardens a process: refusals, ends without replay, and looking."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        """Exit code, and what was said on both streams."""
        code, output, errors = self._run(*words)
        return code, output + errors

    def told(self, *words: str) -> Json:
        """The one document on standard output, and the exit code as `code`."""
        code, output, _ = self._run(*words, "--json")
        found: Json = {"code": code, **json.loads(output)}
        return found

    def _run(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        try:
            code = run(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err
