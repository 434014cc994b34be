"""What was left behind: by exposure known and unknown, by what Stripe tells of its age, and by who can have made it."""

from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from ir.core.model import Json
from ir.review.collect import leftover_sweep
from ir.review.collect.collector import Collector
from ir.review.detect.derived_tables import derive_acts, derive_sent
from ir.review.detect.window import Window
from ir.review.judge.coverage import ABSENT, SourceCoverage
from ir.review.judge.leftover_list import list_leftovers, looked_at
from ir.review.judge.verdict import judge
from ir.review.sql.engine import DuckDb
from ir.review.sql.schema import TABLES

NOW, DAY = 1_790_000_000, 86400
LEAK = NOW - DAY
KNOWN, UNKNOWN = Window.of(NOW - 30 * DAY, LEAK, NOW), Window.of(NOW - 30 * DAY, 0, NOW)
OWN = "acct_1"
SEEN = {name: SourceCoverage() for name in ABSENT}


def listed(scratch: Path, window: Window, own_ids: tuple[str, ...] = (), **tables: list[Json]) -> dict[str, Json]:
    engine = DuckDb(scratch, memory_limit="256MB", threads=1)
    try:
        for table, columns in TABLES.items():
            rows = [tuple(row.get(c.name, "" if c.type == "VARCHAR" else 0) for c in columns) for row in tables.get(table, [])]
            engine.fill(table, columns, rows)
        derive_sent(engine, egress=bool(tables.get("requests")), probes=(), mine=own_ids)
        derive_acts(engine, [])
        return {str(row["id"]): row for row in list_leftovers(engine, window, OWN)}
    finally:
        engine.close()


def hook(ident: str, ts: int, **more: Any) -> Json:
    return {"kind": "webhook_endpoint", "id": ident, "ts": ts, "url": "https://collect.example.net/x", **more}


def change(kind: str, ts: int = NOW - 3600, by: str = "user", **more: Any) -> Json:
    return {"type": kind, "id": f"accact_{kind}", "ts": ts, "actor_type": by, **more}


def test_an_unknown_exposure_shows_what_nobody_explains_and_suspects_nobody(tmp_path: Path) -> None:
    left = listed(
        tmp_path,
        UNKNOWN,
        objects=[
            hook("we_old", NOW - 400 * DAY),
            hook("we_ours", NOW - 9 * DAY, known=1),
            {"kind": "external_account", "id": "ba_1"},
            {"kind": "issuing_card", "id": "ic_1", "ts": NOW - 5 * DAY},
            {"kind": "connected_account", "id": "acct_ours", "ts": NOW - 5 * DAY},
            {"kind": "external_account", "id": "ba_seller", "ts": NOW - 5 * DAY, "account": "acct_ours"},
            {"kind": "promotion_code", "id": "promo_1", "ts": NOW - 5 * DAY},
        ],
        activity=[change("user_invite_accepted"), change("app_installed"), change("api_key_created", by="stripe_action")],
        events=[
            {
                "id": "evt_1",
                "type": "account.created",
                "object_id": "acct_ours",
                "ts": NOW - 5 * DAY,
                "request_id": "req_1",
                "act": "70:account",
            }
        ],
        requests=[{"own": 1, "source": "egress", "request_id": "req_1", "ts": NOW - 5 * DAY}],
    )
    assert set(left) == {"we_old", "ba_1", "ic_1", "accact_user_invite_accepted", "accact_app_installed"}
    for row in left.values():
        assert row["severity"] == "medium"
        assert "the exposure time is unknown" in row["why"]
        assert row["undo"].startswith("if no one owns it: ")
    assert judge([], SEEN, tuple(left.values()), UNKNOWN, 0).verdict == "cannot tell"


def test_a_known_exposure_divides_by_time(tmp_path: Path) -> None:
    objects = [hook("we_new", LEAK + 60), hook("we_old", LEAK - 60), hook("we_ours", LEAK + 60, known=1), hook("we_mine", LEAK + 9)]
    left = listed(tmp_path, KNOWN, ("we_mine",), objects=objects)
    assert {name: row["severity"] for name, row in left.items()} == {"we_new": "critical"}
    assert judge([], SEEN, tuple(left.values()), KNOWN, 0).verdicts["account"] == "suspected"


@pytest.mark.parametrize(("told", "severity"), [("created", "critical"), ("nothing", None), ("no events", "medium")])
def test_a_payout_destination_is_as_old_as_its_event_tells(told: str, severity: str | None, tmp_path: Path) -> None:
    """Stripe's bank accounts carry no time of creation."""
    created = {
        "id": "evt_1",
        "type": "account.external_account.created",
        "object_id": "ba_1",
        "ts": LEAK + 60,
        "act": "95:external_account",
    }
    other = {"id": "evt_2", "type": "customer.created", "object_id": "cus_1", "ts": LEAK + 60}
    events = {"created": [created], "nothing": [other], "no events": []}[told]
    left = listed(tmp_path, KNOWN, objects=[{"kind": "external_account", "id": "ba_1"}], events=events)
    assert left.get("ba_1", {}).get("severity") == severity


@pytest.mark.parametrize("kind", ["user_invite_created", "user_roles_updated", "app_installed", "api_key_created", "radar_rule_deleted"])
def test_what_no_key_can_do_says_so(kind: str, tmp_path: Path) -> None:
    (row,) = listed(tmp_path, KNOWN, activity=[change(kind, actor="person:ab12", object_id="x_1", grp=kind.split("_")[0])]).values()
    assert row["severity"] in ("high", "critical")
    assert "by person:ab12" in row["why"]
    assert ("the account itself may be misused" in row["why"]) is (not kind.startswith("radar"))
    (row,) = listed(tmp_path, KNOWN, activity=[change(kind, by="api_key")]).values()
    assert "the account itself" not in row["why"]


@pytest.mark.parametrize("kind", ["app_uninstalled", "api_key_deleted", "payout_destination_removed", "api_key_updated", "api_key_viewed"])
def test_what_takes_away_or_only_looks_leaves_nothing(kind: str, tmp_path: Path) -> None:
    assert listed(tmp_path, KNOWN, activity=[change(kind)]) == {}


def test_an_allow_list_is_emptied_only_where_there_was_one(tmp_path: Path) -> None:
    now = [change("api_key_updated", object_id=f"mk_{n}", changed="ip_allowlist empty") for n in (1, 2)]
    before = change("api_key_created", LEAK - DAY, object_id="mk_1", changed="ip_allowlist set")
    assert set(listed(tmp_path, KNOWN, activity=[before, *now])) == {"mk_1"}


def test_what_was_undone_since_is_left_no_more(tmp_path: Path) -> None:
    made = [change("app_installed", LEAK + 9, object_id="ca_1"), change("api_key_created", LEAK + 9, object_id="mk_1")]
    gone = change("app_uninstalled", LEAK + 99, object_id="ca_1")
    earlier = change("api_key_deleted", LEAK + 1, object_id="mk_1")
    assert set(listed(tmp_path, KNOWN, activity=[*made, gone, earlier])) == {"mk_1"}


def test_what_this_incident_did_is_nobody_elses(tmp_path: Path) -> None:
    mine = [change("api_key_created", object_id="mk_new"), change("user_invite_created", request_id="req_ours")]
    assert listed(tmp_path, KNOWN, ("mk_new", "req_ours"), activity=mine) == {}


def test_a_key_that_a_person_made_under_our_name_is_ours_and_a_second_one_of_that_name_is_not(tmp_path: Path) -> None:
    made = "ir-INC-20261127-0a0b0c-1"
    one, two = (change("api_key_created", object_id=ident, changed=f"named {made}") for ident in ("mk_1", "mk_2"))
    assert not listed(tmp_path / "one", KNOWN, own_ids=(made,), activity=[one])
    assert set(listed(tmp_path / "another", KNOWN, own_ids=("ir-INC-20261127-0d0e0f-1",), activity=[one])) == {"mk_1"}
    assert set(listed(tmp_path / "two", KNOWN, own_ids=(made,), activity=[one, two])) == {"mk_1", "mk_2"}


def test_what_only_an_event_tells(tmp_path: Path) -> None:
    ts = LEAK + 60
    events = [
        {"id": "evt_1", "type": "account.application.authorized", "object_id": "ca_1", "ts": ts},
        {"id": "evt_2", "type": "balance_settings.updated", "ts": ts, "request_id": "req_2"},
        {"id": "evt_3", "type": "account.application.authorized", "object_id": "ca_3", "ts": ts, "account": "acct_seller"},
        {"id": "evt_4", "type": "balance_settings.updated", "ts": ts, "request_id": "req_own"},
    ]
    requests = [{"own": 1, "source": "egress", "request_id": "req_own", "ts": ts}]
    left = listed(tmp_path, KNOWN, events=events, requests=requests)
    assert {name: row["kind"] for name, row in left.items()} == {
        "ca_1": "account.application.authorized",
        "evt_2": "balance_settings.updated",
    }


def test_a_crowd_hides_no_single_thing(tmp_path: Path) -> None:
    crowd = [{"kind": "connected_account", "id": f"acct_{n}", "ts": LEAK + n} for n in range(700)]
    left = list(listed(tmp_path, KNOWN, objects=[*crowd, hook("we_1", NOW - 1)]))
    assert left[0] == "we_1"
    assert len(left) == 500


def test_a_kind_that_was_not_read_is_not_looked_at() -> None:
    looked = looked_at(["webhook_endpoint"], history=False)
    assert "webhook_endpoint" not in looked
    assert {"coupon", "external_account"} <= looked
    assert "user_invite_created" not in looked
    assert "user_invite_created" in looked_at([], history=True)


def payout(ident: str, created: int, *, automatic: bool) -> Json:
    money = {"amount": 400_000, "currency": "usd"}
    return {"id": ident, "created": created, "automatic": automatic, "method": "standard", "destination": "ba_ours", **money}


def test_payouts_by_hand_of_the_year_before_are_habits_and_no_leftovers(tmp_path: Path) -> None:
    """Events reach back for a month; the list of payouts for longer."""
    made = [payout("po_1", LEAK - 100 * DAY, automatic=False), payout("po_2", LEAK - 50 * DAY, automatic=True)]
    made.append(payout("po_3", LEAK + 60, automatic=False))

    class Lists:
        def objects(self, path: str, since: int, **_more: Any) -> tuple[list[Json], str]:
            return ([row for row in made if int(str(row["created"])) >= since], "") if path == "/v1/payouts" else ([], "")

    swept = leftover_sweep.sweep_lists(cast(Collector, Lists()), LEAK, OWN, (), lambda _: None)
    habits = [row for row in swept.rows if row["kind"] == "payout_history"]
    assert [(row["id"], row["detail"], row["amount"]) for row in habits] == [("po_1", "standardba_ours", 400_000)]
    assert "po_1" not in listed(tmp_path, KNOWN, objects=[dict(row) for row in swept.rows])


@pytest.mark.parametrize("beside", [f"/v1/accounts/{OWN}/external_accounts", "/v1/payouts"])
def test_what_no_list_has_to_name_first_is_read_beside_the_lists(beside: str) -> None:
    asked = Event()

    class Lists:
        def objects(self, path: str, since: int, **_more: Any) -> tuple[list[Json], str]:
            asked.set() if path == beside else None
            return [], "" if path != "/v1/coupons" or asked.wait(10) else "the other was not asked meanwhile"

    swept = leftover_sweep.sweep_lists(cast(Collector, Lists()), LEAK, OWN, (), lambda _: None)
    assert asked.is_set() and swept.unread == {}


def test_destinations_of_connected_accounts_that_are_new_are_read_after_the_list_that_names_them() -> None:
    made = {"id": "acct_new", "created": LEAK + 60}
    places = {OWN: "ba_own", "acct_new": "ba_theirs"}
    answers: dict[str, list[Json]] = {f"/v1/accounts/{name}/external_accounts": [{"id": place}] for name, place in places.items()}

    class Lists:
        def objects(self, path: str, since: int, **_more: Any) -> tuple[list[Json], str]:
            return ([made] if path == "/v1/accounts" else answers.get(path, [])), ""

    swept = leftover_sweep.sweep_lists(cast(Collector, Lists()), LEAK, OWN, (), lambda _: None)
    found = {row["id"]: (row["account"], row["ts"]) for row in swept.rows if row["kind"] == "external_account"}
    assert found == {"ba_own": ("", 0), "ba_theirs": ("acct_new", LEAK + 60)}
