"""What lies at Vercel: variables of the projects that our login sees, and those that a team shares between projects."""

from ir.adapters.stores.names import moment_ms, side_by_side
from ir.clients.host_api import Login
from ir.clients.vercel import VercelAccount, VercelProject
from ir.core import key_search
from ir.core.errors import PortError, Rejected
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.wording import counted
from ir.ports.listing import Listed, Lister, Listing

_PRODUCTION = "production"


class VercelLister(Lister):
    """See `ports.Lister`. A Secret is never told; another variable is read one by one, by its id.

    Args:
        login: what a `hosts:` row of the inventory says of Vercel.
        timeout: seconds per call.
    """

    def __init__(self, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self._login, self._timeout = login or Login(), timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        account = VercelAccount(self._login, self._timeout)
        projects = [place.host] if place.host else account.projects()
        found = side_by_side(projects, self._of_project, "project")
        rows = [row for one in found for row in one.rows if not place.path or row.name == place.path]
        unseen = [line for one in found for line in one.unseen]
        if not place.path:
            shared = _shared(account)
            rows, unseen = rows + list(shared.rows), unseen + list(shared.unseen)
        return Listing(tuple(rows), tuple(unseen))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None or not row.readable:
            raise Rejected(f"Vercel never tells the value of {row.ref or 'a shared variable'}")
        project = VercelProject(row.ref.host, self._login, self._timeout)
        idents = [str(one.get("id")) for one in project.variables()[0] if row.ref in _refs(row.ref.host, one)]
        values = [str(project.decrypted(ident).get("value") or "") for ident in idents]
        return tuple(FoundKey(row.ref, value) for text in values for field, value in key_search.in_text(text) if not field)

    def _of_project(self, name: str) -> Listing:
        rows, hidden = VercelProject(name, self._login, self._timeout).variables()
        unseen = (f"{counted(hidden, 'variable')} of project {name}, hidden from our token",) if hidden else ()
        return Listing(tuple(_row(name, row) for row in rows if not row.get("system") and row.get("type") != "system"), unseen)


def _row(project: str, row: Json) -> Listed:
    refs = _refs(project, row)
    readable = row.get("visibility") != "secret" and row.get("type") != "sensitive"
    hints = [f"no Secret: anyone who may see the project may read it (type {row.get('type')})"] if readable else []
    hints += [f"branch {row['gitBranch']}"] if row.get("gitBranch") else []
    hints += ["written by an integration"] if row.get("configurationId") else []
    hints += [] if refs else [f"of project {project}"]
    return Listed(
        str(row.get("key", "")),
        refs[0] if refs else None,
        refs[1:],
        moment_ms(row.get("updatedAt") or row.get("createdAt")),
        readable,
        tuple(hints),
    )


def _refs(project: str, row: Json) -> tuple[Reference, ...]:
    """One for each target, production first and without a field; none for what is of one branch or of a custom environment alone."""
    target = row.get("target") or []
    targets = [target] if isinstance(target, str) else [str(one) for one in target]
    if row.get("gitBranch") or not row.get("key"):
        return ()
    fields = sorted("" if one == _PRODUCTION else one for one in targets)
    return tuple(Reference("vercel", project, str(row["key"]), field) for field in fields)


def _shared(account: VercelAccount) -> Listing:
    try:
        rows, complete = account.shared()
    except PortError as error:
        return Listing((), (f"variables that a team shares between projects: {error.what}",))
    listed = [
        Listed(
            str(row.get("key", "")),
            None,
            updated_at=moment_ms(row.get("updatedAt") or row.get("createdAt")),
            hints=(f"shared by the team with {counted(len(row.get('projectId') or []), 'project')}",),
        )
        for row in rows
        if not row.get("deletedAt")
    ]
    return Listing(tuple(listed), () if complete else ("more variables that the team shares: Vercel tells only the first page",))
