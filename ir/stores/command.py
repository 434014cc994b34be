"""A user's program as a store: `read` prints the key, `write` takes it on standard input, `check` exits 0 if a write is allowed.

The version is the fingerprint of the value. Nothing can be staged, and custody lies elsewhere.
"""

from collections.abc import Sequence

from ir import child
from ir.errors import Conflict, Denied, Rejected, Unknown
from ir.ports import Held, Pending, Permission, Store
from ir.reference import Reference
from ir.secret import Secret


class CommandStore(Store):
    """`command://NAME`, declared under `commands:`.

    Args:
        read, write, check: argument vectors; no shell, and never a key among the arguments.
        env: names of environment variables that the programs get besides PATH, HOME, LANG, LC_*, TZ and TMPDIR.
        timeout: seconds per program.
    """

    guided = False
    custodian = False

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
        """See `ports.Store`."""
        printed = child.run_for_secret(self._read, env=self._env, timeout=self._timeout)
        if printed.timed_out:
            raise Unknown(f"{self.ref}: its read program gave no answer in {self._timeout:g} s")
        if printed.code != 0:
            raise Rejected(f"{self.ref}: its read program ended with {printed.code}: {printed.err[:200]}")
        return Held(printed.value, printed.value.fingerprint if printed.value else "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`: what `check` says, if there is one."""
        if not self._check:
            return Permission(False, "the inventory declares no `check` program")
        done = child.run(self._check, env=self._env, timeout=self._timeout)
        if done.timed_out:
            raise Unknown(f"{self.ref}: its check program gave no answer in {self._timeout:g} s")
        if not done.passed:
            raise Denied(f"{self.ref}: its check program says no ({done.code}): {done.err[:200]}")
        return Permission(True, "its check program says yes")

    def pending(self, incident: str) -> Pending | None:
        """Nothing can be staged here."""
        return None

    def stage(self, incident: str, new: Secret) -> str:
        """Nothing can be staged here."""
        return ""

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""
        held = self.read()
        if held.value == new:
            return held.version
        if expected and held.version != expected:
            raise Conflict(f"{self.ref} holds {held.version or 'nothing'}, {expected} was expected")
        return self._put(new)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""
        held = self.read()
        if held.value == old:
            return held.version
        if held.value != new:
            raise Conflict(f"{self.ref} holds neither the old key nor ours")
        return self._put(old)

    def discard(self, incident: str) -> None:
        """Nothing was kept."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """Raises Rejected."""
        raise Rejected(f"{self.ref} can hold nothing for us")

    def fetch(self, incident: str, role: str) -> Secret | None:
        """Nothing was kept."""
        return None

    def _put(self, value: Secret) -> str:
        done = child.run(self._write, stdin=value, env=self._env, timeout=self._timeout)
        if done.timed_out:
            raise Unknown(f"{self.ref}: its write program gave no answer in {self._timeout:g} s")
        if not done.passed:
            raise Rejected(f"{self.ref}: its write program ended with {done.code}: {done.err[:200]}")
        held = self.read()
        if held.value != value:
            raise Conflict(f"{self.ref} does not hold what was just written")
        return held.version
