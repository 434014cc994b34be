"""Turn names into classes and references into values. It loads each vendor's adapter when it is first named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ir.clients.host_api import Login
from ir.core.errors import IrError, Missing, Rejected
from ir.core.key_search import SearchResult
from ir.core.model import Mode
from ir.core.place import Place
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.inventory import Account, Inventory, Key, Reload, Service, Verify, Webhook
from ir.inventory.host_rows import HOSTS
from ir.inventory.proposed_services import Reader
from ir.ports import Clock, Deliveries, Issuer, Lister, Operator, Reloader, Store, Verifier
from ir.runtime.signing_secrets import SignedWith


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


@dataclass(frozen=True)
class Means:
    """The parts that an issuer works with."""

    operator: Operator
    clock: Clock
    api: Any
    resolve: Callable[[str], Secret]


def issuer(account: Account, operator: Operator, clock: Clock, api: Any, app_key: Callable[[], Secret]) -> Issuer:
    """The issuer of an account: managed, with the guided Dashboard as its fallback, or the Dashboard."""
    from ir.adapters.issuers import ISSUERS

    rows = None
    if account.app_key is not None:
        from ir.adapters.issuers.row_identity import rows_of

        rows = rows_of(api, account.id, app_key, clock)
    dashboard = load(ISSUERS, "dashboard")(api, account.id, account.mode, operator, clock, rows=rows)
    if account.issuer == "dashboard":
        return cast(Issuer, dashboard)
    return cast(Issuer, load(ISSUERS, "managed")(api, account.id, account.mode, app_key, clock, fallback=dashboard))


def webhook_issuer(row: Webhook, account: Account, incident: str, with_: Means, signed: SignedWith) -> Issuer:
    """The issuer of a webhook: a second endpoint by API, or the guided roll."""
    from ir.adapters.issuers import WEBHOOK_ISSUERS
    from ir.adapters.issuers.webhook_endpoints import Endpoints
    from ir.adapters.issuers.webhook_use import WebhookServices

    made, uses = load(WEBHOOK_ISSUERS, row.roll), WebhookServices(signed.accepted, signed.other, signed.facts)
    if row.roll == "dashboard":
        return cast(Issuer, made(row.url, row.id, account.mode, with_.operator, with_.clock, uses))
    endpoints = Endpoints(with_.api, lambda: with_.resolve(str(row.api_key)))
    about = {"incident": incident, "url": row.url, "endpoint": row.id, "connect": bool(row.connect)}
    return cast(Issuer, made(endpoints, uses, account.mode, with_.clock, **about))


def webhook_deliveries(row: Webhook, account: Account, with_: Means, signed: SignedWith) -> Deliveries:
    """Stripe's record of its deliveries, read with the webhook's own key or the account's read-only one."""
    from ir.adapters.issuers.webhook_deliveries import Hook, StripeDeliveries
    from ir.adapters.issuers.webhook_use import WebhookServices

    def keys() -> list[Secret]:
        found = (optional(ref, with_.resolve) for ref in (row.api_key, account.review_key))
        return [key for key in found if key is not None]

    hook = Hook(row.url, row.id, account.mode, row.connect, row.roll == "second-endpoint")
    uses = WebhookServices(signed.accepted, signed.other, signed.facts)
    return StripeDeliveries(with_.api, keys, hook, uses, signed.send, signed.processed, lambda: with_.clock.now().timestamp())


@dataclass(frozen=True)
class Incidental:
    """What a check learns of its incident: when the new key was last used, and the secrets to sign test events with.

    Attributes:
        by_mark, former, given_up: see `verifiers.webhook.Secrets`.
        refusals_only: a test event must be one that has to be refused (dry run).
    """

    last_used: Callable[[], float | None] = lambda: None
    by_mark: Callable[[str], Secret | None] = lambda _mark: None
    former: Callable[[], Secret | None] = lambda: None
    given_up: Callable[[], Secret | None] = lambda: None
    live: bool = True
    refusals_only: bool = False


def verifier(row: Verify, resolver: Callable[[str], Secret], told: Incidental) -> Verifier:
    """The adapter for one check of one service."""
    from ir.adapters.verifiers import VERIFIERS

    if row.http:
        made = load(VERIFIERS, "http")(
            url=row.http,
            proves=row.proven,
            status=row.expect.status,
            json=row.expect.json_,
            instances=row.instances,
            instance_json=row.instance_from.json_ if row.instance_from else "",
            instance_header=row.instance_from.header if row.instance_from else "",
            headers={name: str(ref) for name, ref in row.headers.items()},
            resolve=resolver,
            timeout=row.timeout,
        )
    elif row.webhook:
        made = _webhook_verifier(row, resolver, told)
    elif row.command:
        made = load(VERIFIERS, "command")(argv=row.command, proves=row.proven, read_only=row.read_only, env=row.env, timeout=row.timeout)
    else:
        made = load(VERIFIERS, "stripe_usage")(proves=row.proven, last_used=told.last_used)
    return cast(Verifier, made)


def _webhook_verifier(row: Verify, resolver: Callable[[str], Secret], told: Incidental) -> Verifier:
    from ir.adapters.verifiers import VERIFIERS
    from ir.adapters.verifiers.webhook import EventKind, SigningSecrets

    made = load(VERIFIERS, "webhook")(
        url=row.webhook,
        signed_with=SigningSecrets(told.by_mark, told.former, told.given_up),
        event=EventKind(row.event, told.live),
        both=row.both,
        refusals_only=told.refusals_only and not row.read_only,
        processed=row.processed or "",
        instances=row.instances,
        instance_json=row.instance_from.json_ if row.instance_from else "",
        instance_header=row.instance_from.header if row.instance_from else "",
        headers={name: str(ref) for name, ref in row.headers.items()},
        resolve=resolver,
        timeout=row.timeout,
    )
    return cast(Verifier, made)


def verifiers(
    service: Service, source: Inventory, operator: Operator, base: Path, key: Key, values: Mapping[str, Secret]
) -> list[Verifier]:
    """The checks of a service about one key that may run outside of an incident: commands and test events only if `read_only`.

    `values` is fingerprint → value, of what the key's stores hold; test events are signed with them.
    """
    resolver = reference_resolver(source, operator, base)
    rows = [row for row in service.verify if not row.stripe_usage and (row.read_only or not (row.command or row.webhook))]
    told = Incidental(by_mark=values.get, live=source.account(key.account).mode is Mode.LIVE)
    return [verifier(row, resolver, told) for row in rows if about(row, service, key)]


def look_through(scheme: str, place: str) -> SearchResult:
    """Search a whole store for values shaped like keys: a region, a mount or path, a folder. Raises PortError."""
    from ir.adapters.stores import FINDERS

    return cast(SearchResult, load(FINDERS, scheme)(place))


def reloader(
    row: Reload, source: Inventory, resolver: Callable[[str], Secret], say: Callable[[str], None] = lambda _text: None
) -> Reloader:
    """The adapter that makes a service take up the current key; `say` is told the progress."""
    from ir.adapters.reloaders import RELOADERS

    if row.http:
        headers = {name: str(ref) for name, ref in row.headers.items()}
        return cast(Reloader, load(RELOADERS, "http")(url=row.http, headers=headers, resolve=resolver, timeout=row.timeout))
    if row.command:
        return cast(Reloader, load(RELOADERS, "command")(argv=row.command, env=row.env, timeout=row.timeout))
    if row.rollout:
        made, (kind, name) = load(RELOADERS, "rollout"), row.rollout.workload
        about = {"namespace": row.rollout.namespace, "kind": kind, "name": name, "external_secret": row.rollout.external_secret or ""}
        asked = login("k8s", row.rollout.context, source, resolver)
        return cast(Reloader, made(context=row.rollout.context, **about, login=asked, timeout=row.patience, say=say))
    if row.vercel:
        at = login("vercel", "", source, resolver)
        made = load(RELOADERS, "vercel")
        return cast(Reloader, made(project=row.vercel.project, target=row.vercel.target, login=at, timeout=row.patience, say=say))
    return _Polls()


class _Polls:
    """A service that takes up a new key by itself."""

    def ready(self) -> None:
        """Always ready: nothing is asked of the service."""

    def reload(self) -> str:
        """Do nothing: the service looks by itself."""
        return "it polls its store"


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


def about(row: Verify, service: Service, key: Key) -> bool:
    """Which key a check is about, where its service uses both an API key and a webhook."""
    if not isinstance(key, Webhook):
        return row.webhook is None
    return bool(row.webhook) or row.proven == "up" or len(service.uses) == 1
