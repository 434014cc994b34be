"""Calls to Google Secret Manager's REST API: versions never change, and the newest one is `latest`.

From Google's discovery document (`tests/worlds/api/gcp.json` has the paths that are used). Credentials are those that Google's own tools
have (application default credentials), through `google-auth`, which is loaded when it is used.
"""

import base64
import binascii
from importlib.util import find_spec
from threading import Lock
from typing import Any

from ir.clients.host_api import HostApi, Login, part
from ir.core.errors import Denied, PortError, Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

ADDRESS = "https://secretmanager.googleapis.com"
EXTRA = "pip install 'ir-stripe[gcp]'"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_kept: list[Any] = []
"""The process's credentials; they know when their token expires."""
_lock = Lock()


class GcpProject:
    """The secrets of a project; each call raises as `HostApi.ask`.

    Args:
        name: id or number of the project.
        login: what the inventory says of Google; without a token there, the application default credentials.
        timeout: seconds per call.
    """

    def __init__(self, name: str, login: Login, timeout: float) -> None:
        self._secrets = f"/v1/projects/{part(name)}/secrets"
        self._name, self._login, self._timeout = name, login, timeout

    def access(self, secret: str, version: str) -> tuple[int, bytes]:
        """Number and value of a version: a number, or `latest`."""
        path = f"{self._secrets}/{part(secret)}/versions/{version}:access"
        found = self._api().ask("GET", path, f"secret {secret}", needs="payload").data
        try:
            return _number(found), base64.b64decode(found["payload"]["data"], validate=True)
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise Unknown(f"Google gave no usable answer about secret {secret}") from None

    def about(self, secret: str) -> Json:
        """A secret's metadata: replication, labels, annotations, version aliases, rotation."""
        found: Json = self._api().ask("GET", f"{self._secrets}/{part(secret)}", f"secret {secret}", needs="name").data
        return found

    def add(self, secret: str, value: bytes) -> int:
        """Add a version, which is `latest` at once; returns its number."""
        body = {"payload": {"data": base64.b64encode(value).decode()}}
        found = self._api().ask("POST", f"{self._secrets}/{part(secret)}:addVersion", f"secret {secret}", body, needs="name").data
        return _number(found)

    def create(self, secret: str, body: Json) -> None:
        """Make a secret without a version. Raises Conflict when it is there."""
        self._api().ask("POST", f"{self._secrets}?secretId={part(secret)}", f"secret {secret}", body, needs="name")

    def delete(self, secret: str) -> None:
        """Delete a secret with all versions. Raises Missing."""
        self._api().ask("DELETE", f"{self._secrets}/{part(secret)}", f"secret {secret}")

    def names(self, label: str = "", value: str = "") -> list[Json]:
        """Metadata of all secrets, or of those with that label."""
        narrowed = f"filter={part(f'labels.{label}={value}')}&" if label else ""
        found: list[Json] = []
        token = ""
        while True:
            query = f"{narrowed}pageSize=250" + (f"&pageToken={part(token)}" if token else "")
            page = self._api().ask("GET", f"{self._secrets}?{query}", f"secrets of project {self._name}").data
            if page and not {"secrets", "totalSize", "nextPageToken"} & set(page):
                raise Unknown(f"what answered about the secrets of project {self._name} was not Google")
            found += page.get("secrets") or []
            token = str(page.get("nextPageToken") or "")
            if not token:
                return found

    def may(self, secret: str, *rights: str) -> list[str]:
        """Those of these rights that our login lacks on a secret, as Google says."""
        path, body = f"{self._secrets}/{part(secret)}:testIamPermissions", {"permissions": list(rights)}
        found = self._api().ask("POST", path, f"our rights on secret {secret}", body).data
        if found and "permissions" not in found:
            raise Unknown(f"what answered about our rights on secret {secret} was not Google")
        return [right for right in rights if right not in (found.get("permissions") or [])]

    def _api(self) -> HostApi:
        return HostApi("Google", self._login.api_base or ADDRESS, self._login.token or default_token, timeout=self._timeout)


def default_token() -> Secret:
    """An access token of the application default credentials.

    Raises:
        Rejected: `google-auth` is not installed. Denied: there are no credentials, or they give no token. Unknown: no answer.
    """
    if find_spec("google") is None or find_spec("google.auth") is None:
        raise Rejected("Google's credentials are read by google-auth, which is not installed", safe="nothing was sent", next_step=EXTRA)
    import google.auth
    import google.auth.transport.requests
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError

    failed: PortError
    with _lock:
        try:
            if not _kept:
                _kept.append(google.auth.default(scopes=[_SCOPE])[0])
            if not _kept[0].valid:
                _kept[0].refresh(google.auth.transport.requests.Request())
            return Secret(str(_kept[0].token))
        except DefaultCredentialsError:
            failed = Denied("there are no credentials for Google", next_step="gcloud auth application-default login")
        except TransportError:
            failed = Unknown("Google's login did not answer")
        except (GoogleAuthError, OSError, ValueError) as error:
            failed = Denied(f"the credentials for Google give no token ({type(error).__name__})", next_step="log in again")
    # Outside of the handlers: the library's errors hold what the login answered, and must not become our context.
    raise failed


def _number(found: Json) -> int:
    tail = str(found.get("name", "")).rpartition("/versions/")[2]
    if not tail.isdigit():
        raise Unknown("Google gave no usable answer: a version without a number")
    return int(tail)
