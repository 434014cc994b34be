"""The result of a drill by the twin, the stores and the disk; the run's own report is not believed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ir.core.errors import ExitCode
from ir.drill.embedded import leak_search
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.outcome_check import Witness
from ir.drill.embedded.result import ServiceRow
from ir.drill.embedded.sandbox import Folder
from ir.drill.embedded.service_processes import Counted
from ir.drill.embedded.stores import Shelf
from ir.drill.embedded.stripe_account import Account
from ir.drill.hosts.server import HostTwin
from ir.drill.twin import Key, Kind, Use


@dataclass(frozen=True)
class Scene:
    """Everything that is looked at after the run."""

    options: DrillOptions
    account: Account
    folder: Folder
    shelves: Sequence[Shelf]
    readers: dict[str, str]
    """Service → the reference of its store."""
    counted: dict[str, Counted]
    witness: Witness
    incident: str
    code: int
    output: bytes
    stand_ins: tuple[HostTwin, ...] = ()


def rows(scene: Scene) -> tuple[ServiceRow, ...]:
    """Payments per service, told apart by their idempotency keys."""
    by_order: dict[str, dict[str, list[Use]]] = {name: {} for name in scene.readers}
    for use in scene.account.twin.uses.select(lambda use: use.path == "/v1/payment_intents"):
        service, _, order = use.idempotency_key.rpartition("-")
        if service in by_order:
            by_order[service].setdefault(order, []).append(use)
    found = []
    for name, orders in by_order.items():
        paid = [use for uses in orders.values() for use in uses if use.status == 200]
        ok = sum(any(use.status == 200 for use in uses) for uses in orders.values())
        last = max(paid, key=lambda use: use.at).key_id if paid else ""
        found.append(ServiceRow(name, scene.readers[name], ok, len(orders) - ok, _called(scene, last)))
    return tuple(found)


def _called(scene: Scene, key_id: str) -> str:
    if not key_id:
        return "none"
    return f"{'leaked' if key_id == scene.account.leaked.id else 'new'} {scene.account.twin.key(key_id).token.fingerprint}"


def strays(scene: Scene) -> tuple[str, ...]:
    """Live keys of the account that are not in use: neither in a store, nor known from before."""
    held = {shelf.key() for shelf in scene.shelves}
    known = {scene.account.review.id, scene.account.bystander.id, scene.account.leaked.id}
    return tuple(key.id for key in scene.account.twin.live_keys() if key.id not in known and key.token.reveal() not in held)


def problems(scene: Scene, services: Sequence[ServiceRow]) -> Iterable[str]:
    """One sentence per promise that was not kept."""
    if scene.code != ExitCode.DONE:
        yield f"the run ended with exit code {scene.code} ({ExitCode(scene.code).meaning if scene.code in list(ExitCode) else 'unknown'})"
    yield from _keys(scene)
    yield from _stores(scene)
    yield from _services(scene, services)
    yield from _papers(scene)
    yield from (f"a key is in {place}" for place in leaked_places(scene))
    keys = [key.token.reveal() for key in secret_keys(scene.account)]
    yield from (f"a key is in a request where it must not be: {place}" for host in scene.stand_ins for place in host.told(keys))


def _keys(scene: Scene) -> Iterable[str]:
    twin, account = scene.account.twin, scene.account
    if twin.is_alive(account.leaked):
        yield "the leaked key is alive"
    elif scene.witness.dead is None:
        yield "the leaked key was never seen refused"
    if scene.witness.contained is None:
        yield "strangers can still use the leaked key"
    for name, key in (
        ("a key that has nothing to do with it", account.bystander),
        ("the review key", account.review),
        ("the app's key", account.app),
    ):
        if not twin.is_alive(key):
            yield f"{name} was killed"
    for ident in strays(scene):
        yield f"stray key {ident}"


def _stores(scene: Scene) -> Iterable[str]:
    held = {shelf.ref: shelf.key() for shelf in scene.shelves}
    if len(set(held.values())) > 1:
        yield "the stores do not hold the same key"
    alive = {key.token.reveal() for key in scene.account.twin.live_keys()}
    for shelf in scene.shelves:
        if held[shelf.ref] == scene.account.leaked.token.reveal():
            yield f"{shelf.ref} holds the leaked key"
        elif held[shelf.ref] not in alive:
            yield f"{shelf.ref} holds a key that does not work"
        if disturbed := shelf.disturbed():
            yield f"{shelf.ref}: {disturbed}"


def _services(scene: Scene, services: Sequence[ServiceRow]) -> Iterable[str]:
    for row in services:
        own = scene.counted[row.name]
        if (own.ok, own.failed) != (row.ok, row.failed):
            yield f"{row.name} counted {own.ok} paid and {own.failed} failed, the twin {row.ok} and {row.failed}"
        if not row.key.startswith("new"):
            yield f"the last payment of {row.name} went out with: {row.key}"
        if scene.options.overlap and row.failed and not (scene.options.forgets and row.name == next(iter(scene.readers))):
            yield f"{row.failed} payments of {row.name} failed"


def _papers(scene: Scene) -> Iterable[str]:
    bundle = scene.folder.state / "incidents" / scene.incident
    for suffix in (".html", ".md", ".json"):
        if not any(path.stat().st_size for path in bundle.glob(f"*{suffix}")):
            yield f"there is no {suffix} report"
    expected = {"payments.env", "tool.env"}
    left = sorted(path.name for path in scene.folder.stores.iterdir() if path.name not in expected)
    if left and scene.code == ExitCode.DONE:
        yield f"custody was not ended: {', '.join(left)} is beside the env file"


def leaked_places(scene: Scene) -> list[str]:
    """Where a key stands that must not stand there: files, the screen, process table and environments."""
    planted = [key.token.reveal() for key in secret_keys(scene.account)]
    spared = (scene.folder.stores, scene.folder.keys)
    shown = [("the screen", scene.output), *(("the process table", data) for data in scene.witness.seen)]
    return leak_search.search(planted, [*shown, *leak_search.files(scene.folder.root, spared)])


def secret_keys(account: Account) -> list[Key]:
    """Every key of the drill that must not be seen, dead ones included."""
    return [key for key in account.twin.all_keys() if key.kind is not Kind.PUBLISHABLE]
