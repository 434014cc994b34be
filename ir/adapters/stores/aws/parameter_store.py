"""AWS Systems Manager Parameter Store: a parameter, or a JSON field of one; read by its name, which is its newest version.

A new version is current at once, so what is staged or in custody lies elsewhere (`parameter_custody`). There is no compare-and-set:
every write tells the number that it became, and so whether somebody wrote in between. Then what they wrote, which is an earlier
version now, is looked at: a neighbour's change is merged, another key is put back and is a conflict.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress

from ir.adapters.stores import value_field
from ir.adapters.stores.aws.parameter_custody import ParameterCustody
from ir.adapters.stores.aws.parameters import Parameters, Version
from ir.adapters.stores.old_news import settled
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store

_TRIES = 6
"""How often a neighbour may be faster than us before we give up."""
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
"""Region and name → who of this process writes there: two fields of one parameter are promoted side by side."""


class AwsParameterStore(Store):
    """One parameter of one region.

    Args:
        ref: `aws-ssm://REGION/NAME#FIELD`; a name with a `/` in it stands for `/NAME`.
        timeout: seconds per call.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.

    A version is the parameter's version number.
    """

    def __init__(self, ref: Reference, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self.ref = ref
        self._name = f"/{ref.path}" if "/" in ref.path and not ref.path.startswith(("/", "arn:")) else ref.path
        self._parameters = Parameters(ref.host, timeout, plain)
        self._kept = ParameterCustody(self._parameters, self._name)
        self._wrote = False

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self._current())

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. What AWS cannot simulate is left to `prove_write`."""
        self._current()
        about = self._parameters.about(self._name)
        said = "Parameter Store cannot simulate a write; the run proves PutParameter before the mint, by a call that AWS refuses to do"
        if about.get("Type") != "SecureString":
            said += f"; the parameter is a {about.get('Type')}, so it is not encrypted"
        if about.get("LastModifiedUser"):
            said += f"; changed last by {about['LastModifiedUser']}"
        return Permission(proven=False, said=said)

    def prove_write(self, incident: str) -> None:
        """Ask to create what is there already: AWS refuses that, after the policy has allowed it. Nothing changes.

        Raises:
            Denied: we may not write. Missing, Unknown.
        """
        current = self._current()
        with suppress(Conflict):
            self._parameters.create(self._name, current.text, self._parameters.about(self._name))

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        return self._kept.pending(incident)

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        self._kept.drop(found)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        return self._kept.left(incident)

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        return self._kept.incidents()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        current = self._current()
        if self._value(current) == new:
            return str(current.number)
        self._kept.put(incident, STAGED, new)
        return self._kept.path(incident)

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(current: Version) -> None:
            if str(current.number) != expected and self._value(current) != self._value_at(expected, incident):
                said = f"version {current.number} is current, {expected or 'none'} was expected"
                raise Conflict(f"somebody else changed the key in {self.ref}: {said}")

        version = self._switch(new, may)
        with suppress(PortError):  # Nothing is staged any more; what stays behind is found by `discard`.
            self._kept.put(incident, STAGED, None)
        return version

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(current: Version) -> None:
            if self._value(current) != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: version {current.number} is somebody else's")

        settled(self._current, lambda current: self._value(current) == old, knows=self._wrote)
        return self._switch(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        self._kept.discard(incident)

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        self._kept.put(incident, role, secret)
        return f"aws-ssm://{self.ref.host}{self._kept.path(incident)} ({role})"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        return self._kept.get(incident, role)

    def _current(self) -> Version:
        if ":" in self._name and not self._name.startswith("arn:"):
            raise Rejected(f"{self.ref} names a version or a label; list the parameter itself, whose newest version its services read")
        if self._name.startswith("/aws/"):
            raise Denied(f"{self.ref} is one of AWS's own parameters, which nobody else may write", next_step="list what stands behind it")
        return self._parameters.current(self._name)

    def _switch(self, wanted: Secret, may: Callable[[Version], None]) -> str:
        """Make `wanted` current, merged into what is current at that moment; `may` raises if that must not be."""
        with _locks[f"{self.ref.host} {self._name}"]:
            base = self._current()
            for _ in range(_TRIES):
                if self._value(base) == wanted:
                    return str(base.number)
                may(base)
                text = self._with(base, wanted)
                number = self._put(text)
                if number == base.number + 1:
                    return self._read_back(wanted, number)
                theirs = self._parameters.at(self._name, number - 1)
                if theirs.text == text:  # Ours, too: the SDK sent it twice.
                    return self._read_back(wanted, number)
                self._give_back_unless(may, theirs, number)
                base = Version(number, theirs.text)
        raise Conflict(f"{self.ref} changed {_TRIES} times while we tried to write it")

    def _give_back_unless(self, may: Callable[[Version], None], theirs: Version, ours: int) -> None:
        """Put what somebody wrote right before us back, if it is another key: raises Conflict, as `may` does."""
        try:
            may(theirs)
        except Conflict:
            if self._parameters.current(self._name).number == ours:
                self._put(theirs.text)
            raise

    def _put(self, text: str) -> int:
        number = self._parameters.put(self._name, text, self._parameters.about(self._name))
        self._wrote = True
        return number

    def _read_back(self, wanted: Secret, number: int) -> str:
        now = self._current()
        if self._value(now) != wanted:
            raise Conflict(f"somebody else changed the key in {self.ref} right after us: version {now.number}, ours was {number}")
        return str(now.number)

    def _value_at(self, version: str, incident: str) -> Secret | None:
        """What the field held in an earlier version; custody knows when the version itself is gone."""
        if version.isdigit():
            with suppress(Missing, Rejected):
                return self._value(self._parameters.at(self._name, int(version)))
        return self.fetch(incident, "old")

    def _held(self, found: Version) -> Held:
        return value_field.read(found.text, self.ref.field, str(found.number), str(self.ref))

    def _value(self, found: Version) -> Secret | None:
        return self._held(found).value

    def _with(self, found: Version, value: Secret) -> str:
        return value_field.write(found.text, self.ref.field, value, str(self.ref))
