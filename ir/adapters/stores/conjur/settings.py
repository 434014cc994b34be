"""Conjur's address and our login, read as Conjur's own clients read them."""

import netrc
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ir.core.errors import Denied, Rejected
from ir.core.secret import Secret
from ir.core.urls import in_the_clear


@dataclass(frozen=True)
class ConjurSettings:
    """Conjur's address and our login.

    Attributes:
        authority: path of a certificate authority, or its PEM text; "" for the system's.
        token_file: a file that another program keeps filled with a token; instead of `login` and `api_key`.
    """

    url: str
    account: str
    login: str = ""
    api_key: Secret | None = None
    token_file: str = ""
    authority: str = ""


def settings(account: str, environment: Mapping[str, str] | None = None, plain: Collection[str] = ()) -> ConjurSettings:
    """From `CONJUR_*`, else `~/.conjurrc` (or `CONJURRC`), else `~/.netrc`.

    Args:
        account: of the reference.
        environment: None: the process's.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.

    Raises:
        Rejected: no address, another account than the reference's, or a key in the clear over the network.
        Denied: there is no login.
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
    return ConjurSettings(url, account, login, Secret(api_key) if api_key else None, token_file, authority)


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
