"""Names to classes, settings to objects: the only room that knows both the engine and the vendors."""

import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from ir import checkpoints, evidence_files, guard, home, inventory, ledger
from ir.checkpoints import CheckpointLog, Signer, Witness
from ir.custody import Custody, Escrow
from ir.errors import IrError, Missing, PortError, Unknown
from ir.evidence_check import Broken, read_checkpoint
from ir.finds import Looked
from ir.incident import Incident
from ir.inventory import Account, Inventory, Key, Reload, Service, Verify, Webhook
from ir.ledger import Me
from ir.model import Json, Mode
from ir.notice_log import NoticeLog
from ir.notices import Desk, Post
from ir.plan import Plan, plan_from_json
from ir.ports import Clock, Issuer, Operator, Reloader, Reviewer, Store, Verifier
from ir.reference import Reference
from ir.secret import Secret
from ir.signed_with import SignedWith
from ir.world import Options, World


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


def load(table: dict[str, str], name: str) -> Any:
    """The class that a lazy table names."""
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)


def actor() -> str:
    """Who runs this: user and host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid-{os.getuid()}@{socket.gethostname()}"


# ── state ──


@dataclass
class State:
    """The tool's own state: folder, database, tables."""

    folder: Path
    ledger: ledger.Ledger
    me: Me

    @cached_property
    def checkpoints(self) -> CheckpointLog:
        """What was signed, of all incidents."""
        return CheckpointLog(self.ledger.engine)

    def bundle(self, incident: str) -> Path:
        """Where the report and the evidence of an incident lie."""
        return home.private(home.private(self.folder / "incidents") / incident)


def state() -> State:
    """Open it; SQLite in the state folder, or the database that `IR_DATABASE_URL` names."""
    folder = home.folder()
    url = os.environ.get("IR_DATABASE_URL") or f"sqlite:///{folder / 'ir.sqlite'}"
    return State(folder, ledger.Ledger(ledger.open_engine(database(url))), ledger.me(actor()))


def database(url: str) -> str:
    """The address as SQLAlchemy wants it: PostgreSQL by psycopg 3, everything else as it stands."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


# ── ports ──


def store(ref: Reference, source: Inventory, operator: Operator, base: Path) -> Store:
    """The adapter for a reference; `base` is the folder of the inventory file."""
    from ir.stores import STORES

    made = load(STORES, ref.scheme)
    extra: dict[str, object] = {}
    if ref.scheme == "dotenv":
        extra["base"] = base
    elif ref.scheme == "manual":
        extra["operator"] = operator
    elif ref.scheme == "command":
        command = next(c for c in source.commands if c.name == ref.path)
        extra.update(read=command.read, write=command.write, check=command.check, env=command.env)
    return cast(Store, made(ref, **extra))


def resolve(ref: Reference, source: Inventory, operator: Operator, base: Path) -> Secret:
    """The value behind a reference.

    Raises:
        Missing: there is nothing.
        PortError: it cannot be read.
    """
    value = store(ref, source, operator, base).read().value
    if value is None:
        raise Missing(f"{ref} is empty")
    return value


@dataclass(frozen=True)
class Means:
    """What an issuer works with."""

    operator: Operator
    clock: Clock
    api: Any
    resolve: Callable[[str], Secret]


def issuer(account: Account, operator: Operator, clock: Clock, api: Any, app_key: Callable[[], Secret], *, replaces: bool) -> Issuer:
    """Managed, with the guided Dashboard as its fallback, or the Dashboard; `replaces`: whether another key is wanted."""
    from ir.issuers import ISSUERS

    dashboard = load(ISSUERS, "dashboard")(api, account.id, account.mode, operator, clock, replaces=replaces)
    if account.issuer == "dashboard":
        return cast(Issuer, dashboard)
    return cast(Issuer, load(ISSUERS, "managed")(api, account.id, account.mode, app_key, clock, fallback=dashboard))


def webhook_issuer(row: Webhook, account: Account, incident: str, with_: Means, signed: SignedWith) -> Issuer:
    """A second endpoint by API, or the guided roll."""
    from ir.issuers import WEBHOOK_ISSUERS
    from ir.issuers.webhook_endpoints import Endpoints
    from ir.issuers.webhook_use import Uses

    made, uses = load(WEBHOOK_ISSUERS, row.roll), Uses(signed.accepted, signed.other, signed.facts)
    if row.roll == "dashboard":
        return cast(Issuer, made(row.url, row.id, account.mode, with_.operator, with_.clock, uses))
    endpoints = Endpoints(with_.api, lambda: with_.resolve(str(row.api_key)))
    about = {"incident": incident, "url": row.url, "endpoint": row.id, "connect": row.connect}
    return cast(Issuer, made(endpoints, uses, account.mode, with_.clock, **about))


@dataclass(frozen=True)
class Incidental:
    """What a check is told of its incident: when the new key was last used, and the secrets to sign test events with.

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


def _verifier(row: Verify, resolver: Callable[[str], Secret], told: Incidental) -> Verifier:
    from ir.verifiers import VERIFIERS

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
    from ir.verifiers import VERIFIERS
    from ir.verifiers.webhook import Secrets

    made = load(VERIFIERS, "webhook")(
        url=row.webhook,
        signed_with=Secrets(told.by_mark, told.former, told.given_up),
        event=row.event,
        live=told.live,
        both=row.both,
        refusals_only=told.refusals_only and not row.read_only,
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
    return [_verifier(row, resolver, told) for row in rows if _about(row, service, key)]


def look_through(scheme: str, place: str) -> Looked:
    """What a whole store holds that is shaped like a key: a region, a mount or path, a folder. Raises PortError."""
    from ir.stores import FINDERS

    return cast(Looked, load(FINDERS, scheme)(place))


def keepers(ref: Reference) -> tuple[str, ...]:
    """Who else writes a place; nothing where that cannot be told."""
    from ir.stores import KEEPERS

    try:
        return cast(tuple[str, ...], load(KEEPERS, ref.scheme)(ref)) if ref.scheme in KEEPERS else ()
    except PortError:
        return ()


def _reloader(row: Reload, resolver: Callable[[str], Secret]) -> Reloader:
    from ir.reloaders import RELOADERS

    if row.http:
        headers = {name: str(ref) for name, ref in row.headers.items()}
        return cast(Reloader, load(RELOADERS, "http")(url=row.http, headers=headers, resolve=resolver, timeout=row.timeout))
    if row.command:
        return cast(Reloader, load(RELOADERS, "command")(argv=row.command, env=row.env, timeout=row.timeout))
    return _Polls()


class _Polls:
    """A service that takes up a new key by itself."""

    def reload(self) -> str:
        """Nothing to do but wait."""
        return "it polls its store"


# ── the world of one incident ──


@dataclass
class Setting:
    """What an incident is wired from; all of it stands in the opening entry, except `leaked` and the people.

    Attributes:
        text: the inventory as text, snapshotted.
        base: the folder that relative paths are relative to.
    """

    incident: str
    text: str
    name: str
    base: Path
    key: str
    plan: Plan
    options: Options


def opening(setting: Setting, at: str, who: str, facts: Json) -> Json:
    """The first audit entry's body."""
    from ir import __version__

    return {
        "at": at,
        "actor": who,
        "version": __version__,
        "plan": setting.plan.to_json(),
        "plan_hash": setting.plan.hash,
        "options": asdict(setting.options),
        "inventory": setting.text,
        "inventory_name": setting.name,
        "inventory_base": str(setting.base),
        "inventory_sha256": inventory.digest(setting.text),
        "key": setting.key,
        "facts": facts,
    }


def setting_from(incident: str, body: Json) -> Setting:
    """Inverse of `opening`, for a resumed incident."""
    return Setting(
        incident,
        body["inventory"],
        body["inventory_name"],
        Path(body["inventory_base"]),
        body["key"],
        plan_from_json(body["plan"]),
        Options(**body["options"]),
    )


def world(
    setting: Setting,
    kept: State,
    operator: Operator,
    *,
    ask: guard.Ask,
    leaked: Secret | None = None,
    control: Secret | None = None,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> World:
    """Everything wired; `ask` is asked before every write."""
    ask = guard.Shared(ask)
    from ir.stripe_api import StripeApi, account_of

    source = inventory.loads(setting.text, setting.name)
    key = source.key(setting.key)
    account = source.account(key.account)
    ticking = clock or SystemClock()
    api = StripeApi(account.api_base)

    resolver = reference_resolver(source, operator, setting.base)
    signed = SignedWith(lambda: made)
    webhook = isinstance(key, Webhook)
    if isinstance(key, Webhook):
        raw = webhook_issuer(key, account, setting.incident, Means(operator, ticking, api, resolver), signed)
    else:
        raw = issuer(account, operator, ticking, api, lambda: resolver(str(account.app_key)), replaces=not setting.options.no_replacement)
    stores = {str(ref): store(ref, source, operator, setting.base) for ref in key.stored_in}
    folder = kept.bundle(setting.incident)
    made = World(
        incident=setting.incident,
        inventory=source,
        account=account,
        key=key,
        plan=setting.plan,
        options=setting.options,
        issuer=cast(Issuer, guard.Guarded(raw, guard.ISSUER_WRITES, ask)),
        stores={name: cast(Store, guard.Guarded(s, guard.STORE_WRITES, ask)) for name, s in stores.items()},
        verifiers={},
        reloaders={},
        custody=Custody(setting.incident, []),
        reviewer=_reviewer(api),
        operator=operator,
        clock=ticking,
        leaked=leaked,
        control_key=lambda: control or _optional(account.review_key, resolver),
        review_key=lambda: _optional(account.review_key, resolver),
        say=say,
        own_requests=lambda: tuple(api.request_ids),
        account_of=lambda secret: "" if webhook else account_of(api, secret),  # a signing secret opens no API
        scratch=str(home.private(folder / "scratch")),
    )
    _wire_services(made, resolver, ask, signed)
    reachable = [store for name, store in made.stores.items() if name not in made.options.accept_unreachable]
    made.custody = Custody(setting.incident, reachable, made.each, _escrow(folder, ask))
    made.publish = lambda record: publish(kept, record)
    if made.inventory.notify and not made.options.dry_run and not made.options.drill:  # nobody is told of a rehearsal or a drill
        made.announce = desk(made.inventory, kept, resolver).announce
    if not made.options.dry_run:
        made.keep = partial(_keep, folder / "evidence")
        made.witness = Witness(kept.checkpoints, lambda: evidence_signer(kept, source, resolver, say), say)
    return made


def _keep(folder: Path, files: Sequence[str], inputs: Sequence[str]) -> Json:
    """A disk that is full costs the copies, not the review: then it is said that nothing was kept."""
    read = evidence_files.digests(map(Path, inputs))
    try:
        return {"files": evidence_files.keep(((Path(file).name, Path(file)) for file in files), folder), "inputs": read}
    except OSError as error:
        return {"files": [], "inputs": read, "not_kept": type(error).__name__}


def reference_resolver(source: Inventory, operator: Operator, base: Path) -> Callable[[str], Secret]:
    """References as text to their values, outside of an incident."""
    return lambda text: resolve(_parsed(text), source, operator, base)


def evidence_signer(
    kept: State, source: Inventory, resolver: Callable[[str], Secret], say: Callable[[str], None] = lambda _text: None
) -> Signer:
    """The team's key that the inventory names; where it cannot be had now, and where none is named, this machine's.

    Raises:
        Refused: what should be a key is none.
        OSError: this machine's can neither be read nor made.
    """
    if source.evidence_key is not None:
        try:
            return checkpoints.signer(resolver(str(source.evidence_key)).reveal().encode(), str(source.evidence_key))
        except PortError as error:
            say(f"WARNING: checkpoints are signed with this machine's key: {source.evidence_key}: {error.what}")
    return checkpoints.own_signer(kept.folder)


def desk(source: Inventory, kept: State, resolver: Callable[[str], Secret]) -> Desk:
    """Where notices of this process go out, to whom the inventory names."""
    from ir.notifiers import NOTIFIERS

    made_of = load(NOTIFIERS, "apprise")
    posts = [Post(str(row.to), frozenset(row.when), made_of(partial(resolver, str(row.to)))) for row in source.notify]
    return Desk(NoticeLog(kept.ledger.engine, kept.me.executor), posts)


def _parsed(text: str) -> Reference:
    from ir.reference import parse

    return parse(text)


def _optional(ref: Reference | None, resolver: Callable[[str], Secret]) -> Secret | None:
    """The value, or None when there is no reference or it cannot be read now."""
    if ref is None:
        return None
    try:
        return resolver(str(ref))
    except IrError:
        return None


def _wire_services(made: World, resolver: Callable[[str], Secret], ask: guard.Ask, signed: SignedWith) -> None:
    def last_used() -> float | None:
        """Of the replacement, by its id: identifying it by its value would be a use of its own."""
        new = made.facts().get("new", {})
        if not new.get("id"):
            return None
        row = made.issuer.identify(made.new_key(made.facts()), known_id=new["id"])
        return row.last_used if row else None

    live, dry = made.mode is Mode.LIVE, made.options.dry_run
    told = Incidental(last_used, signed.by_mark, signed.former, signed.given_up, live, dry)
    for service in made.services:
        rows = [row for row in service.verify if _allowed(row, made) and _about(row, service, made.key)]
        made.verifiers[service.name] = [_verifier(row, resolver, told) for row in rows]
        reloader = _reloader(service.reload, resolver)
        made.reloaders[service.name] = cast(Reloader, guard.Guarded(reloader, guard.RELOADER_WRITES, ask))


def _allowed(row: Verify, made: World) -> bool:
    """In a dry run a user's command runs only if it is declared `read_only`."""
    return not (made.options.dry_run and row.command and not row.read_only)


def _about(row: Verify, service: Service, key: Key) -> bool:
    """Of a service that uses an API key and a webhook, a check that names a key tells of one of them."""
    if not isinstance(key, Webhook):
        return row.webhook is None
    return bool(row.webhook) or row.proven == "up" or len(service.uses) == 1


def _escrow(folder: Path, ask: guard.Ask) -> Escrow:
    from ir.stores import STORES

    return cast(Escrow, guard.Guarded(load(STORES, "escrow")(folder / "escrow"), guard.STORE_WRITES, ask))


def _reviewer(api: Any) -> Reviewer:
    from ir.review import StripeReviewer

    return cast(Reviewer, StripeReviewer(api))


def signer_of(kept: State, incident: str) -> str:
    """Fingerprint of the key that signed the last checkpoint of an incident, "" when there is none that holds."""
    made = kept.checkpoints.of(incident)
    try:
        return read_checkpoint(made[-1], len(made))[1] if made else ""
    except Broken:
        return ""


def publish(kept: State, record: Incident) -> list[str]:
    """Report and bundle into the state folder; returns the paths, the HTML report first.

    Raises:
        Unknown: the disk took them not, or not whole.
    """
    from ir.bundle import write_bundle
    from ir.runner import read_entries

    entries = read_entries(kept.ledger.engine, record.id)
    try:
        paths = write_bundle(record, entries, kept.bundle(record.id), checkpoints=kept.checkpoints.of(record.id))
    except OSError as error:
        again = f"make room in {kept.folder}, then: ir report {record.id}"
        raise Unknown(f"the report was not written ({os.strerror(error.errno or 0)})", next_step=again) from None
    return [str(path) for path in sorted(paths, key=lambda p: p.suffix != ".html")]


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
        "destinations": sorted(places),
        "actor": record.actor,
        "step": record.runs[-1].id if record.runs else "",
        "said": record.runs[-1].outcome.said if record.runs else "",
        "account": facts.get("old", {}).get("account", ""),
        "heard": record.heard,
        "wake_at": record.runs[-1].outcome.facts.get("wake_at", 0.0) if record.runs and record.status == "waiting" else 0.0,
    }


def inventory_text(source: Inventory) -> str:
    """An inventory that was made up in memory, as text that `inventory.loads` reads."""
    return json.dumps(source.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def pick_key(source: Inventory, name: str) -> Key | None:
    """The named key, or the only one; None when it has to be told apart otherwise."""
    if name:
        return next((key for key in source.keys if key.name == name), None)
    return source.keys[0] if len(source.keys) == 1 else None
