"""A user's own programs as a store: `read` prints the key, `write` takes it on standard input, never as an argument."""

from collections.abc import Sequence
from dataclasses import replace

from ir.adapters.stores.keeps_nothing import KeepsNothing
from ir.clients import program
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.reference import Reference
from ir.core.secret import Secret, excerpt
from ir.ports import Held, Permission


class CommandStore(KeepsNothing):
    """Programs that the inventory declares under `commands:`.

    Args:
        ref: `command://NAME`.
        read: argv; prints the key, and nothing else, on standard output. Exit code 0, or it could not be told.
        write: argv; takes the key on standard input, without a line end.
        check: argv; exit code 0 if `write` would be allowed. None: that cannot be told in advance.
        env: names of environment variables that they need besides the usual ones.
        timeout: seconds per program.

    A version is the fingerprint of the value. Such a store has no place for a second value: no stage, no custody.
    """

    def __init__(
        self,
        ref: Reference,
        *,
        read: Sequence[str],
        write: Sequence[str],
        check: Sequence[str] | None = None,
        env: Sequence[str] = (),
        timeout: float = 30.0,
    ) -> None:
        self.ref = ref
        self._read, self._write, self._check = tuple(read), tuple(write), tuple(check or ())
        self._env, self._timeout = tuple(env), timeout

    def read(self) -> Held:
        """See `ports.Store`. Missing: there is no such program."""
        done = program.run_for_secret(self._read, env=self._env, timeout=self._timeout)
        if done.timed_out:
            raise Unknown(f"the `read` of {self.ref} did not end within {self._timeout:g} s")
        if done.code != 0:
            raise Unknown(f"the `read` of {self.ref} {_ended(done.code, done.err)}")
        held = Held.of(done.value.reveal() if done.value else "", "")
        return replace(held, version=held.value.fingerprint if held.value else "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        self.read()
        if not self._check:
            return Permission(proven=False, said="no `check` is declared for this command")
        done = program.run(self._check, env=self._env, timeout=self._timeout)
        if done.timed_out or done.code < 0:
            raise Unknown(f"the `check` of {self.ref} did not end by itself within {self._timeout:g} s")
        if not done.passed:
            raise Denied(f"the `check` of {self.ref} {_ended(done.code, done.err or done.out)}")
        return Permission(proven=True, said="its `check` says yes")

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`. There is no compare-and-set: the value is read right before and right after."""
        held = self.read()
        if held.value == new:
            return held.version
        if held.version != expected:
            raise Conflict(f"somebody else changed {self.ref}: it holds {held.version or 'nothing'}, {expected or 'nothing'} was expected")
        return self._put(new)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""
        held = self.read()
        if held.value == old:
            return held.version
        if held.value != new:
            raise Conflict(f"{self.ref} holds neither the old key nor ours")
        return self._put(old)

    def _put(self, value: Secret) -> str:
        done = program.run(self._write, stdin=value, env=self._env, timeout=self._timeout)
        if done.timed_out or done.code < 0:
            raise Unknown(f"the `write` of {self.ref} did not end by itself within {self._timeout:g} s; it may have written")
        back = self.read()
        if back.value == value:
            return back.version
        if not done.passed:
            raise _refusal(done.code, f"the `write` of {self.ref} {_ended(done.code, done.err or done.out)}")
        raise Unknown(f"the `write` of {self.ref} said yes, but `read` prints another value")


def _refusal(code: int, said: str) -> PortError:
    """The meaning of an exit code by convention: 126 must not be executed, 127 not found; 77 is EX_NOPERM of sysexits."""
    if code in (77, 126):
        return Denied(said)
    return Missing(said) if code == 127 else Rejected(said)


def _ended(code: int, said: str) -> str:
    how = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
    words = excerpt(said, 200)
    return f"{how}: {words}" if words else how
