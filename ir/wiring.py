"""Settings to objects: the room that knows the engine, and through `adapters` the vendors."""

import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from ir import adapters, checkpoints, evidence_files, guard, home, inventory, ledger, owed
from ir.checkpoints import CheckpointLog, Signer, Witness
from ir.consent_log import ConsentLog
from ir.custody import Custody, Escrow
from ir.errors import IrError, PortError, Unknown, UsageError
from ir.evidence_check import Broken, read_checkpoint
from ir.incident import Incident
from ir.inventory import Inventory, Key, Verify, Webhook
from ir.ledger import Me
from ir.model import Json, Mode
from ir.notice_log import NoticeLog
from ir.notices import Desk, Post
from ir.plan import Plan, plan_from_json
from ir.ports import Clock, Issuer, Operator, Reloader, Reviewer, Store
from ir.secret import Secret
from ir.signed_with import SignedWith
from ir.stripe_budget import Budget
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


def actor() -> str:
    """Who runs this: user and host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid-{os.getuid()}@{socket.gethostname()}"


# ── state ──


@dataclass
class State:
    """The tool's own state: folder, database, tables; and what this process may ask of Stripe."""

    folder: Path
    ledger: ledger.Ledger
    me: Me
    budget: Budget = field(default_factory=Budget)

    @cached_property
    def consents(self) -> ConsentLog:
        """What people agreed to at a terminal."""
        return ConsentLog(self.ledger.engine)

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
    """The address as SQLAlchemy wants it: PostgreSQL by psycopg 3, SQLite as it stands.

    Raises:
        UsageError: it is neither; what it is instead is not told, a password may stand in it.
    """
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    try:
        known = sa.make_url(url).drivername in ("postgresql+psycopg", "sqlite")
    except (sa.exc.ArgumentError, ValueError):
        known = False
    if not known:
        raise UsageError("IR_DATABASE_URL is no address that can be used", next_step="postgresql://USER@HOST/NAME, or unset it for SQLite")
    return url


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
    """Inverse of `opening`, for a resumed incident. Options that this version does not know are left out: `replay` refuses them."""
    known = {field.name for field in fields(Options)}
    return Setting(
        incident,
        body["inventory"],
        body["inventory_name"],
        Path(body["inventory_base"]),
        body["key"],
        plan_from_json(body["plan"]),
        Options(**{name: value for name, value in body["options"].items() if name in known}),
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
    api = StripeApi(account.api_base, pace=kept.budget.pace(account.id, account.mode))

    resolver = adapters.reference_resolver(source, operator, setting.base)
    signed = SignedWith(lambda: made)
    webhook = isinstance(key, Webhook)
    if isinstance(key, Webhook):
        raw = adapters.webhook_issuer(key, account, setting.incident, adapters.Means(operator, ticking, api, resolver), signed)
    else:
        raw = adapters.issuer(
            account, operator, ticking, api, lambda: resolver(str(account.app_key)), replaces=not setting.options.no_replacement
        )
    alone = setting.plan.key_alone  # nobody was asked whether the programs behind its stores may run
    places = [ref for ref in key.stored_in if not (alone and ref.scheme == "command")]
    stores = {str(ref): adapters.store(ref, source, operator, setting.base) for ref in places}
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
        control_key=lambda: control or adapters.optional(account.review_key, resolver),
        review_key=lambda: adapters.optional(account.review_key, resolver),
        say=say,
        own_requests=lambda: tuple(api.request_ids),
        account_of=lambda secret: "" if webhook else account_of(api, secret),  # a signing secret opens no API
        scratch=str(home.private(folder / "scratch")),
    )
    _wire_services(made, resolver, ask, signed)
    reachable = [store for name, store in made.stores.items() if name not in made.options.accept_unreachable]
    made.custody = Custody(setting.incident, reachable, made.each, partial(_escrow, kept, ask))
    signer = cache(lambda: evidence_signer(kept, source, resolver, say))
    made.publish = lambda record: publish(kept, record, signer, say)
    if made.inventory.notify and not made.options.dry_run and not made.options.drill:  # nobody is told of a rehearsal or a drill
        made.announce = desk(made.inventory, kept, resolver).announce
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

    made_of = adapters.load(NOTIFIERS, "apprise")
    posts = [Post(str(row.to), frozenset(row.when), made_of(partial(resolver, str(row.to)))) for row in source.notify]
    return Desk(NoticeLog(kept.ledger.engine, kept.me.executor), posts)


def _wire_services(made: World, resolver: Callable[[str], Secret], ask: guard.Ask, signed: SignedWith) -> None:
    def last_used() -> float | None:
        """Of the replacement, by its id: identifying it by its value would be a use of its own."""
        new = made.facts().get("new", {})
        if not new.get("id"):
            return None
        row = made.issuer.identify(made.new_key(made.facts()), known_id=new["id"])
        return row.last_used if row else None

    live, dry = made.mode is Mode.LIVE, made.options.dry_run
    told = adapters.Incidental(last_used, signed.by_mark, signed.former, signed.given_up, live, dry)
    for service in made.services:
        rows = [row for row in service.verify if _allowed(row, made) and adapters.about(row, service, made.key)]
        made.verifiers[service.name] = [adapters.verifier(row, resolver, told) for row in rows]
        reloader = adapters.reloader(service.reload, resolver)
        made.reloaders[service.name] = cast(Reloader, guard.Guarded(reloader, guard.RELOADER_WRITES, ask))


def _allowed(row: Verify, made: World) -> bool:
    """In a dry run a user's command runs only if it is declared `read_only`."""
    return not (made.options.dry_run and row.command and not row.read_only)


def _escrow(kept: State, ask: guard.Ask, incident: str) -> Escrow:
    """On this machine; nothing is made before something is kept."""
    from ir.stores import STORES

    made = adapters.load(STORES, "escrow")(kept.folder / "incidents" / incident / "escrow")
    return cast(Escrow, guard.Guarded(made, guard.STORE_WRITES, ask))


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


def publish(kept: State, record: Incident, signer: Callable[[], Signer], say: Callable[[str], None]) -> list[str]:
    """Report and bundle into the state folder; returns the paths, the HTML report first.

    Without a key to sign with they are written all the same, and it is said.

    Raises:
        Unknown: the disk took them not, or not whole.
    """
    from ir.bundle import write_bundle
    from ir.runner import read_entries

    entries = read_entries(kept.ledger.engine, record.id)
    try:
        paths = write_bundle(
            record, entries, kept.bundle(record.id), checkpoints=kept.checkpoints.of(record.id), signer=_perhaps(signer, say)
        )
    except OSError as error:
        again = f"make room in {kept.folder}, then: ir report {record.id}"
        raise Unknown(f"the report was not written ({os.strerror(error.errno or 0)})", next_step=again) from None
    return [str(path) for path in sorted(paths, key=lambda p: p.suffix != ".html")]


def _perhaps(signer: Callable[[], Signer], say: Callable[[str], None]) -> Signer | None:
    try:
        return signer()
    except (OSError, IrError) as error:
        say(f"WARNING: the report is not signed: {type(error).__name__}")
        return None


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
        "custody": owed.custody(record),
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
