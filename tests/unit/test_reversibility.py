"""What can be undone is said by action, issuer, key and inventory, in the same words everywhere."""

import pytest

from ir import inventory
from ir.core.model import Danger
from ir.incident import playbook, reversibility
from ir.incident.facts import Facts
from ir.incident.plan import Plan, compile_plan
from ir.incident.record import Incident
from ir.incident.reversibility import Way
from ir.runtime.following import document

ISSUERS = {
    "managed": "issuer: managed, app_key: 'env://APP'",
    "dashboard": "issuer: dashboard",
    "addresses": "issuer: dashboard, egress_ips: [203.0.113.0/28]",
}


def plan(issuer: str, book: str, *, replaces: bool = True) -> Plan:
    text = f"""\
version: 1
accounts: [{{name: main, id: acct_1, mode: test, {ISSUERS[issuer]}}}]
keys: [{{name: payments, account: main, kind: secret, permissions: [charge_read], stored_in: ['vault://secret/payments#api_key']}}]
"""
    source = inventory.loads(text, "inventory.yaml")
    return compile_plan(playbook.load(book), source, source.keys[0], replaces=replaces)


@pytest.mark.parametrize(
    ("issuer", "replaces", "kills"),
    [
        ("managed", True, False),
        ("managed", False, False),
        ("addresses", True, False),
        ("addresses", False, True),
        ("dashboard", True, True),
        ("dashboard", False, True),
    ],
)
@pytest.mark.parametrize("book", ["stripe-contain", "stripe-exploited"])
def test_to_contain_is_to_kill_only_where_nothing_milder_is_to_be_had(book: str, issuer: str, *, replaces: bool, kills: bool) -> None:
    made = plan(issuer, book, replaces=replaces)
    contain = next(step for step in made.steps if step.action == "contain")
    assert (contain.danger is Danger.IRREVERSIBLE) is kills and bool(contain.undo) is not kills
    said = made.reversibility
    assert ("`contain` kills the leaked key, which cannot be undone" in said) is kills
    if kills:
        assert "Nothing in it is irreversible" not in said and "everything can be undone" not in said


def test_report_and_document_say_what_the_plan_says() -> None:
    for book in playbook.shipped():
        made = plan("dashboard", book)
        assert reversibility.promise_of(made.to_json()) == made.reversibility
        assert document(Incident(opened={"plan": made.to_json()}), Incident().exit_code)["reversibility"] == made.reversibility
    assert reversibility.promise_of({}) == reversibility.promise_of({"steps": [{"id": "x"}]}) == ""


def test_a_replacement_that_is_there_already_is_not_rotated_once_more() -> None:
    source = inventory.loads("version: 1\naccounts: [{name: a, id: acct_1, mode: test}]\nkeys: [{name: k, account: a, kind: secret, "
                             "stored_in: ['manual://x#K']}]\n", "x")  # fmt: skip
    account = source.accounts[0]
    assert reversibility.way(account, replaces=True) is Way.ROTATION
    assert reversibility.way(account, replaces=True, made=True) is Way.KILL


@pytest.mark.parametrize(
    ("facts", "dead"),
    [
        ({}, False),
        ({"dead_on_arrival": True}, True),
        ({"containment": {"how": "rotated"}, "old": {"liveness": "expired"}}, True),
        ({"containment": {"how": "rotated"}, "old": {"liveness": "alive"}}, False),
        ({"containment": {"how": "narrowed"}, "old": {"liveness": "narrow"}}, False),
        ({"containment": {"how": "policy"}, "old": {"liveness": "invalid"}}, False),
    ],
)
def test_a_kill_is_asked_about_unless_nothing_is_left_to_kill(facts: Facts, *, dead: bool) -> None:
    assert reversibility.dead(facts) is dead
