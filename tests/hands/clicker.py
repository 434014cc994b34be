"""Clicks on the page: by a real browser's mouse, or by the same forms without one."""

from typing import Protocol

from ir.core.model import Json
from ir.drill.twin import Key
from tests.worlds.browser import Browser
from tests.worlds.keys_page import Page


class Clicker(Protocol):
    """One pair of hands at the page."""

    def create(self, name: str) -> str:
        """Create secret key; the value that the dialog shows."""
        ...

    def rotate(self, key: Key, expiration: str) -> str:
        """Rotate key; the value that the dialog shows, "" where the page refuses."""
        ...

    def expire(self, key: Key) -> None:
        """Expire key."""
        ...

    def policy(self, key: Key, addresses: str) -> None:
        """Manage access policy."""
        ...


class ByForms:
    """Sends what the page would send."""

    def __init__(self, page: Page) -> None:
        self._client = page.client

    def create(self, name: str) -> str:
        """See `Clicker`."""
        return _value(self._client.send("/apikeys/create/secret", name=name))

    def rotate(self, key: Key, expiration: str) -> str:
        """See `Clicker`."""
        return _value(self._client.send(f"/apikeys/{key.id}/rotate", expiration=expiration))

    def expire(self, key: Key) -> None:
        """See `Clicker`."""
        self._client.send(f"/apikeys/{key.id}/expire")

    def policy(self, key: Key, addresses: str) -> None:
        """See `Clicker`."""
        self._client.send(f"/apikeys/{key.id}/policy", addresses=addresses)


class ByMouse:
    """Opens menus and presses buttons in a browser."""

    def __init__(self, page: Page, window: Browser) -> None:
        self._page, self._window = page, window
        window.opens(page.server.door.invite())
        window.waits_for("main table")

    def create(self, name: str) -> str:
        """See `Clicker`."""
        self._list()
        self._window.clicks('a[href="/apikeys/create/secret"]')
        self._window.types("input[name=name]", name)
        return self._sent("button.first")

    def rotate(self, key: Key, expiration: str) -> str:
        """See `Clicker`."""
        if not self._menu(key, "rotate"):
            return ""
        self._window.chooses("select[name=expiration]", expiration)
        return self._sent("button.first")

    def expire(self, key: Key) -> None:
        """See `Clicker`."""
        if self._menu(key, "expire"):
            self._sent("button.danger")

    def policy(self, key: Key, addresses: str) -> None:
        """See `Clicker`."""
        if self._menu(key, "policy"):
            self._window.types("textarea[name=addresses]", addresses)
            self._sent("button.first")

    def _list(self) -> None:
        self._window.opens(f"{self._page.origin}/apikeys")

    def _menu(self, key: Key, entry: str) -> bool:
        """False: an expired key has no row any more."""
        self._list()
        if not self._window.text(f"#{key.id}"):
            return False
        self._window.clicks(f"#{key.id} summary")
        self._window.clicks(f'#{key.id} a[href$="/{entry}"]')
        return True

    def _sent(self, button: str) -> str:
        self._window.clicks(button)
        return self._window.text(".value").strip()


def _value(seen: Json) -> str:
    return str(seen.get("value", ""))
