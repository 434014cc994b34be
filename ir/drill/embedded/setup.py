"""Build what a drill needs before its run: account, filled stores, services to start, and their files."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ir.core.wording import counted
from ir.drill.embedded import inventory_file, sandbox
from ir.drill.embedded import stripe_account as accounts
from ir.drill.embedded.hosted import Hosted
from ir.drill.embedded.inventory_file import Listed, Owned
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.sandbox import Folder, Servers
from ir.drill.embedded.service import ServiceSettings
from ir.drill.embedded.service_processes import Fleet
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.embedded.stores import Shelf, write_private
from ir.drill.embedded.stripe_account import Account
from ir.drill.hosts.server import HostTwin
from ir.drill.twin import StripeTwin

NAMES = (
    "checkout",
    "billing",
    "storefront",
    "invoicing",
    "donations",
    "tickets",
    "renewals",
    "kiosk",
    "returns",
    "deposits",
    "tips",
    "events",
)
_PAYMENTS_PER_SECOND = 10.0
"""Of all services together; the twin allows 25 requests a second, and the run needs some."""


@dataclass(frozen=True)
class World:
    """A drill's world, without its servers.

    Attributes:
        env: environment of every process; holds no key.
        readers: service → the reference of the store that it reads.
    """

    options: DrillOptions
    folder: Folder
    env: dict[str, str]
    account: Account
    shelves: list[Shelf]
    readers: dict[str, str]
    hosts: tuple[Hosted, ...] = ()
    stand_ins: tuple[HostTwin, ...] = ()

    def host_of(self, service: str) -> Hosted | None:
        """The host that a service runs at, None: it reads its store itself."""
        return next((host for host in self.hosts if host.ref == self.readers[service]), None)


def build(options: DrillOptions, folder: Folder, running: Servers, twin: StripeTwin, clock: BentClock) -> World:
    """Open the account and put the leaked key into every store; names and order follow from the seed."""
    rng = Random(options.seed)  # noqa: S311 - repeatable, nothing secret
    names = [*rng.sample(NAMES, min(options.services, len(NAMES))), *(f"service-{n}" for n in range(len(NAMES), options.services))]
    account = accounts.open_account(twin, clock, options, names, folder.logs / "egress-past.jsonl")
    shelves = running.shelves(folder)
    rng.shuffle(shelves)
    for shelf in shelves:
        shelf.fill(account.leaked.token.reveal())
    keys = {"STRIPE_REVIEW_KEY": account.review, "STRIPE_APP_KEY": account.app}
    write_private(folder.stores / "tool.env", "".join(f"{name}={key.token.reveal()}\n" for name, key in keys.items()))
    readers = {name: shelves[number % len(shelves)].ref for number, name in enumerate(names)}
    made = World(options, folder, sandbox.environment(folder, running), account, shelves, readers, running.hosts, running.stand_ins)
    for name in names:
        if host := made.host_of(name):
            host.deploy(name)
    return made


def settings(world: World) -> list[ServiceSettings]:
    """What each service is told; together they stay well under the twin's rate limits."""
    interval = max(0.25, len(world.readers) / _PAYMENTS_PER_SECOND)
    return [
        ServiceSettings(
            name=name,
            store=store,
            base=str(world.folder.root),
            api=world.account.twin.url,
            egress=str(world.folder.logs / f"egress-{name}.jsonl"),
            interval=interval,
            seed=f"{world.options.seed} {name}",
            runtime=f"{host.twin.address}/_runtime/{name}" if (host := world.host_of(name)) else "",
        )
        for name, store in world.readers.items()
    ]


def write_papers(world: World, fleet: Fleet) -> list[str]:
    """Write inventory and playbook; returns the options that name them."""
    root, options = world.folder.root, world.options
    listed = [
        Listed(
            name,
            store,
            fleet.ports[name],
            fleet.pids[name] if number % 2 else None,
            host.reload(name) if (host := world.host_of(name)) else None,
        )
        for number, (name, store) in enumerate(world.readers.items())
    ]
    owned = Owned(
        id=world.account.twin.account,
        api_base=world.account.twin.url,
        review_key="dotenv://./stores/tool.env#STRIPE_REVIEW_KEY",
        app_key="dotenv://./stores/tool.env#STRIPE_APP_KEY",
        egress=str(world.folder.logs / "egress-*.jsonl"),
    )
    stores = [shelf.ref for shelf in world.shelves]
    (root / "inventory.yaml").write_text(
        inventory_file.inventory(options, owned, stores, listed, [host.row for host in world.hosts]), encoding="utf-8"
    )
    named = ["--inventory", "inventory.yaml", "--policy", options.policy.value]
    if options.waits is not None:
        (root / "playbook.yaml").write_text(inventory_file.playbook(options.policy, options.waits), encoding="utf-8")
        named += ["--playbook", "./playbook.yaml"]
    return named


def announce(world: World, say: Callable[[str], None]) -> None:
    """Say what is about to be rehearsed."""
    options = world.options
    issuer = "managed (keys by API)" if options.managed else "dashboard (a human clicks)"
    services = counted(len(world.readers), "service")
    say(f"drill, seed {options.seed}: {services}, policy {options.policy.value}, {options.mode.value} mode, {issuer}")
    for shelf in world.shelves:
        users = ", ".join(name for name, store in world.readers.items() if store == shelf.ref)
        say(f"  {shelf.ref} ← {users or 'no service reads it'}")
    if options.dead_on_arrival:
        say("  Stripe has found the leaked key in public and deactivated it already")
    if options.waits is not None:
        say(f"  waits are shorter than shipped: {options.waits.said(options.policy)} (--real-time: as shipped)")
