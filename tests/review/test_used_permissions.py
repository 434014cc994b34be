"""From logs to permissions: what services used, less what is not theirs; and `ir permissions` as a user runs it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import accounts, attacks, permissions
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Refused
from ir.core.model import Json
from ir.permissions import Derived
from ir.permissions.of_review import derive_used
from ir.ports import ReviewRequest
from ir.review import StripeReviewer
from tests.review.test_review_cli import run
from tests.unit.evidence_world import BEGIN, DAY, EXPOSED, HOUR, NOWHERE, UNTIL, Account, Row, ident

NODE = "Stripe/v1 NodeBindings/18.1.0"


def line(n: int, what: str, ts: int, **more: object) -> Row:
    """A line of our own log."""
    method, _, path = what.partition(" ")
    row = {"time": ts * 1000, "method": method, "url": "https://api.stripe.com" + path, "status": 200, "stripe_request_id": ident(n)}
    return {**row, "service": "shop", **more}


def seen(n: int, what: str, ts: int, **more: object) -> Row:
    """A row of Stripe's log alone."""
    method, _, path = what.partition(" ")
    row = {"created": ts, "request_id": ident(n), "method": method, "url": path, "status": 200, "ip_address": "203.0.113.9"}
    return {**row, "user_agent": NODE, "api_key": "mk_shop", **more}


def used(world: Account, *, exposed: float = EXPOSED, key_id: str = "", account: str = "acct_1", generations: tuple[str, ...] = ()) -> Json:
    request = ReviewRequest(
        account, NOWHERE, BEGIN, UNTIL, exposed, 0, None, "", key_id, str(world.folder / "review"), uses=True,
        egress=tuple(world.egress), logs=tuple(world.logs), generations=generations,
    )  # fmt: skip
    return StripeReviewer(StripeApi(NOWHERE), memory_limit="512MB").review(request, lambda _: None).used


def derived(world: Account, *own: Row, log: tuple[Row, ...] | None = None, **how: object) -> Derived:
    """Of our charges, these lines of our own besides, and (`log`) Stripe's request log with these rows besides."""
    world.folder.mkdir(exist_ok=True)
    world.with_events()
    world.egress.append(world.write("egress.jsonl", [*own, *(world.own(n, ts) for n, ts in world.calls)]))
    if log is not None:
        world.with_requests(more=log)
    return derive_used(used(world, **how), {}, partial="a test")  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Account:
    return Account(tmp_path / "w")


def names(rows: tuple[object, ...]) -> list[str]:
    return [row.name for row in rows]  # type: ignore[attr-defined]


def test_our_own_calls_are_granted_each_with_its_why(world: Account) -> None:
    told = derived(world, line(9001, "GET /v1/customers/cus_1?expand[]=default_source", BEGIN + DAY))
    assert told.permissions == ("charge_write", "customer_read", "source_read") and told.apart == ()
    customer = next(row for row in told.granted if row.permission == "customer_read")
    assert (customer.calls, customer.callers, customer.last) == (1, ("shop",), BEGIN + DAY)
    charge = next(row for row in told.granted if row.permission == "charge_write")
    assert charge.calls == len(world.calls), "what Stripe's events tell too is counted once"


def test_a_right_first_used_since_is_apart_even_in_our_own_log(world: Account) -> None:
    told = derived(world, line(9001, "GET /v1/customers", EXPOSED + HOUR))
    assert told.permissions == ("charge_write",) and names(told.apart) == ["customer_read"]


def test_a_stranger_gives_no_right_and_takes_none_away(world: Account) -> None:
    """The attacker reads customers, as our service does, and pays out, as no service does."""
    theirs = [seen(9100 + n, "GET /v1/customers", EXPOSED + HOUR + n, ip_address="198.51.100.77", user_agent="curl/8") for n in range(40)]
    theirs += [seen(9200, "POST /v1/payouts", EXPOSED + 2 * HOUR, ip_address="198.51.100.77", user_agent="curl/8")]
    told = derived(world, line(9001, "GET /v1/customers", BEGIN + DAY), log=(seen(9001, "GET /v1/customers", BEGIN + DAY), *theirs))
    assert told.permissions == ("charge_write", "customer_read")
    customer = next(row for row in told.granted if row.permission == "customer_read")
    assert customer.calls == 1, "the stranger's calls are not counted as ours"


def test_a_client_that_writes_no_log_of_ours_keeps_what_it_used_before(world: Account) -> None:
    told = derived(world, log=(seen(9001, "GET /v1/invoices", BEGIN + DAY),))
    assert "invoice_read" in told.permissions and next(row for row in told.granted if row.permission == "invoice_read").unlogged


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("a scanner", {"user_agent": "TruffleHog"}),
        ("this tool", {"user_agent": "Stripe/v1 PythonBindings/16.1.0 ir/1.0"}),
        ("a refused stranger", {"status": 403}),
        ("a blocked stranger", {"status": 401}),
    ],
)
def test_what_is_no_use_gives_no_right(world: Account, what: str, more: Row) -> None:
    told = derived(world, log=(seen(9001, "GET /v1/balance", BEGIN + DAY, **more),))
    assert told.permissions == ("charge_write",) and told.apart == () and told.refused == (), what


def test_calls_for_connected_accounts_are_told_from_our_own(world: Account) -> None:
    told = derived(
        world,
        line(9001, "GET /v1/balance", BEGIN + DAY, stripe_account="acct_seller1"),
        line(9002, "GET /v1/customers", BEGIN + DAY, stripe_account="acct_1"),
    )
    assert told.permissions == ("charge_write", "customer_read") and told.connect_permissions == ("balance_read",)


def test_what_our_service_was_refused_is_told_and_not_granted(world: Account) -> None:
    told = derived(world, line(9001, "POST /v1/payouts", BEGIN + DAY, status=403))
    assert "payout_write" not in told.permissions and names(told.refused) == ["payout_write"]


def test_rows_of_another_key_are_left_out(world: Account) -> None:
    log = (seen(9001, "GET /v1/invoices", BEGIN + DAY, api_key="mk_other"),)
    assert "invoice_read" not in derived(world, log=log, key_id="mk_shop").permissions
    other = Account(world.folder.parent / "other")
    assert "invoice_read" in derived(other, log=log, key_id="mk_never_seen").permissions, "a log that does not name the key tells of all"


def test_uses_of_a_keys_former_value_count_as_its_own(world: Account) -> None:
    """After a rotation within the window the log names the key by two ids: what was used under the former one alone was left out."""
    log = (seen(9001, "GET /v1/invoices", BEGIN + DAY, api_key="mk_former"), seen(9002, "GET /v1/prices", BEGIN + DAY, api_key="mk_other"))
    told = derived(world, log=log, key_id="mk_shop", generations=("mk_former", "mk_shop")).permissions
    assert "invoice_read" in told and "plan_read" not in told


def test_without_an_exposure_time_all_of_the_last_30_days_is_apart(world: Account) -> None:
    told = derived(world, exposed=0)
    assert (told.how, told.permissions, names(told.apart)) == ("unknown", (), ["charge_write"])


def test_nothing_is_derived_from_logs_that_may_not_be_whole(tmp_path: Path) -> None:
    """Our own log alone: without Stripe's events nothing tells whether it holds all."""
    world = Account(tmp_path).with_egress()
    told = used(world)
    assert not told["logs"]["egress"]["full"]
    with pytest.raises(Refused, match="may not hold all calls"):
        derive_used(told, {})
    accepted = derive_used(told, {}, partial="no export to be had tonight")
    assert accepted.partial == "no export to be had tonight" and accepted.permissions == ("charge_write",)
    assert derive_used(used(Account(tmp_path).with_egress().with_events()), {}).partial == ""


def test_a_log_that_begins_late_is_whole_for_its_own_days(tmp_path: Path) -> None:
    whole = Account(tmp_path).with_events().with_egress().with_requests()
    whole.calls = [(n, ts) for n, ts in whole.calls if ts > BEGIN + DAY]
    told = used(Account(tmp_path, calls=whole.calls).with_events().with_egress().with_requests(), exposed=0)
    assert told["logs"]["request-log"]["full"] and told["since"] > BEGIN + DAY


def test_without_logs_what_services_declare_is_all() -> None:
    told = derive_used({}, {"yearly": ["GET /v1/balance"]})
    assert told.permissions == ("balance_read",) and "no log was read" in told.coverage


def test_the_sentence_tells_what_was_not_seen(world: Account) -> None:
    world.folder.mkdir()
    world.with_events()
    world.egress.append(world.write("egress.jsonl", [{**world.own(n, ts), "service": "shop"} for n, ts in world.calls]))
    said = derive_used(used(world), {}, ("shop", "reports")).coverage
    assert "5 days of logs" in said and "no call of `reports`" in said and "no read of `shop`" in said and "request log" in said


def test_generated_accounts_give_no_attackers_right_and_miss_none() -> None:
    """A few of the 300 that the benchmark runs; without the rule about first uses, some would."""
    told = [permissions.look(case, dated=True) for case in permissions.cases(range(4001, 4007))]
    assert any(one.evil for one in told)
    assert [one.stolen | one.missed for one in told] == [set()] * len(told)


# ── the command ──


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, list[str]]:
    world = accounts.quiet(7)
    attacks.ATTACKS["recon"](world)
    for row in world.egress:
        row["service"] = "billing" if "Python" in row["service"] else "checkout"
    accounts.write(world, tmp_path / "logs")
    service = (
        "    uses: [payments]\n    reads_from: dotenv://./.env#KEY\n    reload: {command: [x]}\n    verify: [{command: [x], proves: up}]\n"
    )
    (tmp_path / "inventory.yaml").write_text(
        "version: 1\naccounts:\n  - {name: main, id: acct_1Demo, mode: live}\nkeys:\n  - name: payments\n    account: main\n"
        f"    kind: secret\n    stored_in: [dotenv://./.env#KEY]\nservices:\n  - name: checkout\n{service}  - name: billing\n{service}"
        '    needs: ["GET /v1/reviews"]\n'
    )
    (tmp_path / "inventory.yaml").chmod(0o600)
    until, exposed = (datetime.fromtimestamp(t, UTC).isoformat() for t in (world.until, world.exposed))
    return tmp_path, ["--until", until, "--exposed-at", exposed, "--egress", "logs/*.gz", "--logs", "logs/*.jsonl"]


def test_a_list_with_its_why_the_page_and_a_key_for_each_service(shop: tuple[Path, list[str]]) -> None:
    folder, flags = shop
    done = run(folder, "permissions", "stripe", *flags, "--output", "derived.json")
    assert done.returncode == 0, done.stderr
    assert "Core › PaymentIntents: Write, payment_intent_write" in done.stdout and "declared by billing" in done.stdout
    assert "transfer_write; it moves money" in done.stdout and "a job that runs more rarely is not in them" in done.stdout
    assert "+    uses: [payments-billing]" in done.stdout and "+    reads_from: dotenv://./.env#KEY_BILLING" in done.stdout
    assert "review_read" in Derived.read(json.loads((folder / "derived.json").read_text())).permissions
    assert (folder / "derived.json").stat().st_mode & 0o777 == 0o600
    assert not (folder / "state" / "permissions").exists(), "the normalised store is removed"


def test_one_document_and_a_ticket(shop: tuple[Path, list[str]]) -> None:
    folder, flags = shop
    told = json.loads(run(folder, "permissions", "stripe", *flags, "--json").stdout)
    assert told["complete"] is False and "payment_intent_write" in told["by_api"] and "payments-billing" in told["inventory_change"]
    assert "connected_account_read" not in told["permissions"], "only the attacker looked at the account"
    assert Derived.read(told["derived"]).permissions == tuple(told["permissions"])
    ticket = run(folder, "permissions", "stripe", *flags, "--markdown").stdout
    assert ticket.startswith("## Permissions for the replacement of `payments`") and "- [ ] Core › PaymentIntents: **Write**" in ticket
    page = run(folder, "permissions", "stripe", *flags, "--dashboard").stdout
    assert page.index("Apple Pay Domains") < page.index("PaymentIntents") and page.count("None") > 40


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pk_" + "live_abc"], 3, "publishable"),
        (["sk_" + "org_live_abc"], 3, "organization"),
        (["sk_" + "live_" + "a" * 30], 2, "looks like a key"),
        (["--json", "--markdown"], 2, "one result"),
        (["--tick", "payout_write"], 2, "listed apart"),
    ],
)
def test_what_is_refused(shop: tuple[Path, list[str]], words: list[str], code: int, said: str) -> None:
    done = run(shop[0], "permissions", "stripe", *words)
    assert done.returncode == code and said in done.stderr + done.stdout and "a" * 20 not in done.stderr


def test_partial_logs_take_a_reason(shop: tuple[Path, list[str]]) -> None:
    folder, flags = shop
    alone = [*flags[:4], "--egress", "logs/*.gz"]
    assert run(folder, "permissions", "stripe", *alone).returncode == 3
    done = run(folder, "permissions", "stripe", *alone, "--accept-partial", "no export tonight")
    assert done.returncode == 0 and "no export tonight" in done.stdout


def test_the_map_prints_itself_and_finds_what_it_lacks(shop: tuple[Path, list[str]]) -> None:
    folder, flags = shop
    every = run(folder, "permissions", "map")
    assert "POST /v1/refunds: charge_write" in every.stdout and "inferred: stripe-apps-events 2026-11-30" in every.stdout
    (folder / "logs" / "odd.jsonl").write_text(json.dumps(line(1, "POST /v1/invented/in_1A", int(UNTIL))) + "\n")
    told = run(folder, "permissions", "map", "--until", flags[1], "--since", "400d", "--egress", "logs/*.gz", "--json")
    assert {row["path"] for row in json.loads(told.stdout)["rows"]} >= {"/v1/charges", "/v1/payment_intents"}
    odd = run(folder, "permissions", "map", "--egress", "logs/odd.jsonl", "--since", "2026-01-01", "--until", "2027-01-01")
    assert "not in the map: POST /v1/invented/:id" in odd.stdout, odd.stderr
