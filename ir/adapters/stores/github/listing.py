"""What lies in GitHub Actions: secrets of repositories, of their environments, and those that the organisation gives them. Names alone."""

from ir.adapters.stores.names import moment, side_by_side
from ir.clients import github
from ir.clients.host_api import Login
from ir.core.errors import PortError, Rejected
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing

_OTHERS = "secrets of Dependabot and Codespaces: they are not asked for"


class GithubLister(Lister):
    """See `ports.Lister`.

    Args:
        login: what a `hosts:` row of the inventory says of GitHub.
        timeout: seconds per call.
    """

    def __init__(self, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self._login, self._timeout = login or Login(), timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        repo, _, name = place.path.partition("/")
        if repo:
            found = [self._of_repository(f"{place.host}/{repo}")]
        else:
            known = github.repositories(self._login, self._timeout)
            ours = [full for full in known if not place.host or full.partition("/")[0].lower() == place.host.lower()]
            found = side_by_side(ours, self._of_repository, "repository")
        rows = {(row.ref, row.name, "" if row.ref else row.hints): row for one in found for row in one.rows}
        kept = [row for row in rows.values() if _fits(row, name, place.field)]
        return Listing(tuple(kept), (*(line for one in found for line in one.unseen), *(() if name else (_OTHERS,))))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`. Always Rejected."""
        raise Rejected(f"GitHub never tells the value of {row.name}")

    def _of_repository(self, full: str) -> Listing:
        """Its own secrets must be told; what else cannot be told is said."""
        owner, _, repo = full.partition("/")
        place = github.GitHubSecrets(owner, repo, "", self._login, self._timeout)
        rows = [_row(owner, repo, row) for row in place.all()]
        unseen: list[str] = []
        try:
            environments = place.all_environments()
        except PortError as error:
            environments, unseen = [], [f"secrets of the environments of {full}: {error.what}"]
        for environment in environments:
            try:
                found = github.GitHubSecrets(owner, repo, environment, self._login, self._timeout).all()
            except PortError as error:
                unseen.append(f"secrets of the environment {environment} of {full}: {error.what}")
                continue
            rows += [_row(owner, repo, row, environment) for row in found]
        try:
            rows += [_of_organisation(owner, row) for row in place.all_of_the_organisation()]
        except PortError as error:
            unseen.append(f"secrets that the organisation gives to {full}: {error.what}")
        return Listing(tuple(rows), tuple(unseen))


def _row(owner: str, repo: str, row: Json, environment: str = "") -> Listed:
    name = str(row.get("name", ""))
    ref = Reference("github-actions", owner, f"{repo}/{name}", environment)
    return Listed(name, ref, updated_at=moment(row.get("updated_at")))


def _of_organisation(owner: str, row: Json) -> Listed:
    return Listed(str(row.get("name", "")), None, updated_at=moment(row.get("updated_at")), hints=(f"of the organisation {owner}",))


def _fits(row: Listed, name: str, environment: str) -> bool:
    if name and row.name != name:
        return False
    return not environment or (row.ref is not None and row.ref.field == environment)
