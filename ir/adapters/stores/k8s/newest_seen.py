"""Secrets of a cluster, read no older than this process wrote them: what stands before the API server may answer from a copy."""

from ir.adapters.stores.old_news import awaited
from ir.clients.kubernetes import Cluster, secret_path
from ir.core.errors import Missing
from ir.core.model import Json

_newest: dict[tuple[str, str, str], int] = {}
"""Context, namespace and name → the `resourceVersion` of this process's last write."""


class Secrets:
    """The Secrets of one namespace; each call raises as `Cluster`'s, and Unknown when reads stay out of date.

    Args:
        cluster: where.
        context: its name.
        namespace: of the Secrets.
    """

    def __init__(self, cluster: Cluster, context: str, namespace: str) -> None:
        self._cluster, self._context, self._namespace = cluster, context, namespace

    def get(self, name: str, about: str) -> Json:
        """One of them."""
        newest = _newest.get(self._key(name), 0)

        def look() -> Json | Missing:
            try:
                return self._cluster.get(secret_path(self._namespace, name), about)
            except Missing as error:
                return error

        found = awaited(look, lambda found: newest > 0 and (isinstance(found, Missing) or 0 < _number(found) < newest), about)
        if isinstance(found, Missing):
            raise found
        return found

    def patch(self, name: str, about: str, body: Json) -> None:
        """Merge into the `resourceVersion` that the body names. Raises Conflict when it is another one by now."""
        self._wrote(name, self._cluster.patch(secret_path(self._namespace, name), about, body))

    def create(self, name: str, about: str, body: Json) -> None:
        """Make one. Raises Conflict when it is there."""
        self._wrote(name, self._cluster.create(secret_path(self._namespace), about, body))

    def delete(self, name: str, about: str) -> None:
        """Delete one and see it gone; already gone is fine."""
        self._cluster.delete(secret_path(self._namespace, name), about)
        _newest.pop(self._key(name), None)
        awaited(lambda: self._there(name, about), bool, about)

    def _there(self, name: str, about: str) -> bool:
        try:
            self.get(name, about)
        except Missing:
            return False
        return True

    def _wrote(self, name: str, made: Json) -> None:
        _newest[self._key(name)] = _number(made)

    def _key(self, name: str) -> tuple[str, str, str]:
        return self._context, self._namespace, name


def _number(found: Json) -> int:
    """Its `resourceVersion`, which grows with each write; 0 where it is no number and so has no order."""
    version = str(found["metadata"].get("resourceVersion", ""))
    return int(version) if version.isdecimal() and version.isascii() else 0
