"""CyberArk Conjur over its HTTP API: a token renewed in time, errors translated."""

import base64
import ssl
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ir.adapters.stores import vendor_logging
from ir.adapters.stores.conjur.settings import ConjurSettings, settings
from ir.clients import way_out
from ir.core import untrusted_json
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.core.urls import ParsedUrl, parse

if TYPE_CHECKING:
    import urllib3

_RENEW = 300.0
"""Seconds after which a token is renewed; Conjur lets it live for 480."""
_LARGEST = 1 << 20
_PAGE = 500
"""Rows of a list that are asked for at once."""
_TOKEN = {"protected", "payload", "signature"}
"""The fields of a token; any other answer to a login is not Conjur's."""
_lock = threading.Lock()
_clients: dict[tuple[ConjurSettings, tuple[str, ...], float], "ConjurClient"] = {}


def client(account: str, timeout: float, plain: Collection[str] = ()) -> "ConjurClient":
    """The shared client for the settings of this moment; safe to use from several threads. `plain` and errors as in `settings`."""
    chosen = settings(account, plain=plain)
    with _lock:
        key = (chosen, way_out.named(), timeout)
        if key not in _clients:
            _clients[key] = ConjurClient(chosen, timeout)
        return _clients[key]


@dataclass(frozen=True, repr=False)
class _Answer:
    status: int
    body: bytes
    page: bool = False
    """whether the answer is a page of HTML: Conjur sends none, so it is a proxy's"""


class ConjurClient:
    """Variables of one account. Each call raises Missing, Denied, Rejected, Unknown.

    Args:
        chosen: where and who.
        timeout: seconds per call.
    """

    def __init__(self, chosen: ConjurSettings, timeout: float) -> None:
        self._chosen, self._timeout = chosen, timeout
        self._proxy = way_out.proxy_for(_place(chosen.url))
        self._pool = way_out.pool(self._proxy, _tls(chosen.authority), 64)
        self._login = threading.Lock()
        self._token, self._since = "", 0.0
        vendor_logging.hush("urllib3")

    def versions(self, variable: str) -> list[int]:
        """Numbers of the versions that are kept, oldest first; the values are not read."""
        body = self._ask("GET", self._path("resources", variable), variable).body
        try:
            return sorted(int(row["version"]) for row in untrusted_json.loads(body).get("secrets", []))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unknown(f"Conjur gave no usable answer about {variable}") from None

    def variables(self) -> list[str]:
        """Ids of all variables that our role may see."""
        found: list[str] = []
        kind = f"/resources/{quote(self._chosen.account, safe='')}/variable"
        while True:
            body = self._ask("GET", f"{kind}?limit={_PAGE}&offset={len(found)}", "*").body
            try:
                page = [str(row["id"]).split(":", 2)[2] for row in untrusted_json.loads(body)]
            except (ValueError, KeyError, TypeError, IndexError):
                raise Unknown("Conjur gave no usable answer about its variables") from None
            found += page
            if len(page) < _PAGE:
                return found

    def value(self, variable: str, version: int) -> bytes:
        """One version's value."""
        body = self._ask("GET", f"{self._path('secrets', variable)}?version={version}", variable).body
        if not body:
            raise Unknown(f"Conjur gave no usable answer about {variable}: a value is never empty")
        return body

    def put(self, variable: str, value: bytes) -> None:
        """A new version; Conjur makes none when the value is already current."""
        self._ask("POST", self._path("secrets", variable), variable, value)

    def may(self, variable: str, privilege: str) -> bool:
        """Whether our role has `execute` (read the value) or `update` (write it)."""
        try:
            self._ask("GET", f"{self._path('resources', variable)}?check=true&privilege={privilege}", variable)
        except Missing:
            return False
        return True

    def _path(self, kind: str, variable: str) -> str:
        return f"/{kind}/{quote(self._chosen.account, safe='')}/variable/{quote(variable, safe='')}"

    def _ask(self, method: str, path: str, variable: str, body: bytes | None = None) -> _Answer:
        answer = self._send(method, path, body, {"Authorization": f'Token token="{self._token_now()}"'})
        if answer.status == 401 and not self._chosen.token_file:  # it ended early: another clock, or a restart
            answer = self._send(method, path, body, {"Authorization": f'Token token="{self._token_now(renew=True)}"'})
        if 200 <= answer.status < 300 and not answer.page:
            return answer
        raise _refusal(answer, f"conjur://{self._chosen.account}/{variable}")

    def _token_now(self, *, renew: bool = False) -> str:
        if self._chosen.token_file:
            try:
                return base64.b64encode(Path(self._chosen.token_file).read_bytes().strip()).decode()
            except OSError as error:
                raise Denied(f"CONJUR_AUTHN_TOKEN_FILE cannot be read ({type(error).__name__})") from None
        with self._login:
            if renew or time.monotonic() - self._since > _RENEW or not self._token:
                self._token, self._since = self._authenticated(), time.monotonic()
            return self._token

    def _authenticated(self) -> str:
        chosen = self._chosen
        path = f"/authn/{quote(chosen.account, safe='')}/{quote(chosen.login, safe='')}/authenticate"
        key = chosen.api_key.reveal().encode() if chosen.api_key else b""
        answer = self._send("POST", path, key, {})
        if answer.status == 401 and not answer.page:
            raise Denied(f"Conjur does not let {chosen.login} in", next_step="check CONJUR_AUTHN_LOGIN and CONJUR_AUTHN_API_KEY")
        if answer.status != 200 or not parsed(answer.body.decode(errors="replace")).keys() >= _TOKEN:
            raise _refusal(answer, "the login")
        token = base64.b64encode(answer.body).decode()
        Secret(token)  # no text of ours can print it then
        return token

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Answer:
        import urllib3.exceptions

        from ir.clients.watched_pool import within

        failed: PortError
        try:
            with within(self._timeout) as watch:
                answer = self._pool.request(
                    method,
                    self._chosen.url + path,
                    body=body,
                    headers=headers,
                    timeout=urllib3.Timeout(total=self._timeout),
                    retries=False,
                    redirect=False,  # it would carry the token to another host
                    preload_content=False,
                )
                data = _whole(answer)
            if watch.expired:  # what looks like the end of the body may be our own deadline
                raise urllib3.exceptions.TimeoutError("too slow")
            return _Answer(answer.status, data, answer.headers.get("Content-Type", "").startswith("text/html"))
        except urllib3.exceptions.ProxyError as error:
            failed = self._proxy.refuses("Conjur", error) if self._proxy else Unknown("Conjur did not answer (ProxyError)")
        except urllib3.exceptions.SSLError:
            todo = f"does CONJUR_CERT_FILE name its certificate authority? {way_out.NAME_THE_AUTHORITY}"
            failed = Unknown("the TLS connection to Conjur failed", next_step=todo)
        except urllib3.exceptions.LocationParseError:
            failed = Rejected("CONJUR_APPLIANCE_URL is not an address")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failed = Unknown(f"Conjur did not answer ({type(error).__name__})")
        # outside of the handlers: these exceptions may hold a request, and must not become our context
        raise failed


def _whole(answer: "urllib3.BaseHTTPResponse") -> bytes:
    data = answer.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        answer.close()  # what is left of it is not read
        raise Rejected(f"Conjur's answer is larger than {_LARGEST} bytes")
    answer.release_conn()
    return data


def _place(url: str) -> ParsedUrl:
    try:
        return parse(url)
    except ValueError:
        raise Rejected("CONJUR_APPLIANCE_URL is not an address") from None


def _tls(authority: str) -> ssl.SSLContext:
    if not authority:
        return way_out.tls()
    try:
        if "-----BEGIN" in authority:
            return ssl.create_default_context(cadata=authority)
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError):
        raise Rejected("the certificate authority of Conjur cannot be read", next_step="check CONJUR_CERT_FILE") from None


def _refusal(answer: _Answer, what: str) -> PortError:
    status = answer.status
    if answer.page:
        return Unknown(f"what answered about {what} was not Conjur: a proxy, or something else in between (status {status})")
    if status == 404:
        return Missing(f"Conjur has no variable at {what}, or does not let us see it")
    if status in (401, 403):
        return Denied(f"Conjur denies access to {what}: the login is not valid, or the policy does not allow it")
    if status in (400, 409, 422):
        return Rejected(f"Conjur refuses the request about {what} (status {status})")
    return Unknown(f"Conjur gave no usable answer about {what} (status {status})")


def parsed(text: str) -> dict[str, Any]:
    """A JSON object; anything else is an empty one."""
    try:
        found = untrusted_json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
