"""Before the first test: what the tests can use and this machine lacks."""

import os

import pytest

from tests import programs


def pytest_sessionstart(session: pytest.Session) -> None:
    """Says it once, in the process that prints; under CI it is an error, and no test begins."""
    lines = programs.lacking()
    if lines and os.environ.get("CI"):
        raise pytest.UsageError("\n".join(lines))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        for line in lines:
            reporter.write_line(line, yellow=True)
