"""The logins that `ir` itself uses at a host: when the host is breached, they may be in strangers' hands, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ir.core.place import Place
from ir.core.reference import Reference
from ir.fleet.breach.item import BreachItem, DangerRank
from ir.inventory import Inventory, Key
from ir.inventory.host_rows import HOSTS


@dataclass(frozen=True)
class _Login:
    name: str
    usual: str
    link: str


_LOGINS = {
    "vercel": _Login("Vercel", "VERCEL_TOKEN", "https://vercel.com/account/settings/tokens"),
    "github-actions": _Login("GitHub", "GITHUB_TOKEN or GH_TOKEN", "https://github.com/settings/tokens"),
    "k8s": _Login("Kubernetes", "the kubeconfig", ""),
    "gcp-sm": _Login("Google Cloud", "the application default credentials", "https://console.cloud.google.com/iam-admin/serviceaccounts"),
    "azure-kv": _Login("Azure", "AZURE_* or a managed identity", "https://portal.azure.com/#view/Microsoft_AAD_RegisteredApps"),
    "aws-sm": _Login("AWS", "the SDK's own: AWS_* or a profile", "https://console.aws.amazon.com/iam/home#/users"),
    "aws-ssm": _Login("AWS", "the SDK's own: AWS_* or a profile", "https://console.aws.amazon.com/iam/home#/users"),
    "vault": _Login("Vault", "VAULT_TOKEN or ~/.vault-token", ""),
    "conjur": _Login("Conjur", "CONJUR_* or ~/.netrc", ""),
}


def logins(source: Inventory, places: Iterable[Place]) -> list[BreachItem]:
    """One item per login that breached places are reached with."""
    found: dict[str, BreachItem] = {}
    for place in places:
        known = _LOGINS.get(place.scheme)
        if known is None:
            continue
        row = source.host(place.scheme, place.host) if place.scheme in HOSTS else None
        where = str(row.token) if row is not None and row.token is not None else known.usual
        todo = f"make a new one, put it where ir finds it ({where}), revoke the old one"
        server = f"{place.scheme}://{place.host}"
        before = found.get(f"{known.name} {where}")
        servers = tuple(sorted({*(before.servers if before else ()), server}))
        name = f"{place.scheme}-login"
        found[f"{known.name} {where}"] = BreachItem(
            name, DangerRank.LOGIN, places=(where,), servers=servers, told_by="login", vendor=known.name, link=known.link, todo=todo
        )
    return list(found.values())


def writes_with_login(keys: Sequence[Key], places: Sequence[Place]) -> list[Reference]:
    """Places of these keys that a run would write at a host whose login may be in strangers' hands."""
    hosts = {place.scheme for place in places if place.scheme in _LOGINS}
    refs = [ref for key in keys for ref in key.stored_in if ref.scheme in hosts and ref.promises.writes and not ref.promises.guided]
    return list(dict.fromkeys(refs))
