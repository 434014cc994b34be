"""AWS Systems Manager Parameter Store: a parameter, or a JSON field of one; read by its name, which is its newest version."""

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

from ir.adapters.stores.aws.parameter_custody import ParameterCustody
from ir.adapters.stores.aws.parameters import ParameterStore, expires
from ir.adapters.stores.counted import CountedStore
from ir.adapters.stores.newest import StoredVersion
from ir.core.errors import Conflict, Denied, Rejected
from ir.core.reference import Reference
from ir.ports import Held, Permission


class AwsParameterStore(CountedStore):
    """One parameter of one region.

    Args:
        ref: `aws-ssm://REGION/NAME#FIELD`; a name with a `/` in it stands for `/NAME`.
        timeout: seconds per call.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.
    """

    def __init__(self, ref: Reference, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self.ref = ref
        self._name = f"/{ref.path}" if "/" in ref.path and not ref.path.startswith(("/", "arn:")) else ref.path
        self._parameters = ParameterStore(ref.host, timeout, plain)
        self.kept = ParameterCustody(self._parameters, self._name)

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. What AWS cannot simulate is left to `prove_write`."""
        self.current()
        about = self._parameters.about(self._name)
        said = "Parameter Store cannot simulate a write; the run proves PutParameter before the mint, by a call that AWS refuses to do"
        if about.get("Type") != "SecureString":
            said += f"; the parameter is a {about.get('Type')}, so it is not encrypted"
        if (ends_at := expires(about)) > 0:
            said += f"; the parameter is deleted by itself at {datetime.fromtimestamp(ends_at, UTC).isoformat(timespec='minutes')}"
        if about.get("LastModifiedUser"):
            said += f"; changed last by {about['LastModifiedUser']}"
        return Permission(proven=False, said=said)

    def ends_at(self, held: Held) -> float:
        """See `ports.Store`. A new version keeps the policies of the parameter."""
        return expires(self._parameters.about(self._name))

    def prove_write(self, incident: str) -> None:
        """Ask to create the parameter that exists: AWS refuses that, after the policy has allowed it. Nothing changes.

        Raises:
            Denied: we may not write. Missing, Unknown.
        """
        current = self.current()
        with suppress(Conflict):
            self._parameters.create(self._name, current.text, self._parameters.about(self._name))

    def current(self) -> StoredVersion:
        """See `NewestStore`."""
        if ":" in self._name and not self._name.startswith("arn:"):
            raise Rejected(f"{self.ref} names a version or a label; list the parameter itself, whose newest version its services read")
        if self._name.startswith("/aws/"):
            raise Denied(f"{self.ref} is one of AWS's own parameters, which nobody else may write", next_step="list what stands behind it")
        return self._parameters.current(self._name)

    def at(self, version: str) -> StoredVersion:
        """See `NewestStore`."""
        return self._parameters.at(self._name, version)

    def put(self, text: str) -> str:
        """See `NewestStore`."""
        return str(self._parameters.put(self._name, text, self._parameters.about(self._name)))
