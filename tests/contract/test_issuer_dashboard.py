"""The guided issuer against the twin: what a human may paste, click, miss and mix up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ir.adapters.issuers import dashboard_steps
from ir.adapters.issuers.dashboard_steps import Marks
from ir.adapters.issuers.stripe_dashboard import DashboardIssuer
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Rejected, UsageError, Waiting
from ir.core.model import KeyRow, Liveness, Mode
from ir.core.secret import Secret
from ir.drill.twin import DeathText, Key, StripeTwin
from ir.drill.twin.faults import broken
from ir.ports import Rotation, Target
from tests.worlds.issuers import INCIDENT, BentClock, Human, dashboard, order, settings, value

READS = ("balance_read", "charge_read")


@pytest.fixture
def clock() -> BentClock:
    return BentClock()


@pytest.fixture
def twin(clock: BentClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=5, clock=clock, settings=settings(mode=Mode.LIVE)) as twin:
        yield twin


@pytest.fixture
def leaked(twin: StripeTwin) -> Key:
    return twin.create_secret_key("payments")


def rotation(leaked: Key, kept: list[Secret], **more: object) -> Rotation:
    """A guided rotation of `leaked`, whose value goes into `kept`."""

    def keep(secret: Secret) -> str:
        kept.append(secret)
        return "custody"

    return Rotation(order(leaked), keep, **more)  # type: ignore[arg-type]  # the tests name real fields


def guided(twin: StripeTwin, clock: BentClock, human: Human) -> DashboardIssuer:
    return dashboard(twin, clock, human, Mode.LIVE)


# ── pastes ────────────────────────────────────────────────────────────────────────────────────────────

Paste = Callable[[StripeTwin, Key], str]


def _other_account(twin: StripeTwin, leaked: Key) -> str:
    return twin.create_secret_key(account=twin.open_account()).token.reveal()


def _blocked(twin: StripeTwin, leaked: Key) -> str:
    key = twin.create_secret_key()
    twin.attach_access_policy(key, ("203.0.113.0/28",))
    return key.token.reveal()


def _expired(twin: StripeTwin, leaked: Key) -> str:
    key = twin.create_secret_key()
    twin.stripe_deactivates(key)
    return key.token.reveal()


WRONG: dict[str, tuple[Paste, str]] = {
    "nothing": (lambda twin, leaked: "", "Nothing was pasted"),
    "the old key": (lambda twin, leaked: leaked.token.reveal(), "the old key itself"),
    "white space": (lambda twin, leaked: "sk_" + "live_" + "a" * 20 + " " + "b" * 9, "white space"),
    "quotes": (lambda twin, leaked: '"' + twin.create_secret_key().token.reveal() + '"', "quotes"),
    "an assignment": (lambda twin, leaked: "STRIPE_KEY=" + twin.create_secret_key().token.reveal(), "in front"),
    "twice": (lambda twin, leaked: twin.create_secret_key().token.reveal() * 2, "twice"),
    "hidden middle": (lambda twin, leaked: twin.create_secret_key().token.reveal()[:12] + "…abcd", "hidden"),
    "stars": (lambda twin, leaked: "sk_" + "live_" + "*" * 8 + "abcd", "hidden"),
    "far too short": (lambda twin, leaked: "sk_" + "live_51", "cut"),
    "cut": (lambda twin, leaked: twin.create_secret_key().token.reveal()[:-5], "may be cut"),
    "unknown": (lambda twin, leaked: "sk_" + "live_" + "x" * 30, "Not recognised"),
    "publishable": (lambda twin, leaked: "pk_" + "live_" + "x" * 30, "publishable"),
    "webhook": (lambda twin, leaked: "whsec_" + "x" * 30, "webhook signing secret"),
    "key id": (lambda twin, leaked: leaked.id, "names a key"),
    "ephemeral": (lambda twin, leaked: "ek_" + "live_" + "x" * 30, "ephemeral"),
    "organization": (lambda twin, leaked: twin.create_organization_key().token.reveal(), "organization"),
    "something else": (lambda twin, leaked: "hunter2hunter2", "not a Stripe key"),
    "test mode": (lambda twin, leaked: twin.create_secret_key(mode=Mode.TEST).token.reveal(), "live key is needed"),
    "restricted": (lambda twin, leaked: twin.create_restricted_key(READS).token.reveal(), "secret key is needed"),
    "other account": (_other_account, "another account"),
    "blocked": (_blocked, "from this machine's address"),
    "expired": (_expired, "has expired already"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_paste_gets_a_clear_sentence_and_another_try(twin: StripeTwin, clock: BentClock, leaked: Key, name: str) -> None:
    wrong, sentence = WRONG[name]
    pasted = wrong(twin, leaked)
    new = twin.create_secret_key("new")
    human = Human(pastes=[lambda: Secret(pasted), lambda: value(new)])

    minted = guided(twin, clock, human).mint(order(leaked), lambda _: "custody")

    assert minted.value == value(new)
    (refusal,) = [text for text in human.told if text.startswith("Not taken.")]
    assert sentence in refusal
    assert "dead" not in refusal
    assert len(pasted) < 8 or pasted not in "".join(human.told)
    assert twin.is_alive(leaked)


def test_what_looks_wrong_is_never_sent(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    strange = [twin.create_secret_key(mode=Mode.TEST), twin.create_restricted_key(READS), twin.create_organization_key()]
    human = Human(pastes=[lambda key=key: value(key) for key in strange])  # type: ignore[misc]  # bound per round

    with pytest.raises(Waiting):
        guided(twin, clock, human).mint(order(leaked), lambda _: "x")

    assert [twin.used(key) for key in strange] == [(), (), ()]


def test_a_working_key_that_is_not_taken_is_remembered(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    foreign = Secret(_other_account(twin, leaked))
    issuer = guided(twin, clock, Human(pastes=[lambda: foreign]))

    with pytest.raises(Waiting):
        issuer.mint(order(leaked), lambda _: "x")

    assert list(issuer.seen_alive) == [foreign]
    assert foreign.reveal() not in str(issuer.seen_alive)


def test_an_answer_that_fails_is_asked_for_again(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    new = twin.create_secret_key("new")
    twin.fate(broken(), path="/v1/balance", key=new, times=2)

    minted = guided(twin, clock, Human(pastes=[lambda: value(new)])).mint(order(leaked), lambda _: "x")

    assert minted.value == value(new)


def test_no_answer_at_all_drops_nothing(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    new = twin.create_secret_key("new")
    twin.fate(broken(), path="/v1/balance", key=new, times=0)
    human = Human(pastes=[lambda: value(new)])

    with pytest.raises(Waiting, match="no answer about it"):
        guided(twin, clock, human).mint(order(leaked), lambda _: "x")


def test_a_restricted_key_that_may_read_nothing_of_ours_is_taken(twin: StripeTwin, clock: BentClock) -> None:
    leaked = twin.create_restricted_key(("charge_write",))
    new = twin.create_restricted_key(("charge_write",))
    human = Human(pastes=[lambda: Secret(value(new).reveal() + "\n")])

    minted = guided(twin, clock, human).mint(order(leaked, permissions=("charge_write",)), lambda _: "x")

    assert minted.value == value(new), "the line end of a pipe is not part of the key"
    assert "Charges and Refunds: Write" in human.told[0]


def test_without_an_inventory_the_old_key_says_the_account(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    foreign, new = _other_account(twin, leaked), twin.create_secret_key()
    human = Human(pastes=[lambda: Secret(foreign), lambda: value(new)])
    issuer = DashboardIssuer(StripeApi(twin.url), "", Mode.LIVE, human, clock)

    minted = issuer.mint(replace(order(leaked), account=""), lambda _: "x")

    assert minted.value == value(new)


# ── instructions ──────────────────────────────────────────────────────────────────────────────────────


def test_nobody_there_means_waiting_with_the_clicks(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    with pytest.raises(Waiting) as waiting:
        guided(twin, clock, Human(interactive=False)).mint(order(leaked), lambda _: "x")

    assert waiting.value.next_step == f"ir resume {INCIDENT}"
    for part in ("https://dashboard.stripe.com/apikeys", "Create secret key", f"ir-{INCIDENT}-1", twin.account):
        assert part in waiting.value.what


@pytest.mark.parametrize("interactive", [True, False])
def test_a_key_file_that_is_not_written_yet_is_waited_for(
    twin: StripeTwin, clock: BentClock, leaked: Key, tmp_path: Path, *, interactive: bool
) -> None:
    """Whoever names the file in advance writes it once the run says which key to make; a run that has no terminal ends until then."""
    file = tmp_path / "new.key"
    terminal = Terminal(Screen(), name="ann", yes=True, new_key_from=f"file:{file}")
    human = Human(interactive=interactive)
    human.new_key = lambda prompt: terminal.new_key(prompt)  # type: ignore[method-assign]
    with pytest.raises(Waiting) as waiting:
        guided(twin, clock, human).mint(order(leaked), lambda _: "x")
    assert f"there is no key file {file}" in waiting.value.what and waiting.value.next_step == f"ir resume {INCIDENT}"

    made = value(twin.create_secret_key())
    file.write_text(made.reveal() + "\n")
    file.chmod(0o644)
    terminal = Terminal(Screen(), name="ann", yes=True, new_key_from=f"file:{file}")
    with pytest.raises(Waiting, match="others can read the key file"):
        guided(twin, clock, human).mint(order(leaked), lambda _: "x")
    file.chmod(0o600)
    terminal = Terminal(Screen(), name="ann", yes=True, new_key_from=f"file:{file}")
    assert guided(twin, clock, human).mint(order(leaked), lambda _: "x").value == made


def test_a_source_that_never_can_be_read_is_not_asked_for_ever(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    human = Human()

    def unread(prompt: str) -> Secret | None:
        raise UsageError("this terminal cannot hide what is typed")

    human.new_key = unread  # type: ignore[method-assign]
    with pytest.raises(Waiting, match="cannot hide what is typed"):
        guided(twin, clock, human).mint(order(leaked), lambda _: "x")


def test_the_rotate_path_names_the_deadline(twin: StripeTwin, clock: BentClock) -> None:
    leaked = twin.create_secret_key(mode=Mode.TEST)
    deadline = clock.now().timestamp() + 24 * 3600
    human = Human(pastes=[lambda: value(twin.rotate_in_dashboard(leaked, 24 * 3600))])

    minted = dashboard(twin, clock, human).mint(order(leaked, expires_old_at=deadline), lambda _: "x")

    assert "Rotate key" in human.told[0]
    assert "2026-11-24 12:00 UTC" in human.told[0]
    assert "https://dashboard.stripe.com/test/apikeys" in human.told[0]
    assert twin.is_alive(leaked)
    assert twin.is_alive(minted.value.reveal())


# ── killing ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", list(DeathText))
def test_a_kill_is_over_when_it_is_seen(clock: BentClock, text: DeathText) -> None:
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE, death_delay=40.0, death_text=text)) as twin:
        leaked, new = twin.create_secret_key(), twin.create_secret_key()
        human = Human(acts={"is to be killed": lambda: twin.expire_in_dashboard(leaked)})
        issuer = guided(twin, clock, human)
        issuer.watch_also(value(new), created=clock.now().timestamp())

        issuer.retire(Target("", value(leaked)))

        assert not twin.is_alive(leaked)
        (shown,) = human.told
        assert f"…{leaked.token.reveal()[-4:]}" in shown
        assert f"…{new.token.reveal()[-4:]}, created 2026-11-23 12:00 UTC" in shown


def test_the_wrong_row_was_clicked(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    new = twin.create_secret_key()
    issuer = guided(twin, clock, Human(acts={"is to be killed": lambda: twin.expire_in_dashboard(new)}))
    issuer.watch_also(value(new))

    with pytest.raises(Rejected, match="STOP") as stop:
        issuer.retire(Target("", value(leaked)))

    assert twin.is_alive(leaked)
    for key in (leaked, new):
        assert key.token.reveal()[-4:] not in f"{stop.value.what} {stop.value.safe} {stop.value.next_step}"


def test_both_keys_were_killed(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    new = twin.create_secret_key()

    def kill_both() -> None:
        twin.stripe_deactivates(leaked)
        twin.stripe_deactivates(new)

    issuer = guided(twin, clock, Human(acts={"is to be killed": kill_both}))
    issuer.watch_also(value(new))

    with pytest.raises(Rejected, match="STOP"):
        issuer.retire(Target("", value(leaked)))


def test_a_kill_by_rotation_makes_a_key_that_is_told_of_where_such_a_kill_may_have_been_needed(twin: StripeTwin, clock: BentClock) -> None:
    """A restricted key has `Expire key`; a standard secret key may have `Rotate key` alone."""
    told = {}
    for dies in (twin.create_secret_key(), twin.create_restricted_key(READS)):
        human = Human(acts={"is to be killed": partial(twin.rotate_in_dashboard, dies)})
        told[dies.token.reveal()[:3]] = guided(twin, clock, human).retire(Target("", value(dies)))
        assert dies.token.reveal()[-4:] not in told[dies.token.reveal()[:3]], "it is recorded"
    assert told["rk_"] == "killed in the Dashboard, seen dead"
    assert "one more key, which lives" in told["sk_"]


def test_on_the_way_back_the_human_is_told_to_kill_the_replacement_and_not_the_old_key(
    twin: StripeTwin, clock: BentClock, leaked: Key
) -> None:
    new = twin.create_secret_key()
    human = Human(acts={"is to be killed": lambda: twin.stripe_deactivates(new)})
    issuer = guided(twin, clock, human)
    issuer.watch_also(value(leaked), created=clock.now().timestamp())

    issuer.retire(Target("", value(new), replacement=True))

    said = human.told[0]
    assert f"find the replacement: its token ends in …{new.token.reveal()[-4:]}" in said
    assert f"Do not touch the old key: it ends in …{leaked.token.reveal()[-4:]}" in said
    with pytest.raises(Waiting) as waiting:
        guided(twin, clock, Human(interactive=False)).retire(Target("", value(leaked), replacement=True))
    assert waiting.value.what.startswith("the replacement is still alive")


def test_the_wrong_row_on_the_way_back_stops_the_wait(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    new = twin.create_secret_key()
    issuer = guided(twin, clock, Human(acts={"is to be killed": lambda: twin.stripe_deactivates(leaked)}))
    issuer.watch_also(value(leaked))

    with pytest.raises(Rejected, match="the old key was killed"):
        issuer.retire(Target("", value(new), replacement=True))


@pytest.mark.parametrize("interactive", [True, False])
def test_a_kill_that_nobody_makes_waits_without_last_fours(twin: StripeTwin, clock: BentClock, leaked: Key, interactive: bool) -> None:
    human, before = Human(interactive=interactive), clock.now()

    with pytest.raises(Waiting) as waiting:
        guided(twin, clock, human).retire(Target("", value(leaked)))

    assert leaked.token.reveal()[-4:] not in f"{waiting.value.what} {waiting.value.safe} {waiting.value.next_step}"
    assert "Expire key" in waiting.value.what
    looked_once = clock.now() == before
    assert looked_once is not interactive


def test_a_block_is_no_death(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    policy = ("203.0.113.0/28",)
    issuer = guided(twin, clock, Human(acts={"is to be killed": lambda: twin.attach_access_policy(leaked, policy)}))

    with pytest.raises(Waiting):
        issuer.retire(Target("", value(leaked)))

    assert issuer.probe(value(leaked)).liveness is Liveness.BLOCKED


def test_the_wait_ends_when_it_is_told_to(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) >= 3

    assert "before the key was seen dead" in guided(twin, clock, Human()).retire(Target("", value(leaked)), stop=stop)


# ── containing ────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_that_lets_us_through_is_the_operators_word(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    human = Human(acts={"taken away": lambda: twin.attach_access_policy(leaked, ("127.0.0.0/8",))})

    done = guided(twin, clock, human).contain(Target("", value(leaked)), ("127.0.0.0/8",))

    assert done.how == "policy"
    assert "says the operator" in done.said
    assert "127.0.0.0/8" in human.told[0]


def test_without_egress_addresses_the_way_is_rotate_now(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    made: list[Key] = []
    human = Human(
        acts={"taken away": lambda: made.append(twin.rotate_in_dashboard(leaked))},
        pastes=[lambda: value(made[0])],
    )
    kept: list[Secret] = []

    done = guided(twin, clock, human).contain(Target("", value(leaked)), (), rotation(leaked, kept))

    assert (done.how, done.value) == ("rotated", "taken")
    assert done.minted is not None and done.minted.value == value(made[0]) and kept == [value(made[0])]
    assert done.minted.created == 0.0 < done.minted.pasted <= clock.now().timestamp(), "pasted at is not created at"
    assert "Expiration: `Now`" in human.told[0] and f"…{leaked.token.reveal()[-4:]}" in human.told[0]
    assert human.told[1].startswith("New secret key"), "the hidden prompt for the value is the very next thing"
    assert not twin.is_alive(leaked)


def test_a_rotation_whose_value_is_a_key_in_use_is_refused_and_taken_by_typing_why_alone(
    twin: StripeTwin, clock: BentClock, leaked: Key
) -> None:
    """The key was made 400 days ago, and something else uses it; a second paste is no reason, words are one."""
    other, kept = twin.create_secret_key("in use elsewhere"), list[Secret]()
    held = replace(order(leaked), holder=lambda given: "This key is in use already: key other." if given == value(other) else "")
    human = Human(
        acts={"taken away": lambda: twin.stripe_deactivates(leaked)},
        pastes=[lambda: value(other), lambda: value(leaked), lambda: value(other), lambda: "we moved to it"],
    )
    done = guided(twin, clock, human).contain(Target("", value(leaked)), (), replace(rotation(leaked, kept), order=held))
    assert done.minted is not None and (done.minted.value, done.minted.because) == (value(other), "we moved to it")
    assert kept == [value(other)] and sum("in use already" in said for said in human.told) == 2

    alone = Human(interactive=False, pastes=[lambda: value(other)])
    with pytest.raises(Waiting, match="in use already"):
        guided(twin, clock, alone).mint(replace(held, old=None), lambda _: "x")


def test_a_key_that_stripe_made_before_it_was_asked_for_is_doubted(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    other = twin.create_secret_key("of last year")
    asked = clock.now().timestamp() + 3600.0
    row = KeyRow(other.id, other.name, active=True, mode=Mode.LIVE, created=other.created)
    human = Human(pastes=[lambda: value(other), lambda: None])
    issuer = DashboardIssuer(StripeApi(twin.url), twin.account, Mode.LIVE, human, clock, rows=lambda _key: row)
    with pytest.raises(Waiting, match="before it was asked for"):
        issuer.mint(replace(order(leaked), asked_at=asked), lambda _: "x")
    fresh = DashboardIssuer(
        StripeApi(twin.url), twin.account, Mode.LIVE, Human(pastes=[lambda: value(other)]), clock, rows=lambda _key: row
    )
    assert fresh.mint(replace(order(leaked), asked_at=other.created - 5.0), lambda _: "x").value == value(other)


def test_the_new_key_that_dies_in_a_rotation_stops_it(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    """Another key was made, and its row was expired instead of the leaked one's."""
    new, kept = twin.create_secret_key("the new one"), list[Secret]()
    human = Human(acts={"Both keys are watched": lambda: twin.stripe_deactivates(new)}, pastes=[lambda: value(new)])
    with pytest.raises(Rejected, match="the new key was killed"):
        guided(twin, clock, human).contain(Target("", value(leaked)), (), rotation(leaked, kept))
    assert kept == [value(new)] and twin.is_alive(leaked)


def test_a_new_key_beside_one_that_does_not_die_is_kept_and_nothing_counts_as_contained(
    twin: StripeTwin, clock: BentClock, leaked: Key
) -> None:
    new = twin.create_secret_key("created, not rotated")
    human = Human(pastes=[lambda: value(new)])
    done = guided(twin, clock, human).contain(Target("", value(leaked)), (), rotation(leaked, []))
    assert (done.how, done.value) == ("none", "taken") and done.minted is not None
    assert any("was Expiration `Now` chosen" in said for said in human.told), "the person is told what they may have missed"


@pytest.mark.parametrize(("word", "how", "left"), [("lost", "rotated", "lost"), ("not rotated", "expired", "")])
def test_a_value_that_is_not_given_is_asked_about(twin: StripeTwin, clock: BentClock, leaked: Key, word: str, how: str, left: str) -> None:
    human = Human(acts={"taken away": lambda: twin.stripe_deactivates(leaked)}, chooses=word)
    done = guided(twin, clock, human).contain(Target("", value(leaked)), (), rotation(leaked, []))
    assert (done.how, done.value, done.minted) == (how, left, None)


def test_where_nobody_sits_the_value_is_asked_for_again_once_the_key_is_dead(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    nobody = Human(interactive=False)
    with pytest.raises(Waiting) as waiting:
        guided(twin, clock, nobody).contain(Target("", value(leaked)), (), rotation(leaked, []))
    assert "Rotate key" in waiting.value.what and leaked.token.reveal()[-4:] not in waiting.value.what
    made = twin.rotate_in_dashboard(leaked)
    clock.sleep(30)
    told = rotation(leaked, [], told=True)
    assert guided(twin, clock, nobody).contain(Target("", value(leaked)), (), told).value == "open"
    brings = Human(interactive=False, pastes=[lambda: value(made)])
    assert guided(twin, clock, brings).contain(Target("", value(leaked)), (), told).value == "taken"


def test_a_value_that_is_in_custody_is_not_asked_for_and_both_keys_are_watched(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    made, kept = twin.create_secret_key("of an earlier try"), list[Secret]()
    human = Human(acts={"Both keys are watched": lambda: twin.stripe_deactivates(leaked)})
    done = guided(twin, clock, human).contain(Target("", value(leaked)), (), rotation(leaked, kept, found=value(made)))
    assert done.minted is not None and (done.how, done.minted.value, kept) == ("rotated", value(made), [value(made)])
    assert not any(said.startswith("New secret key") for said in human.told)


def test_equal_ends_are_said_and_other_marks_are_given(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    end = leaked.token.reveal()[-4:]
    text = dashboard_steps.to_retire(Mode.LIVE, value(leaked), Secret("sk_" + "live_" + "x" * 40 + end), Marks(pasted=1.8e9, name="ir-1"))
    assert f"Both tokens end in …{end}" in text and "Name ir-1" in text and "pasted into this run at" in text
    assert "created" not in text.replace("columns Name, Created", ""), "when a key was made is not known from its paste"
    assert "watches both keys" in text and "leave it unused" not in text


def test_a_key_that_nothing_replaces_is_contained_by_its_death(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    human = Human(acts={"is to be killed": lambda: twin.stripe_deactivates(leaked)})
    issuer = DashboardIssuer(StripeApi(twin.url), twin.account, Mode.TEST, human, clock)

    assert issuer.contain(Target("", value(leaked)), ()).how == "rotated"
    assert not any(said.startswith("New ") for said in human.told), "no new key is asked for"


def test_containment_looks_once_when_nobody_is_there(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    issuer, target = guided(twin, clock, Human(interactive=False)), Target("", value(leaked))
    with pytest.raises(Waiting) as waiting:
        issuer.contain(target, ("203.0.113.0/28",))
    assert "203.0.113.0/28" in waiting.value.what

    twin.attach_access_policy(leaked, ("203.0.113.0/28",))
    assert issuer.contain(target, ("203.0.113.0/28",)).how == "policy"
    twin.attach_access_policy(leaked, ())
    twin.stripe_deactivates(leaked)
    assert issuer.contain(target, ()).how == "expired"
    with pytest.raises(Waiting):
        issuer.release(target, ())


def test_nothing_is_known_of_rows(twin: StripeTwin, clock: BentClock, leaked: Key) -> None:
    issuer = guided(twin, clock, Human())
    assert issuer.identify(value(leaked), known_id=leaked.id) is None
    assert issuer.strays(INCIDENT) == ()
