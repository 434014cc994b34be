"""What cannot be undone: what a person is told, has to type, and hears when it was not typed."""

import io
from typing import Any

import pytest
from rich.console import Console

from ir.cli.terminal import by_name
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.incident import exposure_clock, irreversible
from ir.incident.facts import Facts
from ir.incident.record import Incident
from ir.ports import Irreversible

ABOUT = Irreversible("payments dies. It cannot be brought back.", "payments", "the key's name, payments,")
INVENTORY = """\
version: 1
accounts: [{name: main, id: acct_1, mode: test}]
keys: [{name: payments, account: main, kind: secret, stored_in: ['manual://host#KEY']}]
services:
- {name: web, uses: [payments], reads_from: 'manual://host#KEY', reload: {command: ['true']}, verify: [{command: ['true'], proves: up}]}
"""


def record(name: str = "inventory.yaml", **options: Any) -> Incident:
    opened = {"key": "payments", "inventory": INVENTORY, "inventory_name": name, "options": options}
    facts: Facts = {
        "old": {"id": "mk_1", "fingerprint": "0123456789abcdef"},
        "new": {"fingerprint": "fedcba9876543210"},
        "stores": {"manual://host#KEY": {"guided": True}},
    }
    return Incident(id="INC-1", opened=opened, facts=facts)


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[Terminal, io.StringIO]:
    seen = io.StringIO()
    operator = Terminal(Screen(console=Console(file=seen, width=200)), name="ann", yes=False)
    operator.interactive = True
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return operator, seen


@pytest.mark.parametrize(
    ("lines", "confirmed"),
    [
        (["payments"], True),
        (["  payments  "], True),
        (["y", "payments"], True),
        (["y", "yes", "PAYMENTS", "payments"], False),
        (["n", "payments"], False),
        (["", "payments"], False),
        ([], False),
    ],
)
def test_only_the_name_itself_confirms(monkeypatch: pytest.MonkeyPatch, lines: list[str], *, confirmed: bool) -> None:
    operator, seen = answers(monkeypatch, *lines)
    assert operator.confirm_by_name(ABOUT) is confirmed
    assert operator.declined is not confirmed
    assert ABOUT.warning in seen.getvalue() and "the key's name, payments," in seen.getvalue()


def test_what_was_typed_instead_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk_" + "test_" + "a" * 30
    operator, seen = answers(monkeypatch, key, "not a key either", "n")
    assert not operator.confirm_by_name(ABOUT)
    assert key not in seen.getvalue() and "either" not in seen.getvalue()


def test_yes_stays_for_machines_and_nobody_confirms_nothing() -> None:
    assert Terminal(Screen(), name="cron", yes=True).confirm_by_name(ABOUT)
    assert not Terminal(Screen(), name="cron", yes=False).confirm_by_name(ABOUT)


def test_the_warning_says_what_dies_what_fails_and_who_was_not_looked_at() -> None:
    about = irreversible.to_kill(record(accept_unverified={"web": "it has no check"}), "1303")
    assert about.name == "payments" and "1303" not in repr(about)
    for said in (
        "payments (…1303, mk_1) dies",
        "cannot be brought back",
        "refused by Stripe",
        "Not looked at: web, manual://host#KEY, whatever",
    ):
        assert said in about.warning
    back = irreversible.to_go_back(record())
    assert back.name == "payments" and "fedcba9876543210" in back.warning and "web" in back.warning and "stays alive" in back.warning


def test_a_key_without_a_name_is_called_by_its_last_four() -> None:
    about = irreversible.to_kill(record(irreversible.NO_INVENTORY), "1303")
    assert about.name == "1303" and "last four" in about.asks_for and "payments" not in about.warning
    assert irreversible.to_kill(record(irreversible.NO_INVENTORY)).name == "INC-1", "nobody here can know them"
    assert irreversible.to_purge(record(), 1).name == "payments"


def test_who_settled_a_question_since_it_was_asked() -> None:
    now = record()
    who = by_name.settled(record(), "retire", lambda: now)
    assert who() == ""
    now.signals.append({"kind": "approve", "step": "verify", "by": "eve"})
    assert who() == "", "another step's approval"
    now.signals.append({"kind": "approve", "step": "retire", "by": "bob"})
    assert who() == "bob"


NOW = 10_000.0


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"exposed_at": NOW - 872, "opened_at": NOW - 10}, "leaked key alive 14:32"),
        ({"opened_at": NOW - 3723}, "leaked key alive at least 1:02:03"),
        (
            {"exposed_at": NOW - 872, "contained_at": NOW - 130, "containment": {"how": "narrowed"}},
            "leaked key contained, alive 14:32 · outage 2:10",
        ),
        ({"exposed_at": NOW - 872, "contained_at": NOW - 130, "containment": {"how": "policy"}}, "leaked key contained, alive 14:32"),
        ({"exposed_at": NOW - 872, "dead_at": NOW - 5, "contained_at": NOW - 130}, "leaked key dead · outage 2:10"),
        ({"exposed_at": NOW - 872, "dead_at": NOW - 5, "contained_at": NOW - 130, "verified_at": NOW - 1}, "leaked key dead"),
    ],
)
def test_one_clock(facts: Facts, said: str) -> None:
    assert exposure_clock.said(facts, NOW) == said


def test_a_line_that_stands_still_tells_minutes() -> None:
    assert exposure_clock.said({"opened_at": NOW - 59}, NOW, minutes=True) == "leaked key alive under 1 min"
    assert exposure_clock.said({"opened_at": NOW - 60}, NOW, minutes=True) == "leaked key alive at least 1 min"
