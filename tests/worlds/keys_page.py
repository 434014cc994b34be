"""The imitation of the Dashboard's page of keys, over a twin alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ir.drill.hands.clicks import Clicks
from ir.drill.hands.keys_page import KeysPage
from ir.drill.hands.page_client import PageClient
from ir.drill.hands.page_server import PageServer
from ir.drill.twin import StripeTwin


@dataclass
class Shop:
    """See `ir.drill.hands.keys_page.Shop`."""

    twin: StripeTwin
    loot: list[str] = field(default_factory=list)

    def remove(self, path: str) -> None:
        """Without the call."""
        self.loot.remove(path)


@dataclass(frozen=True)
class Page:
    """A page that is served.

    Attributes:
        client: a visitor with the cookie.
    """

    server: PageServer
    clicks: Clicks
    client: PageClient

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self.server.door.origin

    @property
    def cookie(self) -> str:
        """As a browser sends it."""
        return f"{self.server.door.cookie}={self.server.door.pass_}"


@contextmanager
def keys_page(twin: StripeTwin, holders: Callable[[str], tuple[str, ...]] = lambda _value: ()) -> Iterator[Page]:
    """Serve it."""
    clicks = Clicks(twin, holders)
    with PageServer(lambda form: KeysPage(Shop(twin), clicks, form)) as server:
        door = server.door
        yield Page(server, clicks, PageClient(door.origin, f"{door.cookie}={door.pass_}"))
