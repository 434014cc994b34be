"""A company of many keys in the slow world: each in a secret of its own, three services use it, and nobody's key may die under him."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks.slow_world import SlowWorld
from ir import inventory as inventories
from ir.core.model import Json
from ir.drill.twin.keys import Key
from ir.fleet.campaign_child import Source

PERMISSIONS = ["payment_intent_write", "charge_read", "balance_read"]


def furnish(world: SlowWorld, keys: int) -> dict[str, Key]:
    """One new key per store; its services work with it."""
    made = {store: world.twin.create_secret_key(store) for store in world.stores[:keys]}
    for store, key in made.items():
        world.run(world.put(store, key.token.reveal()))
    used = {service: store for service, store in world.services.items() if store in made}
    world.holds = {service: _print(made[store]) for service, store in used.items()}
    world.calls.clear()
    return made


def source(world: SlowWorld, folder: Path, keys: Sequence[str]) -> Source:
    """An inventory of these keys, each with its three services, the first of them the canary."""
    account = {"name": "shop", "id": world.twin.account, "mode": "live", "issuer": "managed", "api_base": world.twin.url}
    where = {store: f"vault://secret/{world.secret(store)}#api_key" for store in keys}
    users: dict[str, list[str]] = {store: [] for store in keys}
    for service, store in world.services.items():
        if store in users:
            users[store].append(service)
    rows: Json = {
        "version": 1,
        "accounts": [{**account, "app_key": "dotenv://app.env#APP"}],
        "keys": [
            {"name": store, "account": "shop", "kind": "secret", "permissions": PERMISSIONS, "stored_in": [ref]}
            for store, ref in where.items()
        ],
        "services": [_service(world, name, store, ref=where[store], first=not n) for store in keys for n, name in enumerate(users[store])],
    }
    return Source(inventories.Inventory.model_validate(rows), "inventory.yaml", folder)


def _service(world: SlowWorld, name: str, key: str, *, ref: str, first: bool) -> Json:
    base = f"{world.service_base}/{name}"
    return {
        "name": name,
        "uses": [key],
        "reads_from": ref,
        "wave": "canary" if first else "main",
        "reload": {"http": f"{base}/reload"},
        "verify": [{"http": f"{base}/healthz", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}],
    }


class Outages:
    """Looks at every service again and again: does the key that it works with live? `seen`: services on a dead one."""

    def __init__(self, world: SlowWorld) -> None:
        self.world, self.seen, self._stop = world, set[str](), threading.Event()
        self._prints: dict[str, str] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Outages":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def living(self) -> set[str]:
        """Fingerprints of all keys that live now."""
        keys = self.world.twin.live_keys()
        self._prints |= {key.id: _print(key) for key in keys if key.id not in self._prints}
        return {self._prints[key.id] for key in keys}

    def _watch(self) -> None:
        while not self._stop.wait(0.25):
            holds = dict(self.world.holds)
            living = self.living()
            self.seen |= {name for name, held in holds.items() if held not in living and self.world.holds[name] == held}


def wrong(world: SlowWorld, made: dict[str, Key], app: Key, outages: Outages, incidents: int) -> list[str]:
    """What the world says of a finished campaign: each key rotated once, every service on a living one, all the time."""
    living = outages.living() - {_print(app)}
    alive = sum(world.twin.is_alive(key) for key in made.values())
    behind = sum(held not in living for held in world.holds.values())
    counts = {
        f"{incidents} incidents for {len(made)} keys": incidents != len(made),
        f"{alive} old keys live": alive,
        f"{len(living)} new keys live for {len(made)} keys": len(living) != len(made),
        f"{behind} services are on a dead key": behind,
        f"{len(outages.seen)} services were seen on a dead key meanwhile": outages.seen,
    }
    return [said for said, holds in counts.items() if holds]


def _print(key: Key) -> str:
    return hashlib.sha256(key.token.reveal().encode()).hexdigest()[:16]
