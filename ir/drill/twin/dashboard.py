"""A person's acts in the Dashboard, and Stripe's own acts; plain methods, no HTTP."""

from ir.core.model import Mode
from ir.drill.twin.api import Api
from ir.drill.twin.api_keys import key_details
from ir.drill.twin.keys import Key, Kind, Token
from ir.drill.twin.settings import DeathText
from ir.drill.twin.world import World

Which = str | Token | Key
"""A key: by itself, by id (`mk_…`), or by token."""

_SOMEBODY = "someone@example.com"


class Dashboard:
    """Clicks. Every method may be called from any thread.

    Attributes:
        account: the account whose Dashboard this is, unless a method says another.
        user: e-mail address that the activity log shows.
    """

    def __init__(self, api: Api, account: str, user: str = _SOMEBODY) -> None:
        self._api, self.account, self.user = api, account, user

    @property
    def _world(self) -> World:
        return self._api.world

    def create_secret_key(self, name: str = "", *, account: str = "", mode: Mode | None = None) -> Key:
        """Create secret key."""
        return self._create(Kind.SECRET, name or "Secret key", account, mode)

    def create_restricted_key(self, permissions: tuple[str, ...], name: str = "", *, account: str = "", mode: Mode | None = None) -> Key:
        """Create restricted key; permissions by the names that create and update take, write implies read."""
        key = self._create(Kind.RESTRICTED, name or "Restricted key", account, mode)
        key.permissions = frozenset(permissions)
        return key

    def create_organization_key(self, *, mode: Mode | None = None) -> Key:
        """An organization's key; it needs `Stripe-Context` and `Stripe-Version` on every request."""
        with self._api.lock:
            org = f"org_{self._world.text(16)}"
            key = self._world.keys.add(Kind.ORGANIZATION, org, mode or self._world.settings.mode, self._world.now())
            self._world.connected[org] = {self.account}
            return key

    def create_app_key(self, *, mode: Mode | None = None) -> Key:
        """Key of an approved Stripe App with `api_key_write`, owned by an account of its own, installed on this one."""
        with self._api.lock:
            owner, app = self._world.open_account(), f"ca_{self._world.text(24)}"
            key = self._world.keys.add(Kind.SECRET, owner, mode or self._world.settings.mode, self._world.now(), name="App")
            key.app = app
            self._world.installed[app] = {self.account}
            return key

    def install_app(self, app_key: Which, account: str = "") -> None:
        """Install on an account."""
        with self._api.lock:
            self._world.installed[self._world.keys.find(app_key).app].add(account or self.account)

    def uninstall_app(self, app_key: Which, account: str = "") -> None:
        """From now on the app's key hears 403 for that account; the keys that it made live on."""
        with self._api.lock:
            self._world.installed[self._world.keys.find(app_key).app].discard(account or self.account)

    def rotate_in_dashboard(self, which: Which, expires_in: float = 0.0) -> Key:
        """Rotate key, with Expiration in seconds (0 = "Now"); returns the new key, of the same kind."""
        with self._api.lock:
            old = self._world.keys.find(which)
            new = self._world.rotate(old, grace=expires_in)
            if not expires_in:
                old.death_text = self._world.settings.death_text
            if old.kind is not Kind.RESTRICTED:
                new.name = "Publishable key" if old.kind is Kind.PUBLISHABLE else "Secret key"
            self._log("api_key_updated", old, new.id)
            return new

    def expire_in_dashboard(self, which: Which) -> None:
        """Expire (or Delete) key; dead after the settings' `death_delay`."""
        with self._api.lock:
            key = self._world.keys.find(which)
            if key.kind is Kind.PUBLISHABLE:
                raise ValueError("publishable keys cannot be expired, only rotated")
            settings = self._world.settings
            key.expire(self._world.now(), settings.death_delay, settings.death_text)
            self._log("api_key_deleted", key)

    def attach_access_policy(self, which: Which, allowed_ips: tuple[str, ...]) -> None:
        """Only these addresses and networks may use the key; nothing given takes the policy away."""
        with self._api.lock:
            key = self._world.keys.find(which)
            key.ip_allowlist = allowed_ips
            self._log("api_key_updated", key)

    def set_permissions(self, which: Which, permissions: tuple[str, ...]) -> None:
        """Edit key: its permissions."""
        with self._api.lock:
            key = self._world.keys.find(which)
            key.change_permissions(frozenset(permissions), self._world.now(), self._world.settings.narrow_delay)
            self._log("api_key_updated", key)

    def edit_key(self, which: Which, name: str, note: str) -> None:
        """Edit key: its name and its note."""
        with self._api.lock:
            key = self._world.keys.find(which)
            key.name, key.note = name, note
            self._log("api_key_updated", key)

    def roll_signing_secret(self, endpoint: str, expires_in: float = 86_400.0) -> str:
        """Roll secret: the new one; the old one signs, too, for so many seconds."""
        with self._api.lock:
            secret = f"whsec_{self._world.text(32)}"
            self._world.deliveries.rolled(endpoint, secret, self._world.now() + expires_in)
            return secret

    def resend(self, event: str, endpoint: str) -> None:
        """Resend one event to one endpoint."""
        with self._api.lock:
            self._world.deliveries.again(event, endpoint, self._world.now())

    def stripe_deactivates(self, which: Which) -> None:
        """Stripe found the key in public and killed it by itself, at once."""
        with self._api.lock:
            key = self._world.keys.find(which)
            key.expire(self._world.now(), 0.0, DeathText.EXPIRED)
            details = key_details(key)
            self._world.log_activity(self._world.book(key.account, key.mode), "api_key_deleted", {"type": "stripe_action"}, details)

    def _create(self, kind: Kind, name: str, account: str, mode: Mode | None) -> Key:
        with self._api.lock:
            world = self._world
            key = world.keys.add(kind, account or self.account, mode or world.settings.mode, world.now(), name=name)
            self._log("api_key_created", key)
            return key

    def _log(self, what: str, key: Key, new_key: str | None = None) -> None:
        if key.kind is Kind.ORGANIZATION:
            return
        actor = {"type": "user", "user": {"email": self.user}}
        self._world.log_activity(self._world.book(key.account, key.mode), what, actor, key_details(key, new_key))
