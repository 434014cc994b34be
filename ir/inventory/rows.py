"""The rows of an inventory and the fields of each. Secrets never stand in it, only references."""

from datetime import date
from ipaddress import IPv4Network
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, field_validator, model_validator

from ir.core.durations import Seconds
from ir.core.model import KeyKind, Mode
from ir.core.reference import Reference
from ir.core.sshsig import PublicKey, public_key
from ir.core.stripe_address import check_api_base
from ir.inventory.host_rows import Host
from ir.inventory.rotation_window import RotateWindow
from ir.inventory.service_rows import Service, waves
from ir.inventory.terms import STRICT, Argv, Caller, Name, Ref, Url

NoticeKind = Literal["opened", "waiting", "rolled-back", "debt", "failed", "done", "digest"]
NOTICE_KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)


class _Row(BaseModel):
    model_config = STRICT


class Account(_Row):
    """One Stripe account in one mode.

    Attributes:
        app_key: the Stripe App's key that may mint (managed only).
        review_key: a read-only `rk_` key for evidence; also the control key of the proof of death.
        egress_ips: our own egress addresses, for an access policy.
        egress, logs, maps: globs of our own egress logs, of other exports, and column maps, for the review.
        ours: groups of callers that are ours (`ir.core.caller_group`), so that the review does not propose them.
        webhooks: endpoint URLs that are ours; others are leftovers.
    """

    name: Name
    id: Annotated[str, Field(pattern=r"^acct_[A-Za-z0-9]{1,40}$")]
    mode: Mode
    issuer: Literal["managed", "dashboard"] = "dashboard"
    app_key: Ref | None = None
    review_key: Ref | None = None
    egress_ips: list[IPv4Network] = []
    api_base: str = "https://api.stripe.com"
    egress: list[str] = []
    logs: list[str] = []
    maps: list[str] = []
    ours: list[Caller] = []
    webhooks: list[Url] = []

    @model_validator(mode="after")
    def _consistent(self) -> "Account":
        check_api_base(self.api_base)
        if self.issuer == "managed" and self.app_key is None:
            raise ValueError("issuer `managed` needs `app_key`, a reference to the Stripe App's key")
        return self


class Key(_Row):
    """One API key.

    Attributes:
        id: the provider's id `mk_…`, where known.
        permissions: what a managed replacement is minted with.
        stored_in: every place that holds it.
        rotate_every: seconds between scheduled rotations, an hour at least.
        rotate_window: when one may start. rotate_from: the day that the first period counts from; without it, and without a
            rotation on record, the key is due at once.
    """

    name: Name
    account: Name
    kind: KeyKind
    id: Annotated[str, Field(pattern=r"^mk_[A-Za-z0-9_]{1,60}$")] = ""
    permissions: list[Annotated[str, Field(pattern=r"^[a-z_]+_(read|write)$")]] = []
    connect_permissions: list[Annotated[str, Field(pattern=r"^[a-z_]+_(read|write)$")]] = []
    stored_in: Annotated[list[Ref], Field(min_length=1)]
    rotate_every: Annotated[Seconds, Field(ge=3600)] | None = None
    rotate_window: RotateWindow | None = None
    rotate_from: date | None = None
    tags: list[Name] = []

    @model_validator(mode="after")
    def _a_key(self) -> "Key":
        if (self.kind is KeyKind.WEBHOOK) is not isinstance(self, Webhook):
            raise ValueError("a webhook's signing secret is listed under `webhooks:`")
        return self


class Webhook(Key):
    """The signing secret (`whsec_…`) of one webhook endpoint; `ir rotate stripe-webhook` replaces it.

    Attributes:
        url: where Stripe delivers to. id: the endpoint's id `we_…`, where known; without it the only endpoint of that URL.
        roll: `dashboard`: a human rolls the secret, Stripe signs with both for up to 24 hours; `second-endpoint`: by API, another
            endpoint with the same URL and events, until the old one is disabled.
        api_key: a key with `webhook_write` (second-endpoint only).
        connect: the endpoint is for events of connected accounts, which the API does not tell; `second-endpoint` has to be told.
    """

    kind: Literal[KeyKind.WEBHOOK] = KeyKind.WEBHOOK
    id: Annotated[str, Field(pattern=r"^we_[A-Za-z0-9_]{1,60}$")] = ""
    url: Url
    roll: Literal["dashboard", "second-endpoint"] = "dashboard"
    api_key: Ref | None = None
    connect: bool | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _not_thin(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith("ed_"):
            raise ValueError(
                "an event destination of API v2 (`ed_…`) cannot be rotated here: its deliveries are not counted by /v1/events, so that "
                "its new secret is in use could not be seen; roll it in Workbench > Event destinations"
            )
        return value

    @model_validator(mode="after")
    def _a_webhook(self) -> "Webhook":
        if self.roll == "second-endpoint" and self.api_key is None:
            raise ValueError("`roll: second-endpoint` needs `api_key`, a reference to a key that may write webhook endpoints")
        if self.roll == "second-endpoint" and self.connect is None:
            raise ValueError(
                "`roll: second-endpoint` needs `connect: true` (events of connected accounts) or `connect: false`: Stripe's API does not "
                "tell it, Workbench > Webhooks shows it as `Events from`"
            )
        for name in ("permissions", "connect_permissions", "rotate_every", "rotate_window", "rotate_from"):
            if getattr(self, name):
                instead = f"; a signing secret has no schedule: ir rotate stripe-webhook {self.name}" if name.startswith("rotate_") else ""
                raise ValueError(f"`{name}` is for API keys, not for webhooks{instead}")
        return self


class Command(_Row):
    """A user's program as a store: `read` prints the key, `write` takes it on stdin, `check` exits 0 if allowed."""

    name: Name
    read: Argv
    write: Argv
    check: Argv | None = None
    env: list[str] = []


class Notify(_Row):
    """A recipient of notices: `to` refers to an apprise URL; `when` names the wanted kinds, by default all."""

    to: Ref
    when: Annotated[list[NoticeKind], Field(min_length=1)] = list(NOTICE_KINDS)


class Approver(_Row):
    """A person whose signed approvals count. A person with two keys has two rows of the same name.

    Attributes:
        key: a public SSH key, one line, as in `id_ed25519.pub`.
        logins: names that they are known by where incidents are opened, with or without `@host`.
    """

    name: Name
    key: str
    logins: list[str] = []

    @model_validator(mode="after")
    def _a_key(self) -> "Approver":
        public_key(self.key)
        return self

    @property
    def public(self) -> PublicKey:
        """The key."""
        return public_key(self.key)


class Inventory(_Row):
    """Everything the engine knows about one organisation's keys.

    Attributes:
        evidence_key: the team's Ed25519 private key that signs checkpoints of the audit stream; without it this machine's own.
        plain_http: addresses of AWS, Vault or Conjur on other machines that keys may go to in the clear, as `VAULT_ADDR` spells them.
    """

    version: Literal[1]
    accounts: Annotated[list[Account], Field(min_length=1)]
    keys: list[Key] = []
    webhooks: list[Webhook] = []
    services: list[Service] = []
    commands: list[Command] = []
    hosts: list[Host] = []
    notify: list[Notify] = []
    approvers: list[Approver] = []
    evidence_key: Ref | None = None
    plain_http: list[Annotated[str, Field(pattern=r"^http://[^\s@/]+$")]] = []

    @model_validator(mode="after")
    def _something_to_rotate(self) -> "Inventory":
        if not self.held:
            raise ValueError("needs `keys:` or `webhooks:`, with at least one row")
        return self

    @property
    def held(self) -> list[Key]:
        """Everything that is stored somewhere and can be rotated: keys, then signing secrets of webhooks."""
        return [*self.keys, *self.webhooks]

    def account(self, name: str) -> Account:
        """Look up an account by name."""
        return next(a for a in self.accounts if a.name == name)

    def host(self, name: str, context: str = "") -> Host | None:
        """The row about a host: the one for that context before the one for all."""
        rows = [row for row in self.hosts if row.name == name and row.context in ("", context)]
        return max(rows, key=lambda row: bool(row.context), default=None)

    def key(self, name: str) -> Key:
        """Look up a key or a webhook by name."""
        return next(k for k in self.held if k.name == name)

    def services_of(self, key: str) -> list[Service]:
        """Services that use `key`, canary first, then waves in order of first appearance."""
        users = [s for s in self.services if key in s.uses]
        order = waves(users)
        return sorted(users, key=lambda s: order.index(s.wave))

    def store_of(self, service: Service, key: Key) -> Reference:
        """The store that `service` reads `key` from."""
        return next(ref for ref in service.reads_from if ref in key.stored_in)
