"""Verify by a user's program: exit code 0 is a pass."""

from collections.abc import Sequence

from ir.adapters.verifiers import lacking
from ir.adapters.verifiers.expectation import declared, filled
from ir.clients import program
from ir.core import placeholders
from ir.core.errors import PortError
from ir.core.secret import excerpt
from ir.ports import Check, Expected, Verifier


class CommandVerifier(Verifier):
    """Runs a program, which may name the expected key by `{{ new.fingerprint }}` or `{{ new.id }}` in its arguments.

    One that prints a JSON object with `lacks` tells the rights that the key lacks (`lacking`).

    Args:
        argv: program and arguments, no shell.
        env: names of environment variables that it needs besides the usual ones.
        read_only: the user declares that it changes nothing; only then do dry runs run it.
        proves: `holds-key`, `key-used` or `up`; empty: `holds-key` if the arguments name the fingerprint, else `up`.
        timeout: seconds.

    Raises:
        ValueError: an unknown placeholder, or nothing to run.
    """

    def __init__(
        self,
        *,
        argv: Sequence[str],
        env: Sequence[str] = (),
        read_only: bool = False,
        proves: str = "",
        timeout: float = 10.0,
    ) -> None:
        if not argv:
            raise ValueError("a command needs a program")
        for argument in argv:
            placeholders.check_placeholders(argument)
        self.proves = declared(proves, argv)
        self.read_only = read_only
        self._argv, self._env, self._timeout = tuple(argv), tuple(env), timeout

    def check(self, expected: Expected) -> Check:
        """Run it once. It cannot be told when it did not end by itself, or could not be started."""
        name = excerpt(self._argv[0], 80)
        try:
            argv = [filled(argument, expected) for argument in self._argv]
            done = program.run(argv, env=self._env, timeout=self._timeout)
        except PortError as error:
            return self._saw(None, error.what)
        lacks = lacking.told(done.out.encode(), "lacks")
        if done.passed:
            return self._saw(True, f"`{name}` passed", lacks)
        if done.timed_out:
            return self._saw(None, f"`{name}` did not end within {self._timeout:g} s")
        if done.code < 0:
            return self._saw(None, f"`{name}` was ended by signal {-done.code}")
        said = done.err.strip() or done.out.strip()
        return self._saw(False, f"`{name}` ended with exit code {done.code}{': ' + said if said else ''}", lacks)

    def _saw(self, passed: bool | None, said: str, lacks: dict[str, float] | None = None) -> Check:
        return Check(passed, self.proves, excerpt(said), (int(passed is True), 1), lacks)
