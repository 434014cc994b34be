"""Calls to GitHub's REST API about the secrets of Actions. The API tells names and dates, never values; a new value is sent sealed.

From the API's published description (`tests/worlds/api/github.json` has the paths and fields that are used).
"""

import base64
import binascii
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ir.clients.host_api import HostApi, Login, part
from ir.core.errors import Conflict, Denied, Missing, Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

ADDRESS = "https://api.github.com"
EXTRA = "pip install 'ir-stripe[github]'"
_VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN")
_VERSION = {"X-GitHub-Api-Version": "2022-11-28"}
_MEDIA = "application/vnd.github+json"
_PAGES = 100
"""Of a list, a hundred rows each, that are asked for."""


class GitHubSecrets:
    """The secrets of one repository, or of one of its environments; raises as `HostApi.ask`.

    A 404 is Denied: it may be a missing right.

    Args:
        owner: of the repository.
        repo: its name.
        environment: "" = the repository's own secrets.
        login: what the inventory says of GitHub; without a token there, that of `GITHUB_TOKEN` or `GH_TOKEN`.
        timeout: seconds per call.
    """

    def __init__(self, owner: str, repo: str, environment: str, login: Login, timeout: float) -> None:
        self._repo, self._environment = f"/repos/{part(owner)}/{part(repo)}", environment
        self._about = f"{owner}/{repo}" + (f" ({environment})" if environment else "")
        self._login, self._timeout = login, timeout

    def about(self, name: str, environment: str = "") -> Json:
        """Name and dates of a secret, of this place or of another environment."""
        found: Json = self._ask("GET", f"{self._folder(environment or self._environment)}/{part(name)}", needs="updated_at")
        return found

    def write(self, name: str, value: Secret) -> None:
        """Give a secret another value, sealed to the key that GitHub names for it.

        Raises:
            Conflict: it was deleted meanwhile, so this write made a new one. Rejected: no library to seal with.
        """
        folder = self._folder(self._environment)
        key = self._ask("GET", f"{folder}/public-key", needs="key")
        body = {"encrypted_value": sealed(str(key["key"]), value), "key_id": str(key.get("key_id", ""))}
        reply = self._api().ask("PUT", f"{folder}/{part(name)}", f"secret {name} of {self._about}", body, accept=_MEDIA)
        if reply.status == 201:
            raise Conflict(f"the secret {name} of {self._about} was deleted meanwhile, and is there again by our write")
        if reply.status != 204:
            raise Unknown(f"what answered about secret {name} of {self._about} was not GitHub")

    def environments(self) -> list[str]:
        """Names of the repository's environments, the first hundred."""
        rows = self._ask("GET", f"{self._repo}/environments?per_page=100", needs="environments")["environments"] or []
        return [str(row.get("name", "")) for row in rows]

    def all(self) -> list[Json]:
        """Name and dates of every secret of this place."""
        return self._rows(self._folder(self._environment), "secrets")

    def all_environments(self) -> list[str]:
        """Names of the repository's environments, all of them."""
        return [str(row.get("name", "")) for row in self._rows(f"{self._repo}/environments", "environments")]

    def all_of_the_organisation(self) -> list[Json]:
        """Name and dates of the organisation's secrets that the repository gets."""
        return self._rows(f"{self._repo}/actions/organization-secrets", "secrets")

    def of_the_organisation(self) -> list[str]:
        """Names of the organisation's secrets that the repository gets, the first hundred."""
        rows = self._ask("GET", f"{self._repo}/actions/organization-secrets?per_page=100", needs="secrets")["secrets"] or []
        return [str(row.get("name", "")) for row in rows]

    def _rows(self, path: str, needs: str) -> list[Json]:
        return every_row(lambda page: self._ask("GET", f"{path}?per_page=100&page={page}", needs=needs)[needs], f"{needs} of {self._about}")

    def _folder(self, environment: str) -> str:
        return f"{self._repo}/environments/{part(environment)}/secrets" if environment else f"{self._repo}/actions/secrets"

    def _ask(self, method: str, path: str, *, needs: str) -> Any:
        try:
            return self._api().ask(method, path, f"secrets of {self._about}", needs=needs, accept=_MEDIA).data
        except Missing:
            pass
        raise Denied(
            f"GitHub shows no such secret of {self._about} to our token: it is not there, or not ours to see",
            next_step="check its name, and whether the token may read and write secrets there",
        )

    def _api(self) -> HostApi:
        return _api(self._login, self._timeout)


def repositories(login: Login, timeout: float) -> list[str]:
    """`owner/repo` of all that our login may look at: a person's token, or the installation of an app. Raises as `HostApi.ask`."""

    def ask(path: str, page: int, needs: str) -> Any:
        about = "our repositories"
        return _api(login, timeout).ask("GET", f"{path}?per_page=100&page={page}", about, needs=needs, accept=_MEDIA).data

    try:
        rows = every_row(lambda page: ask("/user/repos", page, ""), "our repositories")
    except Denied:
        rows = every_row(lambda page: ask("/installation/repositories", page, "repositories")["repositories"], "our repositories")
    return sorted({str(row.get("full_name") or "") for row in rows} - {""})


def every_row(page: Callable[[int], Any], about: str) -> list[Json]:
    """All rows of a list that comes in pages of a hundred. Raises Unknown: it is none, or has no end."""
    found: list[Json] = []
    for number in range(1, _PAGES + 1):
        rows = page(number)
        if not isinstance(rows, list):
            raise Unknown(f"what answered about {about} was not GitHub")
        found += [row for row in rows if isinstance(row, dict)]
        if len(rows) < 100:
            return found
    raise Unknown(f"GitHub tells of no end of {about}")


def _api(login: Login, timeout: float) -> HostApi:
    return HostApi("GitHub", login.api_base or ADDRESS, login.token or _from_environment, timeout=timeout, headers=_VERSION)


def can_seal() -> None:
    """Raise Rejected, with the command that installs it, when the sealing library is missing. The library is not loaded here."""
    if find_spec("nacl") is None:
        raise Rejected("a secret for GitHub is sealed by PyNaCl, which is not installed", safe="nothing was sent", next_step=EXTRA)


def sealed(key: str, value: Secret) -> str:
    """A libsodium sealed box for GitHub's public key (base64), in base64. Raises Rejected, Unknown."""
    can_seal()
    from nacl.public import PublicKey, SealedBox

    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != PublicKey.SIZE:
        raise Unknown("what answered about the key to seal with was not GitHub")
    return base64.b64encode(SealedBox(PublicKey(raw)).encrypt(value.reveal().encode())).decode()


def _from_environment() -> Secret:
    token = next((found for name in _VARIABLES if (found := os.environ.get(name, "").strip())), "")
    if not token:
        names = " or ".join(_VARIABLES)
        raise Denied(
            "there is no token for GitHub",
            next_step=f"set {names}, or under `hosts:` of the inventory `{{name: github-actions, token: REF}}`",
        )
    return Secret(token)
