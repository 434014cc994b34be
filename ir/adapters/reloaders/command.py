"""Reload by a user's program: `systemctl reload checkout`, `kubectl rollout restart …`."""

from collections.abc import Sequence

from ir.clients import program
from ir.core.errors import Rejected, Unknown
from ir.core.secret import excerpt
from ir.ports import Reloader


class CommandReloader(Reloader):
    """Exit code 0 is done; any other is a no. Repeating it is as harmless as the program makes it.

    Args:
        argv: program and arguments, no shell.
        env: names of environment variables that it needs besides the usual ones.
        timeout: seconds.
    """

    def __init__(self, *, argv: Sequence[str], env: Sequence[str] = (), timeout: float = 30.0) -> None:
        if not argv:
            raise ValueError("a command needs a program")
        self._argv, self._env, self._timeout = tuple(argv), tuple(env), timeout

    def ready(self) -> None:
        """See `ports.Reloader`. Raises Missing, Denied, Rejected."""
        program.find(self._argv, env=self._env)

    def reload(self) -> str:
        """Run it.

        Raises:
            Unknown: it did not end in time, a signal ended it, or the system could not start it just now.
            Rejected, Missing, Denied: it said no, there is no such program, it must not be executed.
        """
        name = excerpt(self._argv[0], 80)
        done = program.run(self._argv, env=self._env, timeout=self._timeout)
        if done.passed:
            return f"ran `{name}`"
        if done.timed_out:
            raise Unknown(f"`{name}` did not end within {self._timeout:g} s; it was ended")
        if done.code < 0:
            raise Unknown(f"`{name}` was ended by signal {-done.code}")
        said = excerpt(done.err or done.out, 200)
        raise Rejected(f"`{name}` ended with exit code {done.code}{': ' + said if said else ''}")
