"""The twin as tests and the drill hold it: start, look, deliver, spoil, stop."""

from types import TracebackType
from typing import Self

from ir.core.model import Json, Mode
from ir.drill.twin.api import Api
from ir.drill.twin.call_log import Use, Uses
from ir.drill.twin.dashboard import Which
from ir.drill.twin.deliveries import Delivery
from ir.drill.twin.faults import ALL, Chance, Decide, Fate, On
from ir.drill.twin.http_server import Server
from ir.drill.twin.keys import Key, Kind
from ir.drill.twin.planted import Planted
from ir.drill.twin.settings import Now, TwinSettings, WallClock
from ir.drill.twin.world import World


class StripeTwin(Planted):
    """A stateful Stripe on loopback HTTP.

        with StripeTwin(seed=7, settings=TwinSettings(mode=Mode.LIVE)) as twin:
            leaked = twin.create_secret_key("payments")
            client = StripeClient(leaked.token.reveal(), base_addresses={"api": twin.url})

    Its clicks are those of `Dashboard`; what is laid out in it beforehand, `Planted`. Keys that it returns are rows of its own
    table: read them, change them through methods.

    Args:
        seed: ids, tokens and chances follow from it (content keys of JWEs do not).
        clock: whose `now()` all delays and timestamps use; only a fate's `slow` is in real seconds.
        settings: see there.
    """

    def __init__(self, *, seed: int = 0, clock: Now | None = None, settings: TwinSettings | None = None) -> None:
        settings = settings or TwinSettings()
        world = World(seed, clock or WallClock(), settings)
        self.uses = Uses(settings.traffic_sample)
        """Every call so far."""
        super().__init__(Api(world, self.uses), world.open_account(settings.account))
        for mode in Mode:
            world.keys.add(Kind.PUBLISHABLE, self.account, mode, world.now(), name="Publishable key")
        self._server = Server(self._api.handle, settings.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server.start()

    def stop(self) -> None:
        """Close every connection and end the thread; what it knows stays readable."""
        self._server.stop()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def settings(self) -> TwinSettings:
        """How it behaves."""
        return self._world.settings

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────

    def key(self, which: Which) -> Key:
        """A key's row. Raises KeyError."""
        with self._api.lock:
            return self._world.keys.find(which)

    def is_alive(self, which: Which) -> bool:
        """Whether the token is accepted now (an access policy does not count)."""
        return self.key(which).alive(self.now)

    def live_keys(self, account: str = "") -> tuple[Key, ...]:
        """Secret and restricted keys of an account whose tokens are accepted now, in order of creation."""
        with self._api.lock:
            now, wanted = self.now, account or self.account
            return tuple(key for key in self._world.keys if key.account == wanted and key.kind is not Kind.PUBLISHABLE and key.alive(now))

    def all_keys(self) -> tuple[Key, ...]:
        """Every key of every account and kind, dead ones included."""
        with self._api.lock:
            return tuple(self._world.keys)

    def strays(self, *known: Which) -> tuple[Key, ...]:
        """Live keys of the account besides those that someone knows of."""
        ours = {self.key(which).id for which in known}
        return tuple(key for key in self.live_keys() if key.id not in ours)

    @property
    def calls(self) -> int:
        """How many requests came."""
        return self.uses.count

    def used(self, which: Which, *, since: float = 0.0) -> tuple[Use, ...]:
        """Calls that presented a key, dead or alive, oldest first."""
        ident = self.key(which).id
        return self.uses.select(lambda use: use.key_id == ident and use.at >= since)

    def objects(self, path: str, *, account: str = "", mode: Mode | None = None) -> tuple[Json, ...]:
        """What is listed under `/v1/<path>`, `events` included, oldest first."""
        with self._api.lock:
            return tuple(self._book(account, mode).shelf(path).newest_first())[::-1]

    def activity(self, *, account: str = "", mode: Mode | None = None) -> tuple[Json, ...]:
        """The activity log, oldest first."""
        with self._api.lock:
            return tuple(self._book(account, mode).activity)

    # ── delivering ────────────────────────────────────────────────────────────────────────────────────

    def route(self, url: str, to: str) -> None:
        """From now on events are delivered to endpoints of this URL, at the loopback address where the receiver really listens."""
        with self._api.lock:
            self._world.deliveries.routes[url] = to

    def retry_after(self, seconds: float) -> None:
        """How long Stripe waits until it tries a delivery again."""
        with self._api.lock:
            self._world.deliveries.retry = seconds

    def deliver(self) -> int:
        """Try everything once that is due; how many deliveries were taken. A disabled or deleted endpoint gets nothing any more."""
        with self._api.lock:
            shelf, rows = self._book("", None).shelf("webhook_endpoints"), self._world.deliveries.due(self.now)
            open_ = [row for row in rows if (shelf.get(row.endpoint["id"]) or {}).get("status") == "enabled"]
        taken = 0
        for row in open_:
            good = self._world.deliveries.post(row, self.now)
            taken += good
            with self._api.lock:
                self._tried(row, good=good)
        return taken

    def _tried(self, row: Delivery, *, good: bool) -> None:
        row.tries += 1
        row.due = self.now + self._world.deliveries.retry
        if good and not row.taken:
            row.taken = True
            shelf = self._book("", None).shelf("events")
            event = shelf.get(row.event["id"]) or row.event
            shelf.put(event | {"pending_webhooks": event["pending_webhooks"] - 1}, float(event["created"]))

    # ── spoiling ──────────────────────────────────────────────────────────────────────────────────────

    def fate(self, fate: Fate, *, method: str = "", path: str = "*", key: Which | None = None, skip: int = 0, times: int = 1) -> On:
        """The next `times` matching requests (after `skip`; 0 = all from then on) meet a fate; `.met` counts them."""
        token = self.key(key).token.reveal() if key is not None else ""
        rule = On(fate, method.upper(), path, token, skip, times)
        self.decide(rule)
        return rule

    def chance(self, rate: float, fates: tuple[Fate, ...] = ALL, path: str = "*") -> Chance:
        """From now on each request meets one of the fates with this probability, repeatably under the seed."""
        chance = Chance(self._world.seed, rate, fates, path)
        self.decide(chance)
        return chance

    def decide(self, decide: Decide) -> None:
        """Ask a callback for every request's fate."""
        with self._api.lock:
            self._api.decides.append(decide)

    def kinder(self) -> None:
        """No more fates."""
        with self._api.lock:
            self._api.decides.clear()
