"""A key of a Kubernetes Secret's data. A write is a merge of that one key into the `resourceVersion` that was read: else 409.

Stages and custody are in a Secret beside it, where our login may make one (`companion`); else this store keeps nothing.
Pods that took the value into their environment go on with it until they are replaced: reloader `rollout`.
"""

import base64
import binascii
from collections.abc import Callable
from functools import partial

from ir.adapters.stores.k8s import external_secret
from ir.adapters.stores.k8s.companion import Companion
from ir.adapters.stores.k8s.newest_seen import Secrets
from ir.adapters.stores.k8s.owners import owners_of
from ir.adapters.stores.old_news import settled
from ir.clients.host_api import Login
from ir.clients.kubernetes import Cluster, last_writer
from ir.core import key_search
from ir.core.errors import Conflict, Denied, PortError, Rejected, Unknown
from ir.core.model import Json
from ir.core.ownership import Owner
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store

_TRIES = 6


class K8sSecretStore(Store):
    """One key of one Secret.

    Args:
        ref: `k8s://CONTEXT/NAMESPACE/SECRET#KEY`.
        login: what a `hosts:` row of the inventory says of the context.
        timeout: seconds per call.

    A version is `<resourceVersion>.<fingerprint of the value>`: a later write tells a neighbour's change from a change of the key.
    """

    def __init__(self, ref: Reference, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self.ref = ref
        self._namespace, _, self._name = ref.path.partition("/")
        self._cluster = Cluster(ref.host, login or Login(), timeout)
        self._secrets = Secrets(self._cluster, ref.host, self._namespace)
        self._beside = Companion(self._cluster, self._secrets, self._namespace, self._name)
        self._wrote = False
        self._may_keep: bool | None = None

    @property
    def custodian(self) -> bool:
        """Whether our login may make Secrets there; asked once, and assumed while the cluster is silent."""
        if self._may_keep is None:
            try:
                self._may_keep = self._beside.allowed()
            except PortError:
                return True
        return self._may_keep

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self._get())

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Raises Denied also for an immutable Secret."""
        found = self._get()
        meta = found["metadata"]
        if found.get("immutable"):
            raise Denied(
                f"{self.ref} is immutable: Kubernetes changes no such Secret", next_step="make one under another name and list that"
            )
        if not self._cluster.may("patch", self._namespace, "secrets", self._name):
            raise Denied(f"our login may not patch the Secret of {self.ref}", next_step="grant `patch` on it")
        said = "the cluster says that our login may write it"
        said += "" if self.custodian else "; it may make no Secret beside it, so nothing can be staged or kept there"
        last = last_writer(meta, self.ref.field)
        return Permission(proven=True, said=said + (f"; written last by {last}" if last else ""))

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        read = partial(external_secret.sources, self._cluster, self._namespace, field=self.ref.field)
        return owners_of(self._get()["metadata"], self.ref.field, read)

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        return self._beside.pending(incident) if self.custodian else None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        self._beside.drop(found)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        return self._beside.left(incident) if self.custodian else Left()

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        return self._beside.incidents()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. "" where we may make no Secret."""
        held = self.read()
        if held.value == new:
            return held.version
        if not self.custodian:
            return ""
        self._beside.put(incident, STAGED, new)
        return self._beside.name(incident)

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(held: Held) -> None:
            if held.version != expected and held.version.partition(".")[2] != expected.partition(".")[2]:
                raise Conflict(f"somebody else changed the key in {self.ref}: {held.version} is there, {expected or 'none'} was expected")

        version = self._switch(new, may)
        if self.custodian:
            try:
                self._beside.put(incident, STAGED, None)
            except PortError:
                return version  # nothing is staged any more; `discard` finds what stays behind
        return version

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(held: Held) -> None:
            if held.value != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: {held.version} is somebody else's")

        settled(self.read, lambda held: held.value == old, knows=self._wrote)
        return self._switch(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        if self.custodian:
            self._beside.discard(incident)

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        if not self.custodian:
            raise Rejected(f"our login may make no Secret beside {self.ref.object}, so nothing can be kept there")
        self._beside.put(incident, role, secret)
        return f"k8s://{self.ref.host}/{self._namespace}/{self._beside.name(incident)}#{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        return self._beside.get(incident, role) if self.custodian else None

    def _get(self) -> Json:
        if not self._name or "/" in self._name:
            raise Rejected(f"{self.ref} is not `k8s://CONTEXT/NAMESPACE/SECRET#KEY`")
        found = self._secrets.get(self._name, f"Secret {self.ref.path}")
        if not isinstance(found.get("data") or {}, dict) or not found["metadata"].get("resourceVersion"):
            raise Unknown(f"what answered about {self.ref} was not a Secret")
        return found

    def _held(self, found: Json) -> Held:
        fields = {name: self._text(coded) for name, coded in (found.get("data") or {}).items()}
        text = fields.pop(self.ref.field, "")
        if text is None:
            raise Rejected(f"{self.ref} holds binary data, not text")
        version = str(found["metadata"]["resourceVersion"])
        others = key_search.prints({name: value for name, value in fields.items() if value is not None})
        held = Held.of(text, "", tuple(sorted(fields)), others)
        mark = held.value.fingerprint if held.value else ""
        return Held(held.value, f"{version}.{mark}", held.siblings, held.blanks, others=others)

    def _text(self, coded: object) -> str | None:
        try:
            return base64.b64decode(str(coded)).decode()
        except (binascii.Error, ValueError):
            return None

    def _switch(self, wanted: Secret, may: Callable[[Held], None]) -> str:
        """Make `wanted` current.

        A neighbour's change meanwhile is a 409, and the store is read again. `may` raises if that is not allowed.
        """
        for _ in range(_TRIES):
            found = self._get()
            held = self._held(found)
            if held.value == wanted and not held.blanks:
                return held.version
            may(held)
            coded = base64.b64encode(wanted.reveal().encode()).decode()
            body = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": {self.ref.field: coded}}
            try:
                self._secrets.patch(self._name, f"Secret {self.ref.path}", body)
            except Conflict:
                continue
            self._wrote = True
            now = self.read()
            if now.value != wanted:
                raise Conflict(f"somebody else changed the key in {self.ref} right after us")
            return now.version
        raise Conflict(f"{self.ref} changed {_TRIES} times while we tried to write it")
