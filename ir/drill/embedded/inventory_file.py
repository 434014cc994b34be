"""The files that a person has written before the incident: the inventory, and a playbook with shorter waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ir.core.model import Json, Policy
from ir.core.resources import shipped_folder
from ir.drill.embedded.options import PERMISSIONS, DrillOptions, Waits


@dataclass(frozen=True)
class Listed:
    """One service as the inventory lists it; `pid` when it is reloaded by a signal instead of a POST, `reload` when by its host."""

    name: str
    store: str
    port: int
    pid: int | None = None
    reload: Json | None = None


@dataclass(frozen=True)
class Owned:
    """The account as the inventory lists it; references of the keys that the tool itself uses, and the egress glob."""

    id: str
    api_base: str
    review_key: str
    app_key: str
    egress: str


def inventory(options: DrillOptions, account: Owned, stores: Sequence[str], services: Sequence[Listed], hosts: Sequence[Json] = ()) -> str:
    """The inventory of a drill: the first service is the canary."""
    row: Json = {
        "name": "shop",
        "id": account.id,
        "mode": options.mode.value,
        "issuer": "managed" if options.managed else "dashboard",
        "review_key": account.review_key,
        "api_base": account.api_base,
        "egress": [account.egress],
    }
    if options.managed:
        row["app_key"] = account.app_key
    allowed = [name for name in PERMISSIONS if name != options.forgets]
    key = {"name": "payments", "account": "shop", "kind": "secret", "permissions": allowed, "stored_in": list(stores)}
    text = {
        "version": 1,
        "accounts": [row],
        "keys": [key],
        **({"hosts": list(hosts)} if hosts else {}),
        "services": [_service(service, canary=number == 0) for number, service in enumerate(services)],
    }
    return yaml.safe_dump(text, sort_keys=False)


def _service(service: Listed, *, canary: bool) -> Json:
    address = f"http://127.0.0.1:{service.port}"
    reload: Json = service.reload or {"http": f"{address}/reload"}
    if service.reload is None and service.pid is not None:
        reload = {"command": ["kill", "-HUP", str(service.pid)]}
    check = {"http": f"{address}/healthz", "proves": "holds-key", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}
    return {
        "name": service.name,
        "uses": ["payments"],
        "reads_from": service.store,
        "wave": "canary" if canary else "main",
        "reload": reload,
        "verify": [check],
        "owner": "on-call",
    }


def playbook(policy: Policy, waits: Waits) -> str:
    """The shipped playbook of a policy, every step of it, with other waits."""
    text = (shipped_folder("playbooks") / f"stripe-{policy.value}.yaml").read_text(encoding="utf-8")
    book: Json = yaml.safe_load(text)
    book["name"] = f"{book['name']}-drill"
    book["about"] = f"The shipped playbook with shorter waits: {waits.said(policy)}."
    given: dict[str, dict[str, Any]] = {
        "wave": {"soak": waits.soak},
        "quiet": {"for": waits.quiet},
        "grace": {"for": waits.grace},
        "watch": {"for": waits.watch},
        "prove": {"window": waits.window},
    }
    for step in book["steps"]:
        changes = {
            name: value for name, value in given.get(step["action"], {}).items() if value is not None and name in step.get("with", {})
        }
        if changes:
            step["with"] = {**step["with"], **changes}
    return yaml.safe_dump(book, sort_keys=False)
