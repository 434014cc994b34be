"""What a service tells of rights that its key lacks, and one right more for a key of our own, against the twin."""

import json
import secrets
from collections.abc import Iterator

import pytest

from ir.adapters.verifiers.command import CommandVerifier
from ir.adapters.verifiers.http import HttpVerifier
from ir.core import permission
from ir.core.errors import Denied, Missing, Rejected, Unknown, Waiting
from ir.core.model import Mode
from ir.core.secret import Secret, fingerprint
from ir.drill.twin import StripeTwin
from ir.drill.twin.faults import LOST, broken
from ir.ports import Check, Expected, Target
from tests.worlds.issuers import BentClock, Human, dashboard, managed, order, settings, value
from tests.worlds.service_world import Handler, Instance, ServiceWorld

KEYS = "/v2/iam/api_keys"
READS = ("balance_read", "charge_read")
REFUSAL = (
    "The provided key 'rk_live_***abcdef' does not have the required permissions for this endpoint on account 'acct_1AbC'. "
    "Having the 'rak_topup_read' permission would allow this request to continue."
)


def _no_secrets(reference: str) -> Secret:
    raise Missing(f"there is no {reference}")


def _told(body: object, *, status: int = 200, field: str = "key_fingerprint", instances: tuple[object, ...] = ()) -> Check:
    """What a check of a service sees that answers so; `HOLDS` in the body stands for the expected fingerprint."""
    wanted = Expected(fingerprint("new " + secrets.token_hex(8)))

    def answers(said: object) -> Instance:
        text = json.dumps(said).replace("HOLDS", wanted.fingerprint).encode()

        def misbehave(handler: Handler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)

        return Instance("a", misbehave=misbehave)

    bodies = instances or (body,)
    with ServiceWorld([answers(one) for one in bodies]) as world:
        check = {field: "{{ new.fingerprint }}"}
        return HttpVerifier(resolve=_no_secrets, url=world.url, json=check, instances=len(bodies)).check(wanted)


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ([], {}),
        (["rak_charge_read", "payout_write"], {"charge_read": 0.0, "payout_write": 0.0}),
        ({"charge_read": 1795000000, "payout_write": "soon"}, {"charge_read": 1795000000.0, "payout_write": 0.0}),
        ([REFUSAL], {"top_up_read": 0.0}),
        (["rm -rf /", 7, "Charge_Read", "charge_read; drop", "a" * 99 + "_read"], {"": 0.0}),
        ([f"x{n}_read" for n in range(1000)], {"": 0.0}),
        (None, None),
        ("charge_read", None),
        (True, None),
    ],
)
def test_only_names_in_their_one_form_are_taken_from_a_service(lacks: object, told: object) -> None:
    check = _told({"key_fingerprint": "HOLDS", "lacks": lacks})
    assert (check.passed, check.lacks) == (True, told)
    assert REFUSAL[:20] not in check.said


def test_it_stands_beside_the_fingerprint_that_it_is_about() -> None:
    body = {"lacks": ["charge_read"], "stripe": {"key_fingerprint": "HOLDS", "lacks": ["payout_read"]}}
    assert _told(body, field="/stripe/key_fingerprint").lacks == {"payout_read": 0.0}


def test_what_a_service_with_another_key_tells_is_not_about_ours() -> None:
    check = _told({"key_fingerprint": "0123456789abcdef", "lacks": ["charge_read"]})
    assert (check.passed, check.lacks) == (False, None)


@pytest.mark.parametrize("status", [500, 503])
def test_a_service_that_is_unwell_for_want_of_a_right_tells_it_all_the_same(status: int) -> None:
    check = _told({"key_fingerprint": "HOLDS", "lacks": ["charge_read"]}, status=status)
    assert (check.passed, check.lacks) == (False, {"charge_read": 0.0})


def test_of_several_instances_each_tells_its_own() -> None:
    rows = (
        {"key_fingerprint": "HOLDS", "lacks": {"charge_read": 1795000000}},
        {"key_fingerprint": "HOLDS", "lacks": {"charge_read": 1795000009}},
    )
    check = _told({}, instances=(*rows, {"key_fingerprint": "HOLDS", "lacks": ["payout_read"]}))
    assert check.lacks == {"charge_read": 1795000009.0, "payout_read": 0.0}


def test_a_program_tells_it_in_what_it_prints() -> None:
    argv = ["/bin/sh", "-c", 'echo \'{"lacks": ["charge_read"]}\'; test {{ new.fingerprint }}']
    assert CommandVerifier(argv=argv).check(Expected("f" * 16)).lacks == {"charge_read": 0.0}
    assert CommandVerifier(argv=["/bin/sh", "-c", "test {{ new.fingerprint }}"]).check(Expected("f" * 16)).lacks is None


def test_the_names_in_refusals_are_found_and_keys_are_none() -> None:
    assert permission.in_message(REFUSAL) == "topup_read"
    assert permission.in_message("Enabling \"Prices Read\" ('plan_read') permissions would allow it") == "plan_read"
    assert permission.in_message("needs charge_read") == "" and permission.named("needs charge_read") == ""
    assert permission.named("'rk_live_read'") == "" and permission.named(" rak_v2_account_storer_write ") == "v2_account_storer_write"


# ── at the provider ──


@pytest.fixture
def clock() -> BentClock:
    return BentClock()


@pytest.fixture
def twin(clock: BentClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=3, clock=clock, settings=settings(mode=Mode.LIVE)) as made:
        yield made


def test_a_minted_key_gets_one_name_and_keeps_what_it_has(twin: StripeTwin, clock: BentClock) -> None:
    leaked = twin.create_restricted_key(READS)
    issuer = managed(twin, clock, twin.create_app_key())
    minted = issuer.mint(order(leaked, permissions=READS), lambda _: "x")
    target = Target(minted.id, minted.value, name=twin.key(minted.id).name)
    assert issuer.may_read(minted.value, "customer_read") is False

    assert issuer.widen(target, "customer_read") == "by API"
    clock.sleep(2)
    assert twin.key(minted.id).written == frozenset({*READS, "customer_read"})
    assert issuer.may_read(minted.value, "customer_read") is True
    assert "has it" in issuer.widen(target, "customer_read"), "done twice is done once"
    assert leaked.written == frozenset(READS)


def test_a_name_of_a_refusal_is_added_as_the_key_api_calls_it(twin: StripeTwin, clock: BentClock) -> None:
    leaked = twin.create_restricted_key(READS)
    issuer = managed(twin, clock, twin.create_app_key())
    minted = issuer.mint(order(leaked, permissions=READS), lambda _: "x")
    assert issuer.may_read(minted.value, "top_up_read") is False, "Stripe calls it rak_topup_read"
    issuer.widen(Target(minted.id, minted.value, name=twin.key(minted.id).name), "topup_read")
    assert "top_up_read" in (twin.key(minted.id).written or ())


def test_no_other_key_is_widened_and_no_unknown_name_is_kept(twin: StripeTwin, clock: BentClock) -> None:
    leaked, other = twin.create_restricted_key(READS), twin.create_restricted_key(READS, "somebody's")
    issuer = managed(twin, clock, twin.create_app_key())
    minted = issuer.mint(order(leaked, permissions=READS), lambda _: "x")
    with pytest.raises(Rejected, match="not the key"):
        issuer.widen(Target(other.id, value(other), name=twin.key(minted.id).name), "customer_read")
    with pytest.raises(Denied) as refused:
        issuer.widen(Target(minted.id, minted.value, name=twin.key(minted.id).name), "made_up_read")
    assert "Edit key" in refused.value.next_step
    assert twin.key(minted.id).written == other.written == frozenset(READS)


@pytest.mark.parametrize("fate", [broken(), LOST], ids=lambda fate: fate.what)
def test_no_answer_is_unknown_and_the_next_look_tells(twin: StripeTwin, clock: BentClock, fate: object) -> None:
    leaked = twin.create_restricted_key(READS)
    issuer = managed(twin, clock, twin.create_app_key())
    minted = issuer.mint(order(leaked, permissions=READS), lambda _: "x")
    target = Target(minted.id, minted.value, name=twin.key(minted.id).name)
    twin.fate(fate, method="POST", path=f"{KEYS}/*")  # type: ignore[arg-type]  # a fate
    with pytest.raises(Unknown):
        issuer.widen(target, "customer_read")
    issuer.widen(target, "customer_read")
    assert twin.key(minted.id).written == frozenset({*READS, "customer_read"})


def test_what_no_read_tells_is_not_told_and_nothing_is_written_to_find_out(twin: StripeTwin, clock: BentClock) -> None:
    key = twin.create_restricted_key(READS)
    issuer = managed(twin, clock, twin.create_app_key())
    before = len(twin.used(key))
    assert issuer.may_read(value(key), "charge_write") is None, "a write is never tried"
    assert issuer.may_read(value(key), "made_up_read") is None
    assert len(twin.used(key)) == before
    assert issuer.may_read(value(key), "charge_read") is True
    twin.expire_in_dashboard(key)
    clock.sleep(60)
    assert issuer.may_read(value(key), "charge_read") is None, "a 401 tells nothing of rights"


def test_in_the_dashboard_the_clicks_are_named(twin: StripeTwin, clock: BentClock) -> None:
    key = twin.create_restricted_key(READS)
    issuer = dashboard(twin, clock, Human(), Mode.LIVE)
    with pytest.raises(Waiting) as asked:
        issuer.widen(Target("", value(key)), "customer_read")
    assert "Edit key" in asked.value.next_step and "Customers: Read" in asked.value.next_step
    assert issuer.may_read(value(key), "customer_read") is False


@pytest.mark.parametrize("expires_at", [0.0, 1_900_000_000.0])
def test_a_key_dies_by_itself_only_where_that_was_asked_for(twin: StripeTwin, clock: BentClock, expires_at: float) -> None:
    leaked = twin.create_restricted_key(READS)
    issuer = managed(twin, clock, twin.create_app_key())
    minted = issuer.mint(order(leaked, permissions=READS, expires_at=expires_at), lambda _: "x")
    assert twin.key(minted.id).expires_at == (expires_at or None)
