"""An incident's custody in Parameter Store: a SecureString `/ir/<incident>/<name>` under the same KMS key.

It is apart from the parameter's own path, because programs load whole paths.
"""

from ir.adapters.stores.aws.parameters import ParameterStore
from ir.adapters.stores.kept_apart import KeptApart
from ir.core.errors import Missing

FOLDER = "/ir/"


class ParameterCustody(KeptApart):
    """The custody of one parameter.

    Args:
        parameters: of its region.
        name: of the parameter.
    """

    def __init__(self, parameters: ParameterStore, name: str) -> None:
        self._parameters, self._name = parameters, name

    def path(self, incident: str) -> str:
        """See `KeptApart`."""
        return f"{FOLDER}{incident}/{self._name.lstrip('/')}"

    def incidents(self) -> tuple[str, ...]:
        """See `KeptApart`."""
        end = f"/{self._name.lstrip('/')}"
        names = [name.removeprefix(FOLDER) for name in self._parameters.names(f"{FOLDER}INC-") if name.endswith(end)]
        return tuple(sorted(incident for name in names if "/" not in (incident := name.removesuffix(end))))

    def load(self, incident: str) -> tuple[str, str] | None:
        """See `KeptApart`."""
        try:
            found = self._parameters.current(self.path(incident))
        except Missing:
            return None
        return found.id, found.text

    def save(self, incident: str, text: str) -> None:
        """See `KeptApart`."""
        about = self._parameters.about(self._name)
        key = {"KeyId": about["KeyId"]} if about.get("Type") == "SecureString" and about.get("KeyId") else {}
        self._parameters.put(self.path(incident), text, {"Type": "SecureString", **key})

    def discard(self, incident: str) -> None:
        """See `KeptApart`."""
        try:
            self._parameters.delete(self.path(incident))
        except Missing:
            return
