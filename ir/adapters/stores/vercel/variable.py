"""An environment variable of a Vercel project. Its value is never asked for, even where it may be read.

A deployment keeps the values that it was built with: only a new one takes a change (reloader `vercel`).
"""

from ir.adapters.stores.write_only import WriteOnlyStore
from ir.clients.host_api import Login
from ir.clients.vercel import VercelProject
from ir.core.errors import Denied, Missing, Rejected
from ir.core.model import Json
from ir.core.ownership import Owner, word
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Permission

PRODUCTION = "production"


class VercelStore(WriteOnlyStore):
    """One variable for one target.

    Args:
        ref: `vercel://PROJECT/NAME#TARGET`; without a target, production.
        login: what a `hosts:` row of the inventory says of Vercel.
        timeout: seconds per call.

    A mark is `<id>.<updatedAt>`.
    """

    def __init__(self, ref: Reference, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self.ref = ref
        self._project = VercelProject(ref.host, login or Login(), timeout)
        self._target = ref.field or PRODUCTION

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Vercel cannot simulate a write."""
        row = self._row()
        said = "Vercel cannot simulate a write"
        if row.get("type") != "sensitive" and row.get("visibility") != "secret":
            said += f"; the variable may be read by anyone who may see the project (type {row.get('type')}): make it a Secret"
        shared = [name for name in _targets(row) if name != self._target]
        said += f"; the same value is for {', '.join(shared)}" if shared else ""
        return Permission(proven=False, said=said + (f"; changed last by user {row['updatedBy']}" if row.get("updatedBy") else ""))

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`: the integration that the variable is of, Stripe's or Supabase's among them."""
        row = self._row()
        hint = row.get("contentHint") or {}
        ident = str(row.get("configurationId") or hint.get("integrationConfigurationId") or hint.get("storeId") or "")
        if not ident:
            return ()
        name = self._project.integration(ident) if ident.startswith("icfg_") else ""
        todo = "change the value at the vendor that the integration takes it from, or disconnect the integration from the project"
        return (Owner(f"Vercel integration {word(name or ident)}", todo),)

    def mark(self) -> str:
        """See `WriteOnlyStore`."""
        return _mark(self._row())

    def write(self, value: Secret) -> str:
        """See `WriteOnlyStore`."""
        row = self._row()
        return f"{row['id']}.{self._project.write(str(row['id']), value)['updatedAt']}"

    def _row(self) -> Json:
        rows, hidden = self._project.variables()
        found = [row for row in rows if row.get("key") == self.ref.path and self._target in _targets(row) and not row.get("gitBranch")]
        if len(found) > 1:
            raise Rejected(f"{self.ref} stands {len(found)} times for {self._target}; which one counts, Vercel does not tell")
        if not found and hidden:
            raise Denied(f"{self.ref} is not among the variables that our token may see, and {hidden} are hidden from it")
        if not found:
            raise Missing(f"project {self.ref.host} has no variable {self.ref.path} for {self._target}")
        if found[0].get("system"):
            raise Denied(f"{self.ref} is one of Vercel's own variables, which nobody else may write")
        if not found[0].get("id"):
            raise Rejected(f"Vercel gives no id of {self.ref}")
        return found[0]


def _targets(row: Json) -> list[str]:
    target = row.get("target") or []
    return [str(target)] if isinstance(target, str) else [str(one) for one in target]


def _mark(row: Json) -> str:
    return f"{row['id']}.{row.get('updatedAt') or row.get('createdAt') or 0}"
