"""Calls to Azure Key Vault's REST API: a secret's versions never change, have ids without an order, and the newest is current.

From Microsoft's description of the API (`tests/worlds/api/azure.json` has the paths that are used). Credentials are those that Azure's own
libraries have, without the programs that these would run, through `azure-identity`, which is loaded when it is used.
"""

import logging
import re
from importlib.util import find_spec
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from ir.clients.host_api import HostApi, Login, part
from ir.core.errors import Denied, PortError, Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

EXTRA = "pip install 'ir-stripe[azure]'"
_API = "api-version=7.4"
_CLOUDS = ("vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net")
"""Domains of vaults: Azure's own, of China, of the government of the United States. A login of ours is told to no other."""
_NAME = re.compile(rf"([A-Za-z0-9-]{{3,24}})(?:\.({'|'.join(map(re.escape, _CLOUDS))}))?")
_PAGE = 25
_SLOW = {"connection_timeout": 10, "read_timeout": 10, "retry_total": 1}
_LOGIN = "set what Azure's own libraries take (AZURE_CLIENT_ID and others), or list `az` under `commands:`, see docs/hosts.md"
_kept: list[Any] = []
"""The process's credentials; they know when their tokens expire."""
_lock = Lock()


class AzureVault:
    """The secrets of a vault; each call raises as `HostApi.ask`.

    Args:
        name: of the vault; with its domain in another cloud than Azure's own (`shop.vault.azure.cn`).
        login: what the inventory says of Azure; without a token there, the credentials that Azure's libraries find.
        timeout: seconds per call.

    Attributes:
        address: of the vault.
        scope: what a login is asked for.

    Raises:
        Rejected: it is no name of a vault.
    """

    def __init__(self, name: str, login: Login, timeout: float) -> None:
        found = _NAME.fullmatch(name)
        if found is None:
            raise Rejected(
                f"`{name}` is not the name of a vault", next_step=f"write azure-kv://NAME/SECRET, or NAME with one of {', '.join(_CLOUDS)}"
            )
        domain = found[2] or _CLOUDS[0]
        self.name, self._login, self._timeout = name, login, timeout
        self.address = login.api_base or f"https://{found[1]}.{domain}"
        self.scope = f"https://{domain}/.default"

    def get(self, secret: str, version: str = "") -> Json:
        """A version with its `value`, `id`, `attributes`, `tags`, `contentType`; the newest by default. Rejected: it is disabled."""
        path = f"/secrets/{part(secret)}" + (f"/{part(version)}" if version else "")
        return _bundle(self._ask("GET", path, f"secret {secret}", needs="id"), secret)

    def set(self, secret: str, body: Json) -> Json:
        """Add a version, which is current at once; without a secret, make it. Raises Conflict when a deleted one has its name."""
        return _bundle(self._ask("PUT", f"/secrets/{part(secret)}", f"secret {secret}", body, needs="id"), secret)

    def versions(self, secret: str) -> list[Json]:
        """`id`, `attributes` and `tags` of all versions, in no order; no values."""
        return self._all(f"/secrets/{part(secret)}/versions", f"the versions of secret {secret}")

    def secrets(self) -> list[Json]:
        """`id`, `attributes` and `tags` of all secrets; no values."""
        return self._all("/secrets", f"the secrets of vault {self.name}")

    def delete(self, secret: str) -> None:
        """Begin to delete a secret with all versions; most vaults keep it for some days. Raises Missing."""
        self._ask("DELETE", f"/secrets/{part(secret)}", f"secret {secret}")

    def purge(self, secret: str) -> None:
        """Remove a deleted secret for good. Raises Missing; Conflict while it is being deleted; Denied also for a vault that forbids it."""
        self._ask("DELETE", f"/deletedsecrets/{part(secret)}", f"deleted secret {secret}")

    def deleted(self, secret: str) -> Json:
        """Of a secret that was deleted and is kept: `scheduledPurgeDate` and others, without its value. Raises Missing."""
        return self._ask("GET", f"/deletedsecrets/{part(secret)}", f"deleted secret {secret}", needs="id")

    def recover(self, secret: str) -> None:
        """Begin to bring a deleted secret back, with all versions."""
        self._ask("POST", f"/deletedsecrets/{part(secret)}/recover", f"deleted secret {secret}")

    def _all(self, path: str, about: str) -> list[Json]:
        """Every page. Of the address of the next one only the query is taken: the login goes to our own address and to no other."""
        found: list[Json] = []
        query, asked = f"{_API}&maxresults={_PAGE}", set[str]()
        while query and query not in asked:
            asked.add(query)
            page = self._ask("GET", f"{path}?{query}", about, needs="value")
            found += page["value"] or []
            if not page.get("nextLink"):
                return found
            query = urlsplit(str(page["nextLink"])).query
        raise Unknown(f"Azure gave no usable answer about {about}: its pages do not end")

    def _ask(self, method: str, path: str, about: str, body: object = None, *, needs: str = "") -> Json:
        found: Json = self._api().ask(method, path if "?" in path else f"{path}?{_API}", about, body, needs=needs).data
        return found

    def _api(self) -> HostApi:
        token = self._login.token or (lambda: default_token(self.scope))
        return HostApi("Azure", self.address, token, timeout=self._timeout, meanings={"SecretDisabled": Rejected})


def called(row: Json) -> tuple[str, str]:
    """Name and version in the `id` of an answer, the version "" where it has none. Raises Unknown."""
    name, _, version = urlsplit(str(row.get("id", ""))).path.partition("/secrets/")[2].partition("/")
    if not name:
        raise Unknown("Azure gave no usable answer: a secret without an id")
    return name, version


def default_token(scope: str) -> Secret:
    """An access token of the credentials that Azure's libraries find: environment, workload identity, managed identity.

    Raises:
        Rejected: `azure-identity` is not installed. Denied: there are no credentials, or they give no token. Unknown: no answer.
    """
    if find_spec("azure") is None or find_spec("azure.identity") is None:
        raise Rejected("Azure's credentials are read by azure-identity, which is not installed", safe="nothing was sent", next_step=EXTRA)
    from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError, ServiceResponseError

    failed: PortError
    with _lock:
        try:
            if not _kept:
                _kept.append(_credentials())
            return Secret(str(_kept[0].get_token(scope).token))
        except ClientAuthenticationError:
            failed = Denied("there are no credentials for Azure, or none of them gives a token", next_step=_LOGIN)
        except (ServiceRequestError, ServiceResponseError):
            failed = Unknown("Azure's login did not answer")
        except (AzureError, OSError, ValueError) as error:
            failed = Denied(f"the credentials for Azure give no token ({type(error).__name__})", next_step=_LOGIN)
    # Outside of the handlers: the library's errors hold what the login answered, and must not become our context.
    raise failed


def _credentials() -> Any:
    """Those that need no program: what runs one has to stand in the inventory, which a person agreed to."""
    from azure.identity import DefaultAzureCredential

    for library in ("azure", "msal"):  # a refusal is told by us, in one line; theirs repeats what the login answered
        logging.getLogger(library).setLevel(logging.CRITICAL)
    programs = ("cli", "developer_cli", "powershell", "visual_studio_code", "shared_token_cache", "interactive_browser", "broker")
    return DefaultAzureCredential(**{f"exclude_{name}_credential": True for name in programs}, **_SLOW)


def _bundle(found: Json, secret: str) -> Json:
    if not isinstance(found.get("value"), str) or not called(found)[1]:
        raise Unknown(f"Azure gave no usable answer about secret {secret}")
    return found
