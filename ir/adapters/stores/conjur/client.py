"""CyberArk Conjur over its HTTP API: settings as its own clients read them, a token renewed in time, errors in our words."""

import base64
import netrc
import os
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ir.adapters.stores import vendor_logging
from ir.core import untrusted_json
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.core.urls import in_the_clear

if TYPE_CHECKING:
    import urllib3

_RENEW = 300.0
"""Seconds after which a token is renewed; Conjur lets it live for 480."""
_LARGEST = 1 << 20
_TOKEN = {"protected", "payload", "signature"}
"""What a token consists of; anything else that comes back from a login is not Conjur's."""
_lock = threading.Lock()
_clients: dict[tuple["Settings", float], "ConjurClient"] = {}


@dataclass(frozen=True)
class Settings:
    """Where Conjur is and who we are.

    Attributes:
        authority: path of a certificate authority, or its PEM text; "" for the system's.
        token_file: a file that somebody else keeps filled with a token; instead of `login` and `api_key`.
    """

    url: str
    account: str
    login: str = ""
    api_key: Secret | None = None
    token_file: str = ""
    authority: str = ""


def settings(account: str, environment: Mapping[str, str] | None = None, plain: Collection[str] = ()) -> Settings:
    """From `CONJUR_*`, else `~/.conjurrc` (or `CONJURRC`), else `~/.netrc`.

    Args:
        account: of the reference.
        environment: None: the process's.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.

    Raises:
        Rejected: no address, another account than the reference's, or a key in the clear over the network.
        Denied: nobody is logged in.
    """
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or Path.home())
    rc = _conjurrc(Path(env.get("CONJURRC") or home / ".conjurrc"))
    url = (env.get("CONJUR_APPLIANCE_URL") or rc.get("appliance_url") or rc.get("conjur_url") or "").rstrip("/")
    if not url:
        raise Rejected("the address of Conjur is not set", next_step="set CONJUR_APPLIANCE_URL")
    if urlsplit(url).scheme not in ("http", "https"):
        raise Rejected("CONJUR_APPLIANCE_URL must be https", next_step="write it as https://conjur.example")
    if in_the_clear(url) and url not in plain:
        raise Rejected(
            f"CONJUR_APPLIANCE_URL must be https: {url} is another machine, and keys would go there in the clear",
            next_step=f"use https; or accept it in the inventory, `plain_http: [{url}]`",
        )
    named = env.get("CONJUR_ACCOUNT") or rc.get("account") or rc.get("conjur_account") or account
    if named != account:
        raise Rejected(f"we are logged in to Conjur's account {named}, and the reference names {account}", next_step="set CONJUR_ACCOUNT")
    authority = env.get("CONJUR_SSL_CERTIFICATE") or env.get("CONJUR_CERT_FILE") or rc.get("cert_file") or ""
    token_file = env.get("CONJUR_AUTHN_TOKEN_FILE", "")
    login, api_key = env.get("CONJUR_AUTHN_LOGIN", ""), env.get("CONJUR_AUTHN_API_KEY", "")
    if not token_file and not (login and api_key):
        login, api_key = _netrc(Path(env.get("NETRC") or rc.get("netrc_path") or home / ".netrc"), url)
    if not token_file and not api_key:
        raise Denied("there is no login for Conjur", next_step="set CONJUR_AUTHN_LOGIN and CONJUR_AUTHN_API_KEY")
    return Settings(url, account, login, Secret(api_key) if api_key else None, token_file, authority)


def _conjurrc(path: Path) -> dict[str, str]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return {str(k): str(v) for k, v in found.items() if v is not None} if isinstance(found, dict) else {}


def _netrc(path: Path, url: str) -> tuple[str, str]:
    try:
        rows = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return "", ""
    row = rows.get(f"{url}/authn") or rows.get(url) or ("", "", "")
    return row[0] or "", row[2] or ""


def client(account: str, timeout: float, plain: Collection[str] = ()) -> "ConjurClient":
    """The shared client for the settings of this moment; safe to use from several threads. `plain` and errors as in `settings`."""
    chosen = settings(account, plain=plain)
    with _lock:
        if (chosen, timeout) not in _clients:
            _clients[chosen, timeout] = ConjurClient(chosen, timeout)
        return _clients[chosen, timeout]


@dataclass(frozen=True, repr=False)
class _Answer:
    status: int
    body: bytes
    page: bool = False
    """A page of HTML: Conjur sends none, so it is a proxy's."""


class ConjurClient:
    """Variables of one account. Each call raises Missing, Denied, Rejected, Unknown.

    Args:
        chosen: where and who.
        timeout: seconds per call.
    """

    def __init__(self, chosen: Settings, timeout: float) -> None:
        import urllib3

        self._chosen, self._timeout = chosen, timeout
        self._pool = urllib3.PoolManager(maxsize=64, block=False, ssl_context=_tls(chosen.authority))
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
        if answer.status == 401 and not self._chosen.token_file:  # It ended early: another clock, a restart.
            answer = self._send(method, path, body, {"Authorization": f'Token token="{self._token_now(renew=True)}"'})
        if 200 <= answer.status < 300 and not answer.page:
            return answer
        raise _refusal(answer.status, f"conjur://{self._chosen.account}/{variable}")

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
        if answer.status == 401:
            raise Denied(f"Conjur does not let {chosen.login} in", next_step="check CONJUR_AUTHN_LOGIN and CONJUR_AUTHN_API_KEY")
        if answer.status != 200 or not parsed(answer.body.decode(errors="replace")).keys() >= _TOKEN:
            raise _refusal(answer.status, "the login")
        token = base64.b64encode(answer.body).decode()
        Secret(token)  # So that nothing of ours can print it.
        return token

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Answer:
        import urllib3.exceptions

        failed: PortError
        try:
            answer = self._pool.request(
                method,
                self._chosen.url + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=self._timeout),
                retries=False,
                redirect=False,  # It would carry the token to another host.
                preload_content=False,
            )
            return _Answer(answer.status, _whole(answer), answer.headers.get("Content-Type", "").startswith("text/html"))
        except urllib3.exceptions.SSLError:
            failed = Unknown("the TLS connection to Conjur failed", next_step="does CONJUR_CERT_FILE name its certificate authority?")
        except urllib3.exceptions.LocationParseError:
            failed = Rejected("CONJUR_APPLIANCE_URL is not an address")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failed = Unknown(f"Conjur did not answer ({type(error).__name__})")
        # Outside of the handlers: these exceptions may hold a request, and must not become our context.
        raise failed


def _whole(answer: "urllib3.BaseHTTPResponse") -> bytes:
    try:
        data = answer.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Rejected(f"Conjur's answer is larger than {_LARGEST} bytes")
        return data
    finally:
        answer.drain_conn()
        answer.release_conn()


def _tls(authority: str) -> ssl.SSLContext:
    try:
        if "-----BEGIN" in authority:
            return ssl.create_default_context(cadata=authority)
        return ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError):
        raise Rejected("the certificate authority of Conjur cannot be read", next_step="check CONJUR_CERT_FILE") from None


def _refusal(status: int, what: str) -> PortError:
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
