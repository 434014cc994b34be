"""What a test or a drill lays out in an account before it begins: objects, events and log entries that no call of ours made."""

from ir.core.model import Json, Mode
from ir.drill.twin import other_objects
from ir.drill.twin.call import put_event, put_new, put_thin_event
from ir.drill.twin.dashboard import Dashboard
from ir.drill.twin.error_answers import ApiError
from ir.drill.twin.resources import EXTERNAL_ACCOUNTS, RESOURCES, Resource
from ir.drill.twin.world import Book, iso


class Planted(Dashboard):
    """An account that can be laid out; plain methods, no HTTP. Times are epoch seconds, by default the twin's present."""

    @property
    def now(self) -> float:
        """Epoch seconds of its clock."""
        return self._world.now()

    def open_account(self, ident: str = "") -> str:
        """Another account."""
        with self._api.lock:
            return self._world.open_account(ident)

    def plant(self, path: str, *, created: float | None = None, account: str = "", mode: Mode | None = None, **fields: object) -> Json:
        """An object under `/v1/<path>`, without an event; fields are taken as they are. Raises ValueError when one is missing."""
        with self._api.lock:
            resource, book = _resource(path), self._book(account, mode)
            try:
                base = resource.build(fields) if resource.build else {}
            except ApiError as refusal:
                raise ValueError(refusal.error["message"]) from None
            return put_new(self._world, book, resource, base | fields, self.now if created is None else created)

    def plant_event(
        self,
        kind: str,
        found: Json,
        *,
        created: float | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        account: str = "",
        mode: Mode | None = None,
        connected: str = "",
    ) -> Json:
        """A v1 event; without `request_id` it is one that Stripe made by itself; `connected`: the connected account it comes from."""
        with self._api.lock:
            at = self.now if created is None else created
            request: Json = {"id": request_id, "idempotency_key": idempotency_key}
            return put_event(self._world, self._book(account, mode), kind, found, created=at, request=request, connected=connected)

    def plant_activity(
        self,
        kind: str,
        actor: Json,
        details: Json,
        *,
        created: float | None = None,
        account: str = "",
        mode: Mode | None = None,
    ) -> Json:
        """An entry of the activity log."""
        with self._api.lock:
            return self._world.log_activity(self._book(account, mode), kind, actor, details, created=created)

    def plant_thin_event(
        self,
        kind: str,
        data: Json,
        *,
        created: float | None = None,
        request_id: str | None = None,
        account: str = "",
        mode: Mode | None = None,
    ) -> Json:
        """A v2 event."""
        with self._api.lock:
            at = self.now if created is None else created
            request: Json | None = {"id": request_id, "idempotency_key": ""} if request_id else None
            return put_thin_event(self._world, self._book(account, mode), kind, data, created=at, request=request)

    def plant_destination(self, url: str, *, created: float | None = None, account: str = "", mode: Mode | None = None) -> Json:
        """A v2 event destination that calls a webhook; the API shows its address only when asked to include it."""
        with self._api.lock:
            book = self._book(account, mode)
            found = other_objects.event_destination(url, iso(self.now if created is None else created))
            found |= {"id": f"ed_{self._world.text(24)}", "livemode": book.live}
            book.destinations.append(found)
            book.destinations.sort(key=lambda row: str(row["created"]))
            return found

    def _book(self, account: str, mode: Mode | None) -> Book:
        return self._world.book(account or self.account, mode or self._world.settings.mode)


def _resource(path: str) -> Resource:
    if path.startswith("accounts/") and path.endswith("/external_accounts"):
        return Resource(path, EXTERNAL_ACCOUNTS.object, EXTERNAL_ACCOUNTS.prefix, EXTERNAL_ACCOUNTS.permission, dated=False)
    return RESOURCES[path]
