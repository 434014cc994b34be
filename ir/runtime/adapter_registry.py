"""Turn references into stores and values, and hosts into logins. A vendor's adapter is loaded when it is first named."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ir.clients.host_api import Login
from ir.core.errors import IrError, Missing, Rejected
from ir.core.key_search import SearchResult
from ir.core.place import Place
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.inventory import Inventory
from ir.inventory.host_rows import HOSTS
from ir.inventory.proposed_services import Reader
from ir.ports import Lister, Operator, Store


def load(table: dict[str, str], name: str) -> Any:
    """The class that a lazy table names."""
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)


def store(ref: Reference, source: Inventory, operator: Operator, base: Path) -> Store:
    """The adapter for a reference; `base` is the folder of the inventory file."""
    from ir.adapters.stores import STORES

    made = load(STORES, ref.scheme)
    extra = _reached(ref.scheme, ref.host, source, operator, base)
    if ref.scheme == "manual":
        extra["operator"] = operator
    elif ref.scheme == "command":
        command = next(c for c in source.commands if c.name == ref.path)
        extra.update(read=command.read, write=command.write, check=command.check, env=command.env)
    return cast(Store, made(ref, **extra))


def lister(place: Place, source: Inventory | None, operator: Operator, base: Path) -> Lister:
    """What tells the names of all that lies at a place; `source` None: hosts are reached at their own address, with their tools' login.

    Raises:
        Rejected: nothing can list such a place.
    """
    from ir.adapters.stores import LISTERS

    if place.scheme not in LISTERS:
        raise Rejected(f"what lies at {place} cannot be listed: no program can look there")
    return cast(Lister, load(LISTERS, place.scheme)(**_reached(place.scheme, place.host, source, operator, base)))


def readers(place: Place, source: Inventory | None, operator: Operator, base: Path) -> tuple[list[Reader], list[str]]:
    """Programs that read what lies at a place, where its host tells, and what of that could not be looked at."""
    from ir.adapters.stores import READERS

    if place.scheme not in READERS:
        return [], []
    look = load(READERS, place.scheme)
    return cast(tuple[list[Reader], list[str]], look(place, **_reached(place.scheme, place.host, source, operator, base)))


def current_context() -> str:
    """The context that `kubectl` would use, "" without any. Raises PortError when the kubeconfig cannot be read."""
    from ir.clients import kubeconfig

    return kubeconfig.current()


def _reached(scheme: str, host: str, source: Inventory | None, operator: Operator, base: Path) -> dict[str, object]:
    """How a place is reached, as an adapter wants to be told: the folder, addresses in the clear, or the login."""
    if scheme == "dotenv":
        return {"base": base}
    if scheme in ("aws-sm", "aws-ssm", "vault", "conjur"):
        return {"plain": tuple(source.plain_http) if source else ()}
    if scheme in HOSTS:
        return {"login": login(scheme, host, source, reference_resolver(source, operator, base)) if source else Login()}
    return {}


def login(host: str, context: str, source: Inventory, resolver: Callable[[str], Secret]) -> Login:
    """How a host is reached, as the inventory says."""
    row = source.host(host, context)
    if row is None:
        return Login()
    token = row.token
    return Login(
        api_base=row.api_base or "",
        token=None if token is None else lambda: resolver(str(token)),
        team=row.team,
        program=tuple(row.program or ()),
        env=tuple(row.env),
    )


def resolve(ref: Reference, source: Inventory, operator: Operator, base: Path) -> Secret:
    """The value behind a reference.

    Raises:
        Missing: there is nothing.
        PortError: it cannot be read.
    """
    value = store(ref, source, operator, base).read().value
    if value is None:
        raise Missing(f"{ref} is empty" if ref.promises.reads else f"{ref} cannot be read")
    return value


def look_through(scheme: str, place: str) -> SearchResult:
    """Search a whole store for values shaped like keys: a region, a mount or path, a folder. Raises PortError."""
    from ir.adapters.stores import FINDERS

    return cast(SearchResult, load(FINDERS, scheme)(place))


def reference_resolver(source: Inventory, operator: Operator, base: Path) -> Callable[[str], Secret]:
    """A function from references as text to their values, outside of an incident."""
    return lambda text: resolve(parse(text), source, operator, base)


def optional(ref: Reference | None, resolver: Callable[[str], Secret]) -> Secret | None:
    """The value, or None when there is no reference or it cannot be read now."""
    if ref is None:
        return None
    try:
        return resolver(str(ref))
    except IrError:
        return None
