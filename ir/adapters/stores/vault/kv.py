"""Vault's KV secrets engine, version 2: the calls that a store needs. Each raises Missing, Denied, Conflict, Rejected, Unknown."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ir.adapters.stores.vault import client as vault_client
from ir.adapters.stores.vault import mounts
from ir.core.concurrency import both
from ir.core.errors import Conflict, Denied, Missing, Rejected
from ir.core.reference import Reference

if TYPE_CHECKING:
    import hvac

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Found:
    """One version of a secret: its number, its fields, which hold the key, and when it deletes itself (epoch seconds, 0 = never)."""

    version: int
    data: dict[str, Any]
    until: float = 0.0
    made: str = ""


def moment(text: object) -> float:
    """A time of Vault's as epoch seconds, 0 for none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0


class Kv:
    """One mount.

    Args:
        mount: where the engine is mounted.
        timeout: seconds per call.
        plain: see `client.settings`.
    """

    def __init__(self, mount: str, timeout: float, plain: Collection[str] = ()) -> None:
        self._mount, self._timeout, self._plain = mount, timeout, plain

    def read(self, path: str, version: int | None = None) -> Found:
        """The current version, or the numbered one; deleted and destroyed ones are Missing."""
        got = self._call(
            path,
            lambda client: client.secrets.kv.v2.read_secret_version(
                path=path, version=version, mount_point=self._mount, raise_on_deleted_version=True
            ),
        )
        inner = vault_client.data(got, self._name(path))
        about, fields = inner.get("metadata"), inner.get("data")
        if not isinstance(about, dict) or not isinstance(fields, dict) or not isinstance(about.get("version"), int):
            raise Rejected(f"{self._name(path)} is not a secret of KV version 2")
        return Found(about["version"], fields, moment(about.get("deletion_time")), str(about.get("created_time") or ""))

    def perhaps(self, path: str) -> Found | None:
        """The current version; None when there is none."""
        try:
            return self.read(path)
        except Missing:
            return None

    def write(self, path: str, data: dict[str, Any], expected: int) -> Found:
        """Write a new version, if `expected` (0: none) is current at that moment, else Conflict. Returns it."""
        got = self._call(
            path,
            lambda client: client.secrets.kv.v2.create_or_update_secret(path=path, secret=data, cas=expected, mount_point=self._mount),
        )
        about = vault_client.data(got, self._name(path), "version")
        return Found(int(about["version"]), data, moment(about.get("deletion_time")))

    def keep_for_good(self, path: str, version: int) -> None:
        """Lift the timer of one version, where the secret sets it; that of a mount is the same for all.

        It is set again for later writers.
        """
        after = str(self.metadata(path).get("delete_version_after") or "0s")
        if after == "0s":
            return
        self._set(path, {"delete_version_after": "0s"})
        got = self._call(path, lambda client: client.secrets.kv.v2.undelete_secret_versions(path, [version], mount_point=self._mount))
        vault_client.done(got, self._name(path))
        self._set(path, {"delete_version_after": after})

    def remove(self, path: str) -> None:
        """Destroy all versions and all metadata; free to repeat."""
        got = self._call(path, lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(path=path, mount_point=self._mount))
        vault_client.done(got, self._name(path))

    def metadata(self, path: str) -> dict[str, Any]:
        """All metadata, without the values."""
        got = self._call(path, lambda client: client.secrets.kv.v2.read_secret_metadata(path=path, mount_point=self._mount))
        return vault_client.data(got, self._name(path), "current_version")

    def describe(self, path: str, custom: dict[str, str]) -> None:
        """Set the custom metadata of a secret of ours."""
        self._set(path, {"custom_metadata": custom})

    def _set(self, path: str, settings: dict[str, Any]) -> None:
        """Change metadata. Some secrets want check-and-set for it, which OpenBao reports when it is missing."""
        try:
            got = self._call(path, lambda client: client.adapter.post(f"/v1/{self._mount}/metadata/{path}", json=settings))
        except Conflict:
            known = {"metadata_cas": int(self.metadata(path).get("current_metadata_version") or 0)}
            got = self._call(path, lambda client: client.adapter.post(f"/v1/{self._mount}/metadata/{path}", json=settings | known))
        vault_client.done(got, self._name(path))

    def beside(self, path: str) -> list[str]:
        """Names in the folder of `path`."""
        folder = path.rpartition("/")[0]
        try:
            got = self._call(folder, lambda client: client.secrets.kv.v2.list_secrets(path=folder, mount_point=self._mount))
        except Missing:
            return []
        return list(vault_client.data(got, self._name(folder), "keys")["keys"])

    def capabilities(self, paths: list[str]) -> dict[str, set[str]]:
        """Our token's rights at each API path below the mount, such as `data/payments`."""
        full = [f"{self._mount}/{path}" for path in paths]
        got = self._call("", lambda client: client.sys.get_capabilities(paths=full))  # type: ignore[no-untyped-call]  # the stubs lack it
        table = vault_client.data(got, "our own capabilities")
        return {short: set(table.get(long, [])) for short, long in zip(paths, full, strict=True)}

    def most_versions(self, path: str) -> int:
        """The number of versions that are kept; 0 when we may not know."""
        own, mount = both(lambda: self._versions_of(path), self._versions_of_mount)
        return own or mount

    def _versions_of(self, path: str) -> int:
        with suppress(Denied, Missing):
            return int(self.metadata(path).get("max_versions") or 0)
        return 0

    def _versions_of_mount(self) -> int:
        with suppress(Denied, Missing):
            got = self._call("", lambda client: client.secrets.kv.v2.read_configuration(mount_point=self._mount))
            return int(vault_client.data(got, self._name("")).get("max_versions") or 10)
        return 0

    def explain(self, ref: Reference) -> None:
        """Raise the fault of a reference at which nothing was found, if Vault's list of mounts tells it.

        Raises:
            Missing: another mount, another namespace, a path of the API. Rejected: KV version 1. Unknown: no answer.
        """
        namespace = str(vault_client.client(self._timeout, self._plain).adapter.namespace or "")
        try:
            got = self._call("", lambda client: client.adapter.get("/v1/sys/internal/ui/mounts"))
            rows = vault_client.data(got, self._name("")).get("secret")
        except (Denied, Rejected):
            return
        except Missing:
            raise mounts.no_namespace(ref, namespace) from None
        found = mounts.hindrance(rows, ref, namespace) if isinstance(rows, dict) else None
        if found is not None:
            raise found

    def _name(self, path: str) -> str:
        return f"vault://{self._mount}/{path}" if path else f"vault://{self._mount}"

    def _call(self, path: str, call: "Callable[[hvac.Client], T]") -> T:
        client = vault_client.client(self._timeout, self._plain)
        return vault_client.ask(lambda: call(client), self._name(path))
