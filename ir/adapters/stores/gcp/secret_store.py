"""Google Secret Manager: a secret, or a JSON field of one; services read `latest`, which is the newest version.

Google is consistent at once for a version that is read by its number, and only after a while for `latest`. So our write is read back by
its number, and a `latest` older than one that we have seen is out of date.
"""

from ir.adapters.stores.counted import CountedStore
from ir.adapters.stores.gcp.calls import CALLS
from ir.adapters.stores.gcp.custody import GcpCustody
from ir.adapters.stores.names import moment
from ir.adapters.stores.newest import StoredVersion
from ir.adapters.stores.old_news import awaited
from ir.clients.gcp_secrets import GcpProject
from ir.clients.host_api import Login
from ir.core import key_search
from ir.core.errors import Denied, Rejected
from ir.core.ownership import Owner, marked
from ir.core.reference import Reference
from ir.ports import Held, Permission

_RIGHTS = tuple(call.right for call in CALLS if call.on == "{path}")
"""What a rotation needs on the secret itself."""
_newest: dict[str, int] = {}
"""Object → the newest version that this process has seen."""


class GcpSecretStore(CountedStore):
    """One secret of one project.

    Args:
        ref: `gcp-sm://PROJECT/SECRET#FIELD`.
        login: what a `hosts:` row of the inventory says of Google.
        timeout: seconds per call.
    """

    def __init__(self, ref: Reference, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self.ref = ref
        self._project = GcpProject(ref.host, login or Login(), timeout)
        self.kept = GcpCustody(self._project, ref.path)

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Google tells our rights on the secret; the right to make one beside it is proven when the key is kept."""
        self.current()
        lacking = self._project.may(self.ref.path, *_RIGHTS)
        if lacking:
            raise Denied(
                f"our login lacks {', '.join(lacking)} on {self.ref.object}",
                next_step="grant roles/secretmanager.secretVersionAdder, secretAccessor and viewer",
            )
        about = self._project.about(self.ref.path)
        said = "Google says that our login may add a version"
        aliases = about.get("versionAliases") or {}
        if aliases:
            named = ", ".join(f"{name} (version {number})" for name, number in sorted(aliases.items()))
            said += f"; services that read the alias {named} go on with it"
        said += "; it has a rotation of its own" if about.get("rotation") else ""
        said += f"; it is deleted by itself at {about['expireTime']}" if about.get("expireTime") else ""
        return Permission(proven=True, said=said)

    def ends_at(self, held: Held) -> float:
        """See `ports.Store`."""
        return moment(self._project.about(self.ref.path).get("expireTime"))

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        labels = self._project.about(self.ref.path).get("labels") or {}
        return marked(key_search.keepers({str(name): str(value) for name, value in labels.items()}))

    def current(self) -> StoredVersion:
        """See `NewestStore`."""
        if "/" in self.ref.path:
            raise Rejected(f"{self.ref} names a version; list the secret itself, whose newest version its services read")
        number = _newest.get(self.ref.object, 0)
        found = awaited(lambda: self._version("latest"), lambda seen: seen.number < number, str(self.ref))
        _newest[self.ref.object] = max(found.number, number)
        return found

    def at(self, version: str) -> StoredVersion:
        """See `NewestStore`."""
        return self._version(version)

    def put(self, text: str) -> str:
        """See `NewestStore`."""
        number = self._project.add(self.ref.path, text.encode())
        _newest[self.ref.object] = max(number, _newest.get(self.ref.object, 0))
        return str(number)

    def _version(self, name: str) -> StoredVersion:
        number, data = self._project.access(self.ref.path, name)
        try:
            return StoredVersion(str(number), data.decode())
        except ValueError:
            raise Rejected(f"{self.ref} holds binary data, not text") from None
