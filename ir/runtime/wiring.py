"""Settings to objects: the room that knows the engine, and through `adapter_registry` the vendors."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from ir import inventory
from ir.adapters.stores import old_news
from ir.core.model import Json, Mode
from ir.core.secret import Secret
from ir.evidence import files as evidence_files
from ir.evidence.checkpoints import Witness
from ir.incident import debts, standing
from ir.incident.context import World
from ir.incident.custody import Custody, Escrow
from ir.incident.record import Incident
from ir.inventory import Inventory, Verify, Webhook, consent
from ir.ports import Clock, Deliveries, Issuer, Operator, Reloader, Reviewer, Store
from ir.runtime import adapter_registry, write_guard
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting
from ir.runtime.known_keys import KnownKeys
from ir.runtime.notifications import Desk, Post
from ir.runtime.owning import Owning
from ir.runtime.publish import evidence_signer, publish
from ir.runtime.same_value import Noted, OtherPlaces
from ir.runtime.signing_secrets import SignedWith
from ir.storage import state_folder
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
    leaked: Secret | None = None,
    control: Secret | None = None,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> World:
    """Everything wired; `ask` is asked before every write."""
    ask = write_guard.Shared(ask)
    from ir.clients.stripe_api import StripeApi, account_of

    old_news.tell(say)
    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    account = source.account(key.account)
    ticking = clock or SystemClock()
    api = StripeApi(account.api_base, pace=kept.budget.pace(account.id, account.mode))

    resolver = adapter_registry.reference_resolver(source, operator, setting.base)
    signed = SignedWith(lambda: made)
    webhook = isinstance(key, Webhook)
    deliveries: Deliveries | None = None
    if isinstance(key, Webhook):
        means = adapter_registry.Means(operator, ticking, api, resolver)
        raw = adapter_registry.webhook_issuer(key, account, setting.incident, means, signed)
        seen = adapter_registry.webhook_deliveries(key, account, means, signed)
        deliveries = cast(Deliveries, write_guard.Guarded(seen, write_guard.DELIVERY_WRITES, ask))
    else:
        raw = adapter_registry.issuer(account, operator, ticking, api, lambda: resolver(str(account.app_key)))
    alone = setting.plan.key_alone  # nobody was asked whether programs may run, or tokens be told, to read its stores
    places = [ref for ref in key.stored_in if not (alone and consent.reading(source, [ref]))]
    stores = {str(ref): Noted(adapter_registry.store(ref, source, operator, setting.base)) for ref in places}
    folder = kept.bundle(setting.incident)
    made = World(
        incident=setting.incident,
        inventory=source,
        account=account,
        key=key,
        plan=setting.plan,
        options=setting.options,
        issuer=cast(Issuer, write_guard.Guarded(raw, write_guard.ISSUER_WRITES, ask)),
        stores={name: cast(Store, write_guard.Guarded(s, write_guard.STORE_WRITES, ask)) for name, s in stores.items()},
        verifiers={},
        reloaders={},
        custody=Custody(setting.incident, []),
        reviewer=_reviewer(api),
        operator=operator,
        clock=ticking,
        leaked=leaked,
        control_key=lambda: control or adapter_registry.optional(account.review_key, resolver),
        review_key=lambda: adapter_registry.optional(account.review_key, resolver),
        say=say,
        own_requests=lambda: tuple(api.request_ids),
        prepare=api.load,
        account_of=lambda secret: "" if webhook else account_of(api, secret),  # a signing secret opens no API
        deliveries=deliveries,
        scratch=str(state_folder.private(folder / "scratch")),
    )
    made.holder_of = KnownKeys(source, key, operator, setting.base, programs=not alone).holder_of
    own = {name: store for name, store in stores.items() if name not in made.options.accept_unreachable}
    made.owners = Owning(source, setting.base).of
    made.elsewhere = OtherPlaces(source, key, operator, setting.base, made.options.agreed, own).compare
    _wire_services(made, resolver, ask, signed)
    unagreed = set(made.options.unagreed)
    reachable = [
        store
        for name, store in made.stores.items()
        if name not in made.options.accept_unreachable and f"store {store.ref.object}" not in unagreed
    ]
    made.custody = Custody(setting.incident, reachable, made.each, partial(_escrow, kept, ask))
    signer = cache(lambda: evidence_signer(kept, source, resolver, say))
    made.publish = lambda record: publish(kept, record, signer, say)
    if made.inventory.notify and not made.options.dry_run and not made.options.drill:  # nobody is told of a rehearsal or a drill
        told = desk(made.inventory, kept, resolver)
        made.announce, made.announce_of_many = told.announce, told.announce_of_many
    if not made.options.dry_run:
        made.keep = partial(_keep, folder / "evidence")
        made.witness = Witness(kept.checkpoints, signer, say)
    return made


def _keep(folder: Path, files: Sequence[str], inputs: Sequence[str]) -> Json:
    """A disk that is full costs the copies, not the review: then it is said that nothing was kept."""
    read = evidence_files.digests(map(Path, inputs))
    try:
        return {"files": evidence_files.keep(((Path(file).name, Path(file)) for file in files), folder), "inputs": read}
    except OSError as error:
        return {"files": [], "inputs": read, "not_kept": type(error).__name__}


def desk(source: Inventory, kept: State, resolver: Callable[[str], Secret]) -> Desk:
    """Where notices of this process go out, to whom the inventory names."""
    from ir.adapters.notifiers import NOTIFIERS

    made_of = adapter_registry.load(NOTIFIERS, "apprise")
    posts = [Post(str(row.to), frozenset(row.when), made_of(partial(resolver, str(row.to)))) for row in source.notify]
    return Desk(NoticeLog(kept.ledger.engine, kept.me.executor), posts)


def _wire_services(made: World, resolver: Callable[[str], Secret], ask: write_guard.Ask, signed: SignedWith) -> None:
    def last_used() -> float | None:
        """Of the replacement, by its id: identifying it by its value would be a use of its own."""
        new = made.facts().get("new", {})
        if not new.get("id"):
            return None
        row = made.issuer.identify(made.new_key(made.facts()), known_id=new["id"])
        return row.last_used if row else None

    live, dry = made.mode is Mode.LIVE, made.options.dry_run
    told = adapter_registry.Incidental(last_used, signed.by_mark, signed.former, signed.given_up, live, dry)
    for service in made.services:
        rows = [row for row in service.verify if _allowed(row, made) and adapter_registry.about(row, service, made.key)]
        made.verifiers[service.name] = [adapter_registry.verifier(row, resolver, told) for row in rows]
        reloader = adapter_registry.reloader(service.reload, made.inventory, resolver, made.say)
        made.reloaders[service.name] = cast(Reloader, write_guard.Guarded(reloader, write_guard.RELOADER_WRITES, ask))


def _allowed(row: Verify, made: World) -> bool:
    """What was not agreed to is left out; in a dry run also a user's command, unless it is declared `read_only`."""
    if made.options.dry_run and row.command and not row.read_only:
        return False
    return not (consent.of_check(made.inventory, row) & set(made.options.unagreed))


def _escrow(kept: State, ask: write_guard.Ask, incident: str) -> Escrow:
    """On this machine; nothing is made before something is kept."""
    from ir.adapters.stores import STORES

    made = adapter_registry.load(STORES, "escrow")(kept.folder / "incidents" / incident / "escrow")
    return cast(Escrow, write_guard.Guarded(made, write_guard.STORE_WRITES, ask))


def _reviewer(api: Any) -> Reviewer:
    from ir.review import StripeReviewer

    return cast(Reviewer, StripeReviewer(api))


def summary(record: Incident, places: set[str]) -> Json:
    """The index row's secret-free summary."""
    facts = record.facts
    return {
        "key": record.opened.get("key", ""),
        "policy": record.plan.get("policy", ""),
        "rehearsal": record.rehearsal,
        "drill": bool(record.opened.get("options", {}).get("drill")),
        "old": facts.get("old", {}).get("fingerprint", ""),
        "new": facts.get("new", {}).get("fingerprint", ""),
        "debts": [asdict(debt) for debt in record.debts.values()],
        "took_over": sorted(facts.get("took_over", {})),
        "custody": debts.custody(record),
        "destinations": sorted(places),
        "actor": record.actor,
        "step": record.runs[-1].id if record.runs else "",
        "said": record.runs[-1].outcome.said if record.runs else "",
        "account": facts.get("old", {}).get("account", ""),
        "heard": record.heard,
        **standing.told(record),
        "removal": facts.get("removal", {}) if not facts.get("removed_at") else {},
        "wake_at": record.runs[-1].outcome.facts.get("wake_at", 0.0) if record.runs and record.status == "waiting" else 0.0,
    }
