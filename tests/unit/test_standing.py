"""The state word, the leaked key, the outage and the next command of every kind of incident."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ir.core.model import Debt, Did, Json, Outcome
from ir.incident import standing_facts
from ir.incident.record import Incident
from ir.incident.standing import STATES, Standing, stand
from ir.storage.incident_index import IncidentRow
from ir.storage.leases import Lease
from tests.unit import report_samples as stories
from tests.unit.report_samples import Builder

NAME, NOW = "INC-20261123-7f3a", 2_000_000.0
MINE = Lease("key k", NAME, "e", "laptop", 1, "1", "mara@laptop", 1_000_000.0, 1_999_990.0, None, 1, alive=True)
HERS = replace(MINE, actor="ann@desk")
GONE = replace(MINE, alive=False)
CLICKS: Json = {"said": "a person has to click", "todo": "click, then: ir resume INC-20261123-7f3a", "action": "mint"}
ASKED: Json = {"said": "`retire` needs an approval", "todo": f"ir approve {NAME}", "action": "approve"}
OWED: Json = {
    "kind": "key-alive",
    "about": "k",
    "why": "the leaked key is not dead",
    "todo": "ir rotate stripe payments --policy exploited",
}
LEFT: Json = {"kind": "leftover", "about": "w", "why": "an unknown webhook", "todo": "look at it"}


def row(status: str, **summary: object) -> IncidentRow:
    rest = {"key": "payments", "policy": "exposed", "again": "ir rotate stripe payments", **summary}
    return IncidentRow(NAME, 1_000_000.0, 1_500_000.0, status, 0, rest)


FOLLOW, RESUME, REPORT = f"ir status {NAME} --follow", f"ir resume {NAME}", f"ir report {NAME}"
TABLE: list[tuple[str, Lease | None, Json, Json, str, str]] = [
    ("running", MINE, {}, {}, "running", FOLLOW),
    ("running", HERS, {}, {}, "running", FOLLOW),
    ("running", GONE, {}, {}, "interrupted", RESUME),
    ("running", None, {}, {}, "interrupted", RESUME),
    ("running", GONE, {"debts": [OWED]}, {}, "interrupted", RESUME),
    ("waiting", GONE, {"asks": CLICKS}, {}, "waiting for you", RESUME),
    ("waiting", None, {"asks": CLICKS}, {}, "waiting for you", RESUME),
    ("waiting", MINE, {"asks": CLICKS}, {}, "waiting for you", FOLLOW),
    ("waiting", HERS, {"asks": CLICKS}, {}, "waiting for ann@desk", FOLLOW),
    ("waiting", GONE, {"asks": ASKED}, {}, "waiting for you", f"ir resume {NAME}"),
    ("waiting", GONE, {"asks": ASKED}, {"people": ["alice", "bob"]}, "waiting for alice, bob", f"ir approve {NAME}"),
    ("waiting", HERS, {"asks": ASKED}, {"people": ["alice"]}, "waiting for alice", FOLLOW),
    ("waiting", GONE, {"asks": CLICKS, "wake_at": NOW + 60}, {}, "waiting for its time", RESUME),
    ("waiting", GONE, {"asks": CLICKS, "wake_at": NOW - 60}, {}, "waiting for you", RESUME),
    ("debt", GONE, {"debts": [LEFT, OWED]}, {}, "still to do", "ir rotate stripe payments --policy exploited"),
    ("debt", None, {"debts": [LEFT]}, {}, "still to do", RESUME),
    ("debt", None, {"debts": [OWED]}, {"heir": "INC-20261124-0001"}, "taken over", "ir status INC-20261124-0001"),
    ("reopened", None, {"debts": [LEFT]}, {}, "still to do", RESUME),
    ("done", None, {}, {}, "done", REPORT),
    ("attested", None, {}, {}, "attested", REPORT),
    ("attested", None, {"debts": [OWED]}, {}, "attested", REPORT),
    ("attested", None, {"debts": [OWED], "accepted": {}}, {}, "attested", "ir rotate stripe payments --policy exploited"),
    ("rolled back", None, {"debts": [OWED]}, {}, "rolled back", "ir rotate stripe payments --policy exploited"),
    ("rolled back", None, {}, {}, "rolled back", "ir rotate stripe payments"),
    ("aborted", None, {"debts": [LEFT]}, {}, "aborted", "ir rotate stripe payments"),
    ("refused", None, {}, {}, "refused", "ir rotate stripe payments"),
]


@pytest.mark.parametrize(("status", "holder", "summary", "more", "state", "command"), TABLE)
def test_one_state_word_and_one_next_command(
    status: str, holder: Lease | None, summary: Json, more: Json, state: str, command: str
) -> None:
    found = stand(row(status, **summary), holder, me="mara@laptop", now=NOW, **more)
    assert (found.state, found.next, found.status) == (state, command, status)
    assert state in STATES or ("waiting for NAME" in STATES and state.startswith("waiting for "))


def test_every_word_of_the_list_is_in_the_table() -> None:
    words = {state if state in STATES else "waiting for NAME" for *_, state, _ in TABLE}
    assert words == set(STATES)


def test_since_when() -> None:
    def since(status: str, holder: Lease | None) -> float:
        return stand(row(status), holder, now=NOW).since

    assert since("running", MINE) == 1_000_000.0, "as long as it runs"
    assert since("running", GONE) == 1_999_990.0, "its last sign of life"
    assert since("running", replace(GONE, heartbeat=0.0)) == 1_500_000.0, "its last record"
    assert since("waiting", GONE) == since("done", None) == 1_500_000.0


def opened() -> Builder:
    b = Builder()
    stories.preflight(b)
    return b


def contained(how: str = "narrowed", **more: object) -> Builder:
    b = opened()
    facts: Json = {"containment": {"how": how, **more}, "contained_at": b.now + 2, "old": {"liveness": "narrow"}}
    b.step("contain", Outcome(Did.DONE, "contained", facts))
    return b


def asked_to_die() -> Builder:
    b = opened()
    b.step("retire", Outcome(Did.DONE, "asked", {"retire_asked_at": b.now}))
    return b


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (Builder, "unknown"),
        (opened, "alive"),
        (contained, "contained"),
        (lambda: contained("policy", unseen=True), "unknown"),
        (asked_to_die, "unknown"),
        (stories.debt, "unknown"),
        (stories.overlap, "dead"),
        (stories.exploited, "dead"),
        (stories.rolled_back, "alive"),
        (stories.aborted, "alive"),
    ],
)
def test_the_leaked_key_is_what_was_seen_of_it(story: Callable[[], Builder], state: str) -> None:
    record = story().incident
    found = standing_facts.leaked(record)
    assert found["state"] == state
    if state == "alive":
        assert found["since"] == record.facts["exposed_at"], "alive since it got out, not since it was looked at"


def test_an_outage_lasts_from_the_containment_until_the_last_service_has_moved() -> None:
    b = contained()
    began = b.incident.facts["contained_at"]
    assert standing_facts.outage(b.incident) == {"since": began, "until": 0.0, "services": sorted(stories.SERVICES)}
    stories.mint(b)
    stories.wave(b, "canary.canary", ["checkout"])
    assert standing_facts.outage(b.incident)["services"] == sorted(set(stories.SERVICES) - {"checkout"})
    stories.wave(b, "waves.main", ["billing-worker", "subscriptions"])
    stories.wave(b, "waves.edge", ["storefront"])
    moved = b.incident.facts["services"]
    over = standing_facts.outage(b.incident)
    assert over == {"since": began, "until": max(row["moved_at"] for row in moved.values()), "services": []}


def test_no_outage_where_services_keep_their_key_or_moved_before_it_died() -> None:
    assert standing_facts.outage(contained("policy").incident) == {}
    assert standing_facts.outage(stories.overlap().incident) == {}
    assert standing_facts.outage(stories.rolled_back().incident) == {}
    assert standing_facts.outage(opened().incident) == {}


def test_services_of_the_inventory_count_where_nothing_looked_at_them() -> None:
    b = contained()
    record: Incident = b.incident
    record.facts["services"] = {}
    rows = "[{name: a, uses: [payments], reads_from: 'env://K', reload: {command: [x]}, verify: [{command: [x], proves: up}]}]"
    keys = "[{name: payments, account: m, kind: secret, stored_in: ['env://K']}]"
    text = f"version: 1\naccounts: [{{name: m, id: acct_1, mode: test}}]\nkeys: {keys}\nservices: {rows}\n"
    record.opened |= {"inventory": text, "inventory_name": "i.yaml", "key": "payments"}
    assert standing_facts.outage(record)["services"] == ["a"]


def test_what_is_left_is_told_with_the_keys_first_and_what_it_waits_for_by_its_record() -> None:
    b = stories.waiting()
    summary = standing_facts.told(b.incident)
    assert (summary["asks"]["action"], "ir resume" in summary["asks"]["todo"]) == ("mint", True)
    found: Standing = stand(row("debt", debts=[LEFT, OWED]), None, now=NOW)
    assert [debt["kind"] for debt in found.left] == ["key-alive", "leftover"]
    assert standing_facts.asks(stories.overlap().incident) == {}
    assert Debt(**found.left[0]).todo == found.next
