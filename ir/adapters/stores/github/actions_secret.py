"""A secret of GitHub Actions, of a repository or of one of its environments. It tells only the time of its last change.

A run that has begun keeps its value; the next one takes the new one.
"""

from ir.adapters.stores.write_only import WriteOnlyStore
from ir.clients import github
from ir.clients.host_api import Login
from ir.core.errors import Denied, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Permission

_MOST = 20
"""The most environments that are searched for a secret of the same name."""


class GithubActionsStore(WriteOnlyStore):
    """One secret.

    Args:
        ref: `github-actions://OWNER/REPO/NAME#ENVIRONMENT`; without an environment, the repository's own.
        login: what a `hosts:` row of the inventory says of GitHub.
        timeout: seconds per call.

    A mark is `updated_at`, in whole seconds: another write within the second of ours cannot be told from it.
    """

    def __init__(self, ref: Reference, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self.ref = ref
        self._repo, _, self._name = ref.path.partition("/")
        self._secrets = github.GitHubSecrets(ref.host, self._repo, ref.field, login or Login(), timeout)

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. GitHub cannot simulate a write. Raises Rejected when the library that seals is missing."""
        github.can_seal()
        self.mark()
        said = "GitHub cannot simulate a write"
        return Permission(proven=False, said=said if self.ref.field else f"{said}{self._shadows()}")

    def mark(self) -> str:
        """See `WriteOnlyStore`."""
        if not self._name or "/" in self._name:
            raise Rejected(f"{self.ref} is not `github-actions://OWNER/REPO/NAME`")
        return str(self._secrets.about(self._name)["updated_at"])

    def write(self, value: Secret) -> str:
        """See `WriteOnlyStore`."""
        self._secrets.write(self._name, value)
        return self.mark()

    def _shadows(self) -> str:
        """Other places with a secret of that name; one that cannot be told is named, too."""
        try:
            found = [name for name in self._secrets.environments()[:_MOST] if self._has(name)]
            wider = self._name in self._secrets.of_the_organisation()
        except PortError:
            return "; whether an environment or the organisation has a secret of that name cannot be told"
        said = f"; jobs of the environment {', '.join(found)} get another secret of that name" if found else ""
        return said + ("; it goes before the organisation's secret of that name" if wider else "")

    def _has(self, environment: str) -> bool:
        try:
            self._secrets.about(self._name, environment)
        except Denied:
            return False
        return True
