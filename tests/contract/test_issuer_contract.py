"""What every issuer owes its callers, whoever mints and kills: one suite, each issuer joins with one line."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import pytest

from ir.adapters.issuers import ISSUERS
from ir.adapters.issuers.guided_watch import GuidedIssuer
from ir.clients.stripe_api import StripeApi
from ir.core.model import Liveness, Mode
from ir.core.secret import Secret
from ir.drill.twin import Key, Kind, StripeTwin
from ir.ports import Target
from tests.worlds.issuers import INCIDENT, BentClock, Human, dashboard, managed, order, value

READS = ("balance_read", "charge_read", "event_read")


@dataclass
class World:
    twin: StripeTwin
    clock: BentClock
    issuer: GuidedIssuer
    leaked: Key


def _managed(twin: StripeTwin, clock: BentClock, leaked: Key) -> GuidedIssuer:
    return managed(twin, clock, twin.create_app_key(mode=leaked.mode))


def _dashboard(twin: StripeTwin, clock: BentClock, leaked: Key) -> GuidedIssuer:
    def create() -> Secret:
        return value(twin.create_restricted_key(READS, f"ir-{INCIDENT}-1", mode=leaked.mode))

    human = Human(
        pastes=[create],
        acts={
            "is to be killed": lambda: twin.expire_in_dashboard(leaked),
            "taken away": lambda: twin.attach_access_policy(leaked, ("203.0.113.0/28",)),
        },
    )
    return dashboard(twin, clock, human, leaked.mode)


MAKERS: dict[str, Callable[[StripeTwin, BentClock, Key], GuidedIssuer]] = {
    "managed": _managed,
    "dashboard": _dashboard,
}


@pytest.fixture(params=[(name, mode) for name in MAKERS for mode in Mode], ids=lambda p: f"{p[0]}-{p[1]}")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name, mode = request.param
    clock = BentClock()
    with StripeTwin(seed=7, clock=clock) as twin:
        leaked = twin.create_restricted_key(READS, "payments", mode=mode)
        yield World(twin, clock, MAKERS[name](twin, clock, leaked), leaked)


def test_every_issuer_of_the_table_is_in_this_suite() -> None:
    assert set(MAKERS) == set(ISSUERS)
    for place in ISSUERS.values():
        module, _, name = place.partition(":")
        assert callable(getattr(import_module(module), name))


def test_a_mint_is_alive_in_custody_and_another_key(world: World) -> None:
    kept: list[Secret] = []

    def keep(secret: Secret) -> str:
        assert world.twin.is_alive(secret.reveal())
        kept.append(secret)
        return "custody://new-1"

    minted = world.issuer.mint(order(world.leaked), keep)

    assert kept == [minted.value]
    assert minted.custody == "custody://new-1"
    assert minted.value != value(world.leaked)
    new = world.twin.key(minted.value.reveal())
    assert (new.account, new.mode, new.permissions) == (world.twin.account, world.leaked.mode, frozenset(READS))
    assert world.twin.is_alive(world.leaked)
    assert len(world.twin.live_keys()) == 2


def test_retire_ends_in_a_dead_key_and_leaves_the_new_one(world: World) -> None:
    minted = world.issuer.mint(order(world.leaked), lambda _: "x")
    world.issuer.watch_also(minted.value)
    target = Target(world.leaked.id, value(world.leaked))

    assert world.issuer.retire(target)
    world.clock.sleep(10)

    assert not world.twin.is_alive(world.leaked)
    assert world.issuer.probe(target.value).liveness is Liveness.EXPIRED
    assert world.issuer.probe(minted.value).liveness is Liveness.ALIVE
    assert world.issuer.retire(target), "asking twice is asking once"


def test_a_contained_key_is_refused_where_it_answered(world: World) -> None:
    key = value(world.leaked)
    assert world.issuer.probe(key).liveness is Liveness.ALIVE

    done = world.issuer.contain(Target(world.leaked.id, key), ("203.0.113.0/28",))
    world.clock.sleep(2)

    assert done.how in ("narrowed", "policy")
    assert world.issuer.probe(key).liveness in (Liveness.NARROW, Liveness.BLOCKED)
    assert world.twin.is_alive(world.leaked), "contained is not killed"


def test_no_answer_is_unknown_and_never_raised(world: World) -> None:
    world.twin.stop()

    seen = world.issuer.probe(value(world.leaked))

    assert (seen.liveness, seen.status) == (Liveness.UNKNOWN, 0)


def test_an_organization_key_is_never_sent(world: World) -> None:
    org = world.twin.create_organization_key(mode=world.leaked.mode)
    assert org.kind is Kind.ORGANIZATION

    assert world.issuer.probe(value(org)).liveness is Liveness.UNKNOWN
    assert world.twin.used(org) == ()


def test_our_own_requests_are_known(world: World) -> None:
    seen = world.issuer.probe(value(world.leaked))

    (use,) = world.twin.used(world.leaked)
    assert seen.request_id == use.request_id


def test_nothing_is_logged_that_is_a_key(world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    minted = world.issuer.mint(order(world.leaked), lambda _: "x")
    world.issuer.identify(value(world.leaked))
    world.issuer.strays(INCIDENT)
    world.issuer.retire(Target(world.leaked.id, value(world.leaked)))

    written = caplog.text + "".join(capfd.readouterr()) + repr(minted)
    for key in (*world.twin.live_keys(), world.leaked):
        assert key.token.reveal() not in written
        assert key.token.reveal()[8:] not in written


def test_a_wrong_host_is_no_stripe() -> None:
    with pytest.raises(ValueError, match="api_base"):
        StripeApi("https://api.stripe.com.example.org")
