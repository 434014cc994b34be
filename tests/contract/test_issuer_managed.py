"""The managed issuer against the twin: sealed keys, lost answers, replays, refusals, and rows told apart."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from ir.adapters.issuers.stripe_managed import HARMLESS, ManagedIssuer
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Denied, PortError, Rejected, Unknown, Waiting
from ir.core.model import KeyKind, Liveness, Mode
from ir.core.secret import Secret
from ir.drill.twin import Key, Masking, StripeTwin, Token
from ir.drill.twin.faults import HANG_AFTER, LOST, TORN, TWICE, WRONG_TYPE, Fate, broken, too_many
from ir.ports import Target
from tests.worlds.issuers import INCIDENT, BentClock, Human, dashboard, managed, order, settings, value

KEYS = "/v2/iam/api_keys"
READS = ("balance_read", "charge_read")


@pytest.fixture
def clock() -> BentClock:
    return BentClock()


@pytest.fixture
def live(clock: BentClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=3, clock=clock, settings=settings(mode=Mode.LIVE)) as twin:
        yield twin


@pytest.fixture
def test_mode(clock: BentClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=4, clock=clock) as twin:
        yield twin


def ours(twin: StripeTwin) -> list[Key]:
    return [key for key in twin.live_keys() if key.name.startswith("ir-")]


# ── minting ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "base64"])
@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
def test_a_sealed_key_is_opened(clock: BentClock, alg: str, wrapped: bool) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, jwe_alg=alg, jwe_wrapped=wrapped)) as twin:
        leaked = twin.create_restricted_key(READS)
        minted = managed(twin, clock, twin.create_app_key()).mint(order(leaked), lambda _: "x")

        assert twin.key(minted.value.reveal()).id == minted.id
        assert minted.kind is KeyKind.RESTRICTED


@pytest.mark.parametrize("fate", [LOST, TORN, WRONG_TYPE, HANG_AFTER, broken(acted=True)], ids=lambda fate: fate.what)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_lost_answer_is_found_by_name_expired_and_minted_anew(clock: BentClock, mode: Mode, fate: Fate) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=mode)) as twin:
        leaked = twin.create_restricted_key(READS)
        issuer = managed(twin, clock, twin.create_app_key(), timeout=0.5)
        twin.fate(fate, method="POST", path=KEYS)

        with pytest.raises(Unknown):
            issuer.mint(order(leaked), lambda _: "x")
        (stray,) = issuer.strays(INCIDENT)
        assert (stray.name, stray.active) == (f"ir-{INCIDENT}-1", True)
        issuer.retire(Target(stray.id, Secret(""), name=stray.name))
        minted = issuer.mint(order(leaked, n=2), lambda _: "x")
        clock.sleep(10)

        assert [row.id for row in issuer.strays(INCIDENT)] == [minted.id]
        found = issuer.identify(minted.value)
        assert found is not None
        assert found.id == minted.id
        assert [key.id for key in ours(twin)] == [minted.id]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_replay_without_its_secret_is_unknown_and_mints_nothing_more(clock: BentClock, mode: Mode) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=mode)) as twin:
        leaked = twin.create_restricted_key(READS)
        issuer = managed(twin, clock, twin.create_app_key())
        first = issuer.mint(order(leaked), lambda _: "x")

        with pytest.raises(Unknown):
            issuer.mint(order(leaked), lambda _: "y")

        assert [key.id for key in ours(twin)] == [first.id]


@pytest.mark.parametrize("fate", [too_many(), too_many(None), broken()], ids=["429", "429-lock", "500"])
def test_a_refusal_that_may_pass_is_unknown(live: StripeTwin, clock: BentClock, fate: Fate) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())
    live.fate(fate, method="POST", path=KEYS)

    with pytest.raises(Unknown):
        issuer.mint(order(leaked, permissions=READS), lambda _: "x")


def test_a_new_key_that_answers_late_is_waited_for(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())
    live.fate(broken(), path="/v1/balance", times=3)

    minted = issuer.mint(order(leaked, permissions=READS), lambda _: "x")

    assert [key.id for key in ours(live)] == [minted.id]


def test_a_key_of_the_wrong_mode_is_expired_again(test_mode: StripeTwin, clock: BentClock) -> None:
    leaked = test_mode.create_restricted_key(READS, mode=Mode.LIVE)
    app = test_mode.create_app_key(mode=Mode.TEST)

    def keep(new: Secret) -> str:
        raise AssertionError("a key that is not taken is not kept")

    with pytest.raises(Rejected, match="expired again"):
        managed(test_mode, clock, app).mint(order(leaked, permissions=READS), keep)
    clock.sleep(10)

    assert ours(test_mode) == []


def test_a_secret_key_needs_declared_permissions_and_no_connect(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_secret_key("payments")
    issuer = managed(live, clock, live.create_app_key())

    for permissions in ((), ("charge_write", "connect:charge_read"), ("connected_account_write",)):
        with pytest.raises(Rejected) as refusal:
            issuer.mint(order(leaked, permissions=permissions), lambda _: "x")
        assert "dashboard" in refusal.value.next_step
    assert ours(live) == []

    minted = issuer.mint(order(leaked, permissions=("charge_write",)), lambda _: "x")
    assert live.key(minted.id).permissions == frozenset({"charge_write"})


def test_permissions_are_copied_connect_included(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    leaked.connect_permissions = ("charge_read",)
    minted = managed(live, clock, live.create_app_key()).mint(order(leaked), lambda _: "x")

    new = live.key(minted.id)
    assert (new.permissions, new.connect_permissions) == (frozenset(READS), ("charge_read",))


def test_a_call_that_minted_twice_leaves_one_key(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    live.fate(TWICE, method="POST", path=KEYS)

    minted = managed(live, clock, live.create_app_key()).mint(order(leaked), lambda _: "x")
    assert len(ours(live)) == 2 and not minted.alone
    clock.sleep(10)

    assert [key.id for key in ours(live)] == [minted.id]


def test_a_key_is_said_to_be_the_only_one_of_its_name_only_when_the_list_says_so(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())
    assert issuer.mint(order(leaked), lambda _: "x").alone

    live.fate(broken(), method="GET", path=KEYS, times=0)
    assert not issuer.mint(order(leaked, n=2, permissions=READS), lambda _: "x").alone


def test_an_order_that_stripe_refuses_for_good(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    with pytest.raises(Rejected, match="400") as refusal:
        managed(live, clock, live.create_app_key()).mint(order(leaked, permissions=("no_such_read",)), lambda _: "x")
    assert "no_such_read" not in refusal.value.what, "Stripe's own words stay outside"


def test_an_app_that_was_uninstalled(live: StripeTwin, clock: BentClock) -> None:
    leaked, app = live.create_restricted_key(READS), live.create_app_key()
    issuer = managed(live, clock, app)
    live.uninstall_app(app)

    for call in (
        lambda: issuer.mint(order(leaked), lambda _: "x"),
        lambda: issuer.strays(INCIDENT),
        lambda: issuer.retire(Target(leaked.id, value(leaked))),
    ):
        with pytest.raises(Denied):
            call()


def test_what_an_uninstalled_app_may_not_even_look_up_is_guided(live: StripeTwin, clock: BentClock) -> None:
    leaked, app = live.create_restricted_key(READS), live.create_app_key()
    human = Human(
        acts={
            "taken away": lambda: live.attach_access_policy(leaked, ("203.0.113.7",)),
            "is to be killed": lambda: live.expire_in_dashboard(leaked),
        }
    )
    issuer, unnamed = managed(live, clock, app, fallback=dashboard(live, clock, human, Mode.LIVE)), Target("", value(leaked))
    live.uninstall_app(app)
    assert issuer.contain(unnamed, ("203.0.113.7",)).how == "policy"
    live.attach_access_policy(leaked, ())
    assert "seen dead" in issuer.retire(unnamed)


# ── which row ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("masking", list(Masking))
def test_the_row_of_a_key_is_told_by_two_facts(clock: BentClock, masking: Masking) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, masking=masking)) as twin:
        for name in ("a", "b", "c"):
            twin.create_restricted_key(READS, name)
        leaked = twin.create_restricted_key(READS, "leaked")
        row = managed(twin, clock, twin.create_app_key()).identify(value(leaked))

        assert row is not None
        assert (row.id, row.name) == (leaked.id, "leaked")
        assert set(row.permissions) == set(READS)


def test_a_row_that_fits_but_was_not_touched_is_nobody(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())
    live.fate(broken(), path="/v1/balance", times=0)

    assert issuer.identify(value(leaked)) is None, "without an answered probe there is no second fact"


class BusyClock(BentClock):
    """While someone sleeps, from the `first` time on, somebody else uses a key."""

    def __init__(self, clock: BentClock, busy: Key, first: int) -> None:
        self._clock, self._busy, self._first, self._sleeps = clock, busy, first, 0

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        self._sleeps += 1
        if self._sleeps >= self._first:
            self._busy.last_used = int(self.now().timestamp())


def test_a_double_that_is_in_use_too_makes_it_ambiguous(clock: BentClock) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, masking=Masking.DOTS)) as twin:
        leaked, double = twin.create_restricted_key(READS), twin.create_restricted_key(READS)
        # The dots show prefix and last four only: give the double the same.
        double.token = Token(double.token.reveal()[:-4] + leaked.token.reveal()[-4:])
        app = twin.create_app_key()

        found = managed(twin, clock, app).identify(value(leaked))
        assert found is not None
        assert found.id == leaked.id
        for first_use in (1, 2):
            assert managed(twin, BusyClock(clock, double, first_use), app).identify(value(leaked)) is None


def test_a_known_id_of_another_key_is_not_believed(live: StripeTwin, clock: BentClock) -> None:
    leaked, other = live.create_restricted_key(READS), live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())

    assert issuer.identify(value(leaked), known_id=other.id) is None
    assert issuer.identify(value(leaked), known_id="mk_never") is None
    found = issuer.identify(value(leaked), known_id=leaked.id)
    assert found is not None
    assert found.id == leaked.id
    with pytest.raises(Rejected):
        issuer.identify(value(leaked), known_id="../../v1/charges")


def test_rows_never_hold_a_token(test_mode: StripeTwin, clock: BentClock) -> None:
    leaked = test_mode.create_restricted_key(READS, f"ir-{INCIDENT}-9")
    issuer = managed(test_mode, clock, test_mode.create_app_key())

    rows = (*issuer.strays(INCIDENT), issuer.identify(value(leaked)))

    assert [row and row.id for row in rows] == [leaked.id, leaked.id]
    assert leaked.token.reveal() not in "".join(f"{vars(row)} {row!r}" for row in rows)
    assert "redacted" not in repr(rows)


def test_strays_are_found_on_every_page_newest_first(live: StripeTwin, clock: BentClock) -> None:
    expected: list[str] = []
    for n in range(230):
        name = f"ir-{INCIDENT}-{n}" if n % 50 == 0 else f"ir-INC-20261123-zzzz-{n}"
        key = live.create_restricted_key(READS, name)
        clock.sleep(1)
        if n % 50 == 0:
            expected.insert(0, key.id)
    live.expire_in_dashboard(expected.pop(1))

    rows = managed(live, clock, live.create_app_key()).strays(INCIDENT)

    assert [row.id for row in rows] == expected


# ── killing and containing ────────────────────────────────────────────────────────────────────────────


def test_death_comes_late_and_is_not_claimed_before(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())

    said = issuer.retire(Target(leaked.id, value(leaked)))

    assert "dead" not in said
    assert issuer.probe(value(leaked)).liveness is Liveness.ALIVE
    clock.sleep(4)
    assert issuer.probe(value(leaked)).liveness is Liveness.EXPIRED


def test_a_key_of_our_own_that_is_gone_is_fine(live: StripeTwin, clock: BentClock) -> None:
    issuer = managed(live, clock, live.create_app_key())

    assert "no longer" in issuer.retire(Target("mk_gone", Secret(""), name="ir-INC-20261123-abcd-1"))


# ── which key dies ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("probed", [True, False])
def test_an_id_that_is_another_keys_is_never_acted_on(live: StripeTwin, clock: BentClock, *, probed: bool) -> None:
    """An inventory names the wrong row, or the row of a former key."""
    leaked, other = live.create_restricted_key(READS), live.create_restricted_key(READS)
    issuer, wrong = managed(live, clock, live.create_app_key()), Target(other.id, value(leaked))
    if probed:
        issuer.probe(value(leaked))

    issuer.contain(wrong, ())
    issuer.release(wrong, READS)
    assert issuer.probe(value(other)).liveness is Liveness.ALIVE, "another key was narrowed"
    issuer.retire(wrong)
    clock.sleep(60)
    assert live.is_alive(other)
    assert not live.is_alive(leaked)


def test_characters_alone_do_not_kill(clock: BentClock) -> None:
    """Two rows show the same prefix and last four; the id names the one that our probe did not use."""
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, masking=Masking.DOTS)) as twin:
        leaked, double = twin.create_restricted_key(READS), twin.create_restricted_key(READS)
        double.token = Token(double.token.reveal()[:-4] + leaked.token.reveal()[-4:])
        issuer = managed(twin, clock, twin.create_app_key())
        issuer.probe(value(leaked))

        issuer.retire(Target(double.id, value(leaked)))
        clock.sleep(60)
        assert twin.is_alive(double)
        assert not twin.is_alive(leaked)


def test_a_busy_key_with_the_same_characters_is_not_the_one(clock: BentClock) -> None:
    """The id names another live key that shows the same characters and is used all the time: both facts seem to speak for it."""
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, masking=Masking.DOTS)) as twin:
        leaked, double = twin.create_restricted_key(READS), twin.create_restricted_key(READS)
        double.token = Token(double.token.reveal()[:-4] + leaked.token.reveal()[-4:])
        issuer, wrong = managed(twin, BusyClock(clock, double, 1), twin.create_app_key()), Target(double.id, value(leaked))
        issuer.probe(value(leaked))
        double.last_used = int(clock.now().timestamp())
        for act in (lambda: issuer.contain(wrong, ()), lambda: issuer.retire(wrong)):
            with pytest.raises(Denied):
                act()
        assert issuer.identify(value(leaked), known_id=double.id) is None
        clock.sleep(60)
        assert twin.is_alive(double) and double.permissions == leaked.permissions


def test_a_dead_row_with_the_same_characters_is_not_that_of_a_key_that_answers(clock: BentClock) -> None:
    """Of a former key: an inventory's id goes stale with every rotation."""
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, masking=Masking.DOTS)) as twin:
        leaked, former = twin.create_restricted_key(READS), twin.create_restricted_key(READS)
        former.token = Token(former.token.reveal()[:-4] + leaked.token.reveal()[-4:])
        twin.expire_in_dashboard(former)
        clock.sleep(60)
        issuer, stale = managed(twin, clock, twin.create_app_key()), Target(former.id, value(leaked))
        issuer.probe(value(leaked))
        assert issuer.identify(value(leaked), known_id=former.id) is None
        assert issuer.retire(stale) == "expired by API"
        clock.sleep(60)
        assert not twin.is_alive(leaked)


def test_a_right_id_costs_no_wait(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())
    issuer.probe(value(leaked))
    began = clock.elapsed()

    assert issuer.retire(Target(leaked.id, value(leaked))) == "expired by API"
    assert clock.elapsed() == began


def test_a_key_counts_as_our_own_by_its_name_only(live: StripeTwin, clock: BentClock) -> None:
    other = live.create_restricted_key(READS)
    issuer = managed(live, clock, live.create_app_key())

    with pytest.raises(Rejected, match="not the key ir-INC-1-1"):
        issuer.retire(Target(other.id, Secret(""), name="ir-INC-1-1"))
    clock.sleep(60)
    assert live.is_alive(other)


def test_a_failed_kill_is_excused_only_by_a_look(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    issuer, target = managed(live, clock, live.create_app_key()), Target(leaked.id, value(leaked))
    live.fate(broken(), method="POST", path=f"{KEYS}/*/expire")
    with pytest.raises(Unknown):
        issuer.retire(target)
    assert live.is_alive(leaked)

    live.fate(LOST, method="POST", path=f"{KEYS}/*/expire")
    assert "already" in issuer.retire(target)


def test_an_app_that_may_not_touch_the_leaked_key_falls_back_for_that_step_only(clock: BentClock) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, app_touches_foreign_keys=False)) as twin:
        leaked, app = twin.create_restricted_key(READS), twin.create_app_key()
        target = Target(leaked.id, value(leaked))
        with pytest.raises(Denied):
            managed(twin, clock, app).retire(target)
        human = Human(
            acts={
                "is to be killed": lambda: twin.expire_in_dashboard(leaked),
                "taken away": lambda: twin.attach_access_policy(leaked, ("203.0.113.7",)),
            }
        )
        issuer = managed(twin, clock, app, fallback=dashboard(twin, clock, human, Mode.LIVE))

        minted = issuer.mint(order(leaked), lambda _: "x")
        assert human.told == [], "minting stays with the API"
        assert issuer.contain(target, ("203.0.113.7",)).how == "policy"
        twin.attach_access_policy(leaked, ())
        issuer.watch_also(minted.value)
        assert "seen dead" in issuer.retire(target)
        assert not twin.is_alive(leaked)

        human.interactive = False
        with pytest.raises(Waiting):
            issuer.release(target, READS)


def test_narrowing_keeps_one_harmless_permission_and_comes_back(live: StripeTwin, clock: BentClock) -> None:
    leaked = live.create_restricted_key(READS)
    leaked.connect_permissions = ("charge_read",)
    issuer, target = managed(live, clock, live.create_app_key()), Target(leaked.id, value(leaked))

    done = issuer.contain(target, ())
    clock.sleep(2)

    assert done.how == "narrowed"
    assert HARMLESS in done.said
    assert set(done.before) == {*READS, "connect:charge_read"}
    seen = issuer.probe(target.value)
    assert (seen.liveness, seen.missing_permission) == (Liveness.NARROW, "balance_read")
    assert (seen.account, seen.mode) == (live.account, None)
    assert leaked.connect_permissions == (HARMLESS,)

    again = issuer.contain(target, ())
    assert (again.how, again.before) == ("narrowed", ()), "the recorded list is not overwritten by the narrow one"

    issuer.release(target, done.before)
    clock.sleep(2)
    assert issuer.probe(target.value).liveness is Liveness.ALIVE
    assert leaked.connect_permissions == ("charge_read",)


def test_the_app_key_is_read_inside_each_call_only(live: StripeTwin, clock: BentClock) -> None:
    app, reads = live.create_app_key(), [0]

    def read() -> Secret:
        reads[0] += 1
        return value(app)

    issuer = ManagedIssuer(StripeApi(live.url), live.account, Mode.LIVE, read, clock)
    assert reads == [0]
    issuer.strays(INCIDENT)
    issuer.strays(INCIDENT)
    assert reads == [2]


def test_every_refusal_is_a_port_error_without_a_key_in_it(live: StripeTwin, clock: BentClock) -> None:
    leaked, app = live.create_restricted_key(READS), live.create_app_key()
    issuer = managed(live, clock, app)
    live.stripe_deactivates(app)

    with pytest.raises(PortError) as refusal:
        issuer.mint(order(leaked, permissions=READS), lambda _: "x")

    text = f"{refusal.value} {refusal.value.__cause__} {refusal.value.safe} {refusal.value.next_step}"
    assert isinstance(refusal.value, Denied)
    assert app.token.reveal()[-6:] not in text
    assert app.token.reveal()[:12] not in text
