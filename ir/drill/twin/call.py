"""One authenticated call: its caller, its account, and its traces in the event log."""

from dataclasses import dataclass

from ir.core.model import Json
from ir.drill.twin.error_answers import needs_permission
from ir.drill.twin.keys import Key
from ir.drill.twin.message import Request
from ir.drill.twin.permissions import allows, called
from ir.drill.twin.resources import Resource
from ir.drill.twin.world import API_VERSION, Book, World, iso


@dataclass(frozen=True)
class Caller:
    """The caller, and the account of the call."""

    key: Key
    account: str


@dataclass(frozen=True)
class Call:
    """The input of a handler."""

    world: World
    book: Book
    caller: Caller
    request: Request
    params: Json
    request_id: str

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.world.now()

    def need(self, permission: str, *others: str) -> None:
        """Refuse a key that has neither the permission nor one of the others; the first is named.

        Raises:
            ApiError: 403.
        """
        key = self.caller.key
        granted = key.granted(self.now)
        if not any(allows(granted, name) for name in (permission, *others)):
            with_code = self.world.settings.more_permissions_code
            raise needs_permission(key.token.reveal(), self.book.account, called(permission), with_code=with_code)

    def create(self, resource: Resource, fields: Json) -> Json:
        """Put a new object on its shelf; no event."""
        return put_new(self.world, self.book, resource, fields, self.now)

    def replace(self, resource: Resource, old: Json, **changes: object) -> Json:
        """The object with some fields changed, on its shelf."""
        new = old | changes
        self.book.shelf(resource.path).put(new, float(old.get("created", 0)))
        return new

    def emit(self, kind: str, found: Json, previous: Json | None = None) -> None:
        """An event caused by this request."""
        request = {"id": self.request_id, "idempotency_key": self.request.headers.get("idempotency-key")}
        put_event(self.world, self.book, kind, found, created=self.now, request=request, previous=previous)

    def emit_thin(self, kind: str, data: Json) -> None:
        """A v2 event caused by this request."""
        request = {"id": self.request_id, "idempotency_key": self.request.headers.get("idempotency-key", "")}
        put_thin_event(self.world, self.book, kind, data, created=self.now, request=request)


def put_new(world: World, book: Book, resource: Resource, fields: Json, created: float) -> Json:
    """A new object of a kind; `id` in the fields wins over a made-up one."""
    ident = str(fields.get("id") or world.new_id(resource.prefix, book.account))
    found = {"id": ident, "object": resource.object, "created": int(created), "livemode": book.live} | fields | {"id": ident}
    book.shelf(resource.path).put(found, created)
    return found


def put_event(
    world: World,
    book: Book,
    kind: str,
    found: Json,
    *,
    created: float,
    request: Json | None,
    previous: Json | None = None,
    connected: str = "",
) -> Json:
    """A v1 event; `request` None means that Stripe did it by itself; `connected`: the connected account that it comes from."""
    data: Json = {"object": found}
    if previous is not None:
        data["previous_attributes"] = previous
    event = {
        "id": world.new_id("evt", book.account),
        "object": "event",
        "api_version": API_VERSION,
        "created": int(created),
        "data": data,
        "livemode": book.live,
        "pending_webhooks": 0,
        "request": request or {"id": None, "idempotency_key": None},
        "type": kind,
    }
    if connected:
        event["account"] = connected
    event["pending_webhooks"] = world.deliveries.send(event, list(book.shelf("webhook_endpoints").newest_first()), world.now())
    book.shelf("events").put(event, created)
    return event


def put_thin_event(world: World, book: Book, kind: str, data: Json, *, created: float, request: Json | None) -> Json:
    """A v2 event; `request` None means that no request caused it."""
    event = {
        "id": f"evt_{world.text(24)}",
        "object": "v2.core.event",
        "type": kind,
        "created": iso(created),
        "livemode": book.live,
        "context": book.account,
        "reason": {"type": "request", "request": request} if request else None,
        "snapshot_event": None,
        "data": data,
    }
    book.thin.append(event)
    book.thin.sort(key=lambda row: str(row["created"]))
    return event
