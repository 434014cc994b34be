"""Azure Key Vault: a secret, or a JSON field of one; services read it without a version, which is the newest one.

A new version is current at once, also one that is disabled: then services are refused, so nothing is staged that way. Versions have no
order but the whole second of their making. So what came in between is what the list of versions has now and had not before.
"""

import time

from ir.adapters.stores.azure.custody import AzureCustody
from ir.adapters.stores.newest import NewestStore, StoredVersion
from ir.adapters.stores.old_news import awaited
from ir.clients.azure_vault import AzureVault, called
from ir.clients.host_api import Login
from ir.core import key_search
from ir.core.errors import Conflict, Denied, Rejected
from ir.core.model import Json
from ir.core.ownership import Owner, marked
from ir.core.reference import Reference
from ir.ports import Permission

_seen: dict[str, list[str]] = {}
"""Object → versions that this process has seen current, the last of them last: an earlier one that is read again is out of date."""


class AzureSecretStore(NewestStore):
    """One secret of one vault.

    Args:
        ref: `azure-kv://VAULT/SECRET#FIELD`.
        login: what a `hosts:` row of the inventory says of Azure.
        timeout: seconds per call.

    Raises:
        Rejected: the vault has no name that Azure gives.
    """

    def __init__(self, ref: Reference, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self.ref = ref
        self._vault = AzureVault(ref.host, login or Login(), timeout)
        self._known: set[str] = set()
        self.kept = AzureCustody(self._vault, ref.path)

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Azure tells no rights at a vault; `prove_write` shows them."""
        about = self._newest()
        self._vault.versions(self.ref.path)
        if about.get("managed"):
            raise Denied(f"{self.ref} belongs to a certificate of the vault, which alone writes it", next_step="list another secret")
        told = ["Key Vault cannot simulate a write; the run proves it before the mint, by a secret that it keeps beside this one"]
        return Permission(proven=False, said="; ".join([*told, *_timers(about.get("attributes") or {})]))

    def prove_write(self, incident: str) -> None:
        """Make what the incident keeps beside the secret: who has the right to make a secret has it for the vault, and may set each.

        Raises:
            Denied: we may not write. Unknown.
        """
        self.kept.prove(incident)

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        return marked(key_search.keepers({str(name): str(value) for name, value in (self._newest().get("tags") or {}).items()}))

    def current(self) -> StoredVersion:
        """See `NewestStore`."""
        return _version(self._newest())

    def at(self, version: str) -> StoredVersion:
        """See `NewestStore`."""
        return _version(self._vault.get(self.ref.path, version))

    def put(self, text: str) -> str:
        """See `NewestStore`. What Azure would forget is repeated: tags, content type, and a day of expiry that is still to come."""
        about = self._newest()
        body: Json = {"value": text, **{name: about[name] for name in ("tags", "contentType") if about.get(name)}}
        expires = (about.get("attributes") or {}).get("exp")
        if isinstance(expires, int) and expires > time.time():
            body["attributes"] = {"exp": expires}
        return self._noted(self._vault.set(self.ref.path, body))

    def base(self) -> StoredVersion:
        """See `NewestStore`. The list comes first: what is not on it then, and is not the newest version, comes later."""
        self._known = {called(row)[1] for row in self._vault.versions(self.ref.path)}
        found = self.current()
        self._known.add(found.id)
        return found

    def between(self, base: StoredVersion, ours: str) -> StoredVersion | None:
        """See `NewestStore`. What became current after ours is left to the look that follows."""
        made = {called(row)[1]: _made(row) for row in self._vault.versions(self.ref.path) if _enabled(row)}
        others = made.keys() - self._known - {ours}
        self._known |= {*made, ours}
        if not others:
            return None
        now = self.current().id
        before = {name: made[name] for name in others if name != now and (now == ours or made[name] < made.get(ours, 0))}
        last = [name for name, second in before.items() if second == max(before.values())]
        if len(last) > 1:
            raise Conflict(f"others wrote {self.ref} more than once right before us, and which came last cannot be told")
        return self.at(last[0]) if last else None

    def _newest(self) -> Json:
        if "/" in self.ref.path:
            raise Rejected(f"{self.ref} names a version; list the secret itself, whose newest version its services read")
        order = _seen.setdefault(self.ref.object, [])
        found = awaited(lambda: self._vault.get(self.ref.path), lambda seen: called(seen)[1] in order[:-1], str(self.ref))
        self._noted(found)
        return found

    def _noted(self, found: Json) -> str:
        version, order = called(found)[1], _seen.setdefault(self.ref.object, [])
        if version not in order:
            order.append(version)
        return version


def _version(found: Json) -> StoredVersion:
    return StoredVersion(called(found)[1], found["value"])


def _made(row: Json) -> int:
    return int((row.get("attributes") or {}).get("created") or 0)


def _enabled(row: Json) -> bool:
    return (row.get("attributes") or {}).get("enabled") is not False


def _timers(attributes: Json) -> list[str]:
    """What the attributes of a secret say that a person should know before it is written."""
    said = []
    if attributes.get("exp"):
        day = time.strftime("%Y-%m-%d", time.gmtime(int(attributes["exp"])))
        kept = "its new version gets the same day" if int(attributes["exp"]) > time.time() else "its new version gets none"
        said.append(f"it is marked to expire on {day}: Key Vault gives it after that, too, and {kept}")
    if "Purgeable" not in str(attributes.get("recoveryLevel", "Purgeable")):
        days = attributes.get("recoverableDays") or 90
        said.append(f"the vault purges nothing early: what the run keeps beside it can be recovered for {days} days after its deletion")
    return said
