"""Wire the objects of an incident from its settings. This room knows the engine and, through `adapter_registry`, the vendors."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, cast

from ir import inventory
from ir.adapters.stores import old_news
from ir.core import concurrency
from ir.core.model import Mode
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.custody import Custody, Escrow
from ir.incident.world_parts import Hooks, KeysAtHand, Lookups, Ports, Run
from ir.inventory import Inventory, Service, Verify, Webhook, consent
from ir.ports import Comparison, Deliveries, Issuer, Operator, Reloader, Reviewer, Store, Verifier
from ir.runtime import adapter_registry, issuer_adapters, service_adapters, surroundings, write_guard
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting
from ir.runtime.known_keys import KnownKeys
from ir.runtime.noted_store import Noted
from ir.runtime.notifications import Desk, Post
from ir.runtime.owning import Owning
from ir.runtime.same_value import OtherPlaces
from ir.runtime.signing_secrets import SignedWith
from ir.storage.notice_log import NoticeLog


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """See `ports.Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def world(
    setting: Setting,
    kept: State,
    operator: Operator,
    *,
    ask: write_guard.Ask,
    hooks: Hooks,
    run: Run,
    keys: KeysAtHand,
    control: Secret | None = None,
    handed: Mapping[str, Noted] | None = None,
) -> World:
    """Everything wired; `ask` is asked before every write. The builders, one for each mode, are in `worlds`.

    `handed`: stores by reference that were read just now, used as they are.
    """
    old_news.tell(hooks.say)
    wires = _Wires(setting, kept, operator, write_guard.Shared(ask), hooks.say, lambda: made, handed or {})
    made = World(
        incident=setting.incident,
        inventory=wires.source,
        account=wires.account,
        key=wires.key,
        plan=setting.plan,
        options=setting.options,
        ports=wires.ports(),
        lookups=wires.lookups(control),
        hooks=hooks,
        keys=keys,
        run=run,
    )
    return made


class _Wires:
    """What the parts of one world are made from. `made`: that world, called late, since some ports want it."""

    def __init__(
        self,
        setting: Setting,
        kept: State,
        operator: Operator,
        ask: write_guard.Ask,
        say: Callable[[str], None],
        made: Callable[[], World],
        handed: Mapping[str, Noted],
    ) -> None:
        from ir.clients.stripe_api import StripeApi

        self._setting, self._kept, self._operator, self._ask, self._say, self._made = setting, kept, operator, ask, say, made
        self.source = inventory.loads(setting.text, setting.name)
        self.key = self.source.key(setting.key)
        self.account = self.source.account(self.key.account)
        self._api = StripeApi(self.account.api_base, pace=kept.budget.pace(self.account.id, self.account.mode))
        self._resolver = resolver_of(setting, operator)
        self._clock, self._signed, self._alone = SystemClock(), SignedWith(made), setting.plan.key_alone
        # the key alone: it was not agreed that programs may run, or tokens be told, to read its stores
        places = [ref for ref in self.key.stored_in if not (self._alone and consent.reading(self.source, [ref]))]
        self._stores = {
            str(ref): handed.get(str(ref)) or Noted(adapter_registry.store(ref, self.source, operator, setting.base)) for ref in places
        }

    def ports(self) -> Ports:
        issuer, deliveries = self._provider()
        stores = {name: cast(Store, self._guarded(store, write_guard.STORE_WRITES)) for name, store in self._stores.items()}
        services = self.source.services_of(self.key.name)
        return Ports(
            issuer=cast(Issuer, self._guarded(issuer, write_guard.ISSUER_WRITES)),
            stores=stores,
            verifiers={service.name: self._verifiers(service) for service in services},
            reloaders={service.name: self._reloader(service) for service in services},
            custody=self._custody(stores),
            reviewer=_reviewer(self._api),
            operator=self._operator,
            clock=self._clock,
            deliveries=cast(Deliveries, self._guarded(deliveries, write_guard.DELIVERY_WRITES)) if deliveries is not None else None,
        )

    def lookups(self, control: Secret | None) -> Lookups:
        from ir.clients.stripe_api import account_of

        setting, source, key, review = self._setting, self.source, self.key, self.account.review_key
        elsewhere, lately = self._elsewhere()
        return Lookups(
            control_key=lambda: control or adapter_registry.optional(review, self._resolver),
            review_key=lambda: adapter_registry.optional(review, self._resolver),
            account_of=lambda secret: "" if isinstance(key, Webhook) else account_of(self._api, secret),  # a signing secret opens no API
            holder_of=KnownKeys(source, key, self._operator, setting.base, programs=not self._alone).holder_of,
            owners=Owning(source, setting.base).of,
            elsewhere=elsewhere,
            elsewhere_lately=lately,
            own_uses=partial(self._kept.own_uses.of, setting.incident),
            own_requests=lambda: tuple(self._api.request_ids),
            prepare=partial(_prepare, self._api),
        )

    def _elsewhere(self) -> tuple[Callable[[str], Comparison], Callable[[str], Comparison]]:
        """See `Lookups`."""
        options = self._setting.options
        own = {name: store for name, store in self._stores.items() if name not in options.accept_unreachable}
        if options.around:
            others = surroundings.of_process(self._kept.engine).others(options.around, self.key.name, self._operator, own, self._made)
            return others.compare, others.compare_lately
        alone = OtherPlaces(self.source, self.key, self._operator, self._setting.base, options.agreed, own)
        return alone.compare, alone.compare

    def _guarded(self, port: object, writes: tuple[str, ...]) -> write_guard.Guarded:
        return write_guard.Guarded(port, writes, self._ask)

    def _provider(self) -> tuple[Issuer, Deliveries | None]:
        key, account, app_key = self.key, self.account, self.account.app_key
        if isinstance(key, Webhook):
            means = issuer_adapters.Means(self._operator, self._clock, self._api, self._resolver)
            raw = issuer_adapters.webhook_issuer(key, account, self._setting.incident, means, self._signed)
            return raw, issuer_adapters.webhook_deliveries(key, account, means, self._signed)
        return issuer_adapters.issuer(account, self._operator, self._clock, self._api, lambda: self._resolver(str(app_key))), None

    def _verifiers(self, service: Service) -> list[Verifier]:
        live, dry = self.account.mode is Mode.LIVE, self._setting.options.dry_run
        signed = self._signed
        told = service_adapters.Incidental(self._last_used, signed.by_mark, signed.former, signed.given_up, live, dry)
        rows = [row for row in service.verify if self._allowed(row) and service_adapters.about(row, service, self.key)]
        return [service_adapters.verifier(row, self._resolver, told) for row in rows]

    def _allowed(self, row: Verify) -> bool:
        """What was not agreed to is left out; in a dry run also a user's command, unless it is declared `read_only`."""
        options = self._setting.options
        if options.dry_run and row.command and not row.read_only:
            return False
        return not (consent.of_check(self.source, row) & set(options.unagreed))

    def _last_used(self) -> float | None:
        """Of the replacement, by its id: identifying it by its value would be a use of its own."""
        made = self._made()
        facts = made.run.facts()
        new = facts.get("new", {})
        if not new.get("id"):
            return None
        row = made.ports.issuer.identify(made.new_key(facts), known_id=new["id"])
        return row.last_used if row else None

    def _reloader(self, service: Service) -> Reloader:
        reloader = service_adapters.reloader(service.reload, self.source, self._resolver, self._say)
        return cast(Reloader, self._guarded(reloader, write_guard.RELOADER_WRITES))

    def _custody(self, stores: Mapping[str, Store]) -> Custody:
        options = self._setting.options
        unagreed = set(options.unagreed)
        reachable = [
            store
            for name, store in stores.items()
            if name not in options.accept_unreachable and f"store {store.ref.object}" not in unagreed
        ]
        return Custody(self._setting.incident, reachable, concurrency.each, partial(_escrow, self._kept, self._ask))


def resolver_of(setting: Setting, operator: Operator) -> Callable[[str], Secret]:
    """References of an incident's inventory, as text, to their values."""
    return adapter_registry.reference_resolver(inventory.loads(setting.text, setting.name), operator, setting.base)


def desk(source: Inventory, kept: State, resolver: Callable[[str], Secret]) -> Desk:
    """The desk that sends this process's notices to the destinations of the inventory."""
    from ir.adapters.notifiers import NOTIFIERS

    made_of = adapter_registry.load(NOTIFIERS, "apprise")
    posts = [Post(str(row.to), frozenset(row.when), made_of(partial(resolver, str(row.to)))) for row in source.notify]
    return Desk(NoticeLog(kept.engine, kept.me.executor), posts)


def _escrow(kept: State, ask: write_guard.Ask, incident: str) -> Escrow:
    """The escrow on this machine; it makes nothing before it keeps something."""
    from ir.adapters.stores import STORES

    made = adapter_registry.load(STORES, "escrow")(kept.folder / "incidents" / incident / "escrow")
    return cast(Escrow, write_guard.Guarded(made, write_guard.STORE_WRITES, ask))


def _prepare(api: Any) -> None:
    """Load what the first call needs; then begin to load what the report needs: its step makes no call that could hide the time."""
    api.load()
    _ahead()


@cache
def _ahead() -> None:
    """Do it once in a process."""
    from ir import report

    concurrency.aside(report.load)


def _reviewer(api: Any) -> Reviewer:
    from ir.review import StripeReviewer

    return cast(Reviewer, StripeReviewer(api))
