"""Vault's (or OpenBao's) client: settings as its CLI reads them, shared per setting, its errors translated."""

import os
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ir.adapters.stores import vendor_logging
from ir.adapters.stores.vendor_call import asked
from ir.clients import way_out
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret, excerpt
from ir.core.urls import in_the_clear, parse

if TYPE_CHECKING:
    import hvac

T = TypeVar("T")

_DEFAULT = "https://127.0.0.1:8200"
_lock = threading.Lock()
_clients: dict[tuple["VaultSettings", tuple[str, ...], float], "hvac.Client"] = {}


@dataclass(frozen=True)
class VaultSettings:
    """Vault's address and our login.

    Attributes:
        verify: path of a certificate authority, or "" for those of `way_out`, else of the library.
        cert: client certificate and key, or empty.
    """

    address: str
    token: Secret | None
    namespace: str = ""
    verify: str = ""
    cert: tuple[str, str] | tuple[()] = ()


def settings(environment: Mapping[str, str] | None = None, plain: Collection[str] = ()) -> VaultSettings:
    """From `VAULT_ADDR`, `VAULT_TOKEN` (else `~/.vault-token`), `VAULT_NAMESPACE`, `VAULT_CACERT`, `VAULT_CAPATH`, `VAULT_CLIENT_*`.

    Args:
        environment: None: the process's.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.

    Raises:
        Rejected: `VAULT_SKIP_VERIFY` asks for TLS without verification, or the address for none.
    """
    env = os.environ if environment is None else environment
    address = (env.get("VAULT_ADDR") or _DEFAULT).rstrip("/")
    if in_the_clear(address) and address not in plain:
        raise Rejected(
            f"VAULT_ADDR is {address}: tokens and keys would go to another machine in the clear",
            next_step=f"use https; or accept it in the inventory, `plain_http: [{address}]`",
        )
    if env.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true") and not address.startswith("http://"):
        raise Rejected(
            "VAULT_SKIP_VERIFY is set, and keys are not sent over a connection that anybody could have made",
            next_step="unset it and name the certificate authority in VAULT_CACERT",
        )
    cert = env.get("VAULT_CLIENT_CERT", "")
    return VaultSettings(
        address,
        _token(env),
        env.get("VAULT_NAMESPACE", ""),
        env.get("VAULT_CACERT") or env.get("VAULT_CAPATH") or "",
        (cert, env.get("VAULT_CLIENT_KEY") or cert) if cert else (),
    )


def _token(env: Mapping[str, str]) -> Secret | None:
    text = env.get("VAULT_TOKEN", "").strip()
    if not text:
        try:
            text = (Path(env.get("HOME") or Path.home()) / ".vault-token").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, RuntimeError):
            return None
    return Secret(text) if text else None


def client(timeout: float, plain: Collection[str] = ()) -> "hvac.Client":
    """The shared client for the settings of this moment; safe to use from several threads. `plain`: see `settings`.

    Raises:
        Rejected: see `settings`.
        Denied: there is no login.
    """
    chosen = settings(plain=plain)
    if chosen.token is None:
        raise Denied(f"there is no token for Vault at {chosen.address}", next_step="log in (`vault login`), or set VAULT_TOKEN")
    key = (chosen, way_out.named(), timeout)
    with _lock:
        if key not in _clients:
            _clients[key] = _made(chosen, chosen.token, timeout)
        return _clients[key]


def _proxy(address: str) -> way_out.Proxy | None:
    try:
        place = parse(address)
    except ValueError:
        raise Rejected("VAULT_ADDR is not an address", next_step="write it as https://vault.example:8200") from None
    return way_out.proxy_for(place)


def _made(chosen: VaultSettings, token: Secret, timeout: float) -> "hvac.Client":
    import hvac

    from ir.adapters.stores.vault.session import Session, WatchedAdapter

    session = Session(_proxy(chosen.address), chosen.verify or way_out.authority())
    session.cert = chosen.cert or None
    for scheme in ("http://", "https://"):
        session.mount(scheme, WatchedAdapter(pool_maxsize=256))
    # a redirect would carry the token to another host
    made = hvac.Client(
        url=chosen.address,
        token=token.reveal(),
        namespace=chosen.namespace or None,
        session=session,
        timeout=timeout,  # type: ignore[arg-type]  # requests takes fractions; the stubs of hvac do not
        allow_redirects=False,
    )
    for library in ("hvac", "urllib3", "requests"):
        vendor_logging.hush(library)
    return made


def ask(call: Callable[[], T], what: str) -> T:
    """Make one call about `what`. Raises Missing, Denied, Conflict, Rejected, Unknown; see `vendor_call`."""
    return asked(call, lambda error: _told(error, what))


def _told(error: Exception, what: str) -> PortError | None:
    import requests.exceptions as of_requests
    from hvac.exceptions import VaultError

    if isinstance(error, VaultError):
        gone = _deleted_at(error.json)
        if gone:
            return Missing(f"the current version of {what} was deleted at {gone}", next_step="vault kv undelete, or write it again")
        return _refusal(type(error).__name__, str(error.errors or error.text or ""), what) if _of_vault(error) else _stranger(what)
    if isinstance(error, of_requests.SSLError):
        todo = f"does VAULT_CACERT name Vault's certificate authority? {way_out.NAME_THE_AUTHORITY}"
        return Unknown(f"the TLS connection about {what} failed", next_step=todo)
    if isinstance(error, of_requests.Timeout):
        return Unknown(f"Vault did not answer in time about {what}")
    if isinstance(error, of_requests.InvalidURL | of_requests.MissingSchema | of_requests.InvalidSchema):
        return Rejected("VAULT_ADDR is not an address", next_step="write it as https://vault.example:8200")
    if isinstance(error, of_requests.RequestException | OSError):
        return Unknown(f"no answer of Vault about {what} ({type(error).__name__})")
    return None


def _of_vault(error: Any) -> bool:
    """Whether Vault itself refused.

    It always refuses in JSON; without JSON, a proxy or a balancer in between did, which tells nothing of Vault.
    """
    return (isinstance(error.json, dict) and bool({"errors", "data"} & error.json.keys())) or error.text is None


def _deleted_at(said: Any) -> str:
    """The time at which the version of a 404 was deleted, "" when it tells of none."""
    inner = said.get("data") if isinstance(said, dict) else None
    about = inner.get("metadata") if isinstance(inner, dict) else None
    return excerpt(str(about.get("deletion_time") or ""), 40) if isinstance(about, dict) else ""


def _stranger(what: str) -> Unknown:
    return Unknown(f"what answered about {what} was not Vault: a proxy, or something else in between")


def answer(found: object, what: str) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        Unknown: it is something else: a redirect of a standby, a proxy's page, a torn body.
    """
    if isinstance(found, dict):
        return found
    status = getattr(found, "status_code", 0)
    if status in (301, 302, 307, 308):
        raise Unknown(f"Vault sends us elsewhere for {what}: a standby answered", next_step="set VAULT_ADDR to the active node")
    raise Unknown(f"Vault gave no usable answer about {what} (status {status})")


def data(found: object, what: str, *needed: str) -> dict[str, Any]:
    """The `data` of an answer, with every field that is `needed`.

    Raises:
        Unknown: it has no such thing, so it is not Vault's.
    """
    inner = answer(found, what).get("data")
    if not isinstance(inner, dict) or not inner.keys() >= set(needed):
        raise Unknown(f"what answered about {what} does not speak as Vault does")
    return inner


def done(found: object, what: str) -> None:
    """Check the answer to a write without content: 204. Raises Unknown for any other, such as a proxy's page."""
    if getattr(found, "status_code", 0) != 204:
        answer(found, what)
        raise Unknown(f"what answered about {what} does not speak as Vault does")


def _refusal(kind: str, said: str, what: str) -> PortError:
    if kind == "InvalidPath":
        return Missing(f"Vault has no secret at {what}")
    if kind in ("Forbidden", "Unauthorized"):
        return Denied(f"Vault denies access to {what}: the token is not valid, or its policy does not allow it")
    if kind == "VaultDown":
        sealed = "is sealed" if "sealed" in said else "is down, or has no active node"
        return Unknown(f"Vault {sealed}; nothing is known about {what}", next_step="unseal it, then try again")
    if kind == "InvalidRequest" and "metadata check-and-set" in said:
        return Conflict(f"the metadata of {what} has moved on, or is to be written with check-and-set only")
    if kind == "InvalidRequest" and "check-and-set" in said:
        return Conflict(f"somebody else wrote {what} first")
    if kind in ("InvalidRequest", "ParamValidationError", "UnsupportedOperation"):
        return Rejected(f"Vault refuses the request about {what}")
    if kind == "RateLimitExceeded":
        return Unknown(f"Vault asks us to slow down about {what}")
    return Unknown(f"Vault gave no usable answer about {what} ({kind})")
