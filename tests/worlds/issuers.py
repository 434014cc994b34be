"""Worlds for the issuers' tests: a twin, bent time, a human who clicks in the twin's Dashboard."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ir.adapters.issuers.stripe_dashboard import DashboardIssuer
from ir.adapters.issuers.stripe_managed import ManagedIssuer
from ir.clients.stripe_api import StripeApi
from ir.core.model import KeyKind, Mode
from ir.core.secret import Secret
from ir.drill.twin import Key, StripeTwin, TwinSettings
from ir.ports import Irreversible, MintOrder

INCIDENT = "INC-20261123-abcd"


class BentClock:
    """Time that passes only while someone sleeps; twin and issuer share it."""

    def __init__(self) -> None:
        self._at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._at

    def elapsed(self) -> float:
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._at += timedelta(seconds=seconds)


@dataclass
class Human:
    """An operator. `pastes` are what the clipboard holds, one per request; `acts` happen when a text holds their word."""

    interactive: bool = True
    name: str = "someone"
    pastes: list[Callable[[], Secret | str | None]] = field(default_factory=list)
    acts: dict[str, Callable[[], object]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    says: bool = True
    chooses: str = ""

    def tell(self, text: str) -> None:
        self.told.append(text)
        for word in [word for word in self.acts if word in text]:
            self.acts.pop(word)()

    def confirm(self, question: str) -> bool:
        self.told.append(question)
        return self.says

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        self.told.append(about.warning)
        return self.says

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        self.told.append(question)
        assert self.chooses in options, options
        return self.chooses

    def ask(self, question: str) -> str:
        raise AssertionError("no issuer asks for a line of text")

    def new_key(self, prompt: str) -> Secret | None:
        self.told.append(prompt)
        given = self.key_or_why(prompt)
        assert not isinstance(given, str), "a reason was typed where a key was asked for"
        return given

    def key_or_why(self, prompt: str) -> Secret | str | None:
        return self.pastes.pop(0)() if self.pastes else None


def order(leaked: Key, *, n: int = 1, **other: object) -> MintOrder:
    """An order to replace `leaked`."""
    fields: dict[str, object] = {
        "incident": INCIDENT,
        "name": f"ir-{INCIDENT}-{n}",
        "idempotency_key": f"idem-{INCIDENT}-{n}",
        "kind": KeyKind.RESTRICTED if leaked.permissions is not None else KeyKind.SECRET,
        "mode": leaked.mode,
        "account": leaked.account,
        "permissions": (),
        "old": value(leaked),
    }
    return MintOrder(**(fields | other))  # type: ignore[arg-type]  # the tests name real fields


def value(key: Key) -> Secret:
    """A key's characters, as someone would copy them."""
    return Secret(key.token.reveal())


def managed(
    twin: StripeTwin, clock: BentClock, app_key: Key, *, fallback: DashboardIssuer | None = None, timeout: float = 5.0
) -> ManagedIssuer:
    """A managed issuer of the twin's account."""
    api = StripeApi(twin.url, timeout=timeout)
    return ManagedIssuer(api, twin.account, app_key.mode, lambda: value(app_key), clock, fallback=fallback)


def dashboard(twin: StripeTwin, clock: BentClock, human: Human, mode: Mode = Mode.TEST) -> DashboardIssuer:
    """A guided issuer of the twin's account."""
    return DashboardIssuer(StripeApi(twin.url, timeout=5.0), twin.account, mode, human, clock, patience=120.0)


def settings(**chosen: object) -> TwinSettings:
    """The twin's settings."""
    return TwinSettings(**chosen)  # type: ignore[arg-type]  # the tests name real fields
