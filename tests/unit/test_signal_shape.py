"""A row of signals is data: what says something else than its kind does is heard as that, and obeyed by no process."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ir.core.model import Json
from ir.evidence.hash_chain import canonical
from ir.storage import signal_shape

FORGED = (
    ("approve", "[1]"),
    ("approve", "null"),
    ("approve", "{"),
    ("approve", "[" * 5000 + "]" * 5000),
    ("approve", '{"a": ' * 60 + "1" + "}" * 60),
    ("approve", '{"reason": "\\ud800"}'),
    ("approve", '{"until": 1e999}'),
    ("approve", '{"until": ' + "9" * 400 + "}"),
    ("approve", '{"until": true}'),
    ("approve", '{"step": ["retire"]}'),
    ("approve", '{"accepts": {"accept_unreachable": {"x": "y"}}}'),
    ("approve", '{"facts": {"proof": {}}}'),
    ("classify", '{"facts": "classified_at personal_data_breach"}'),
    ("classify", '{"facts": {"classified_at": "never"}}'),
    ("classify", '{"facts": {"classified_at": 1e300}}'),
    ("classify", '{"facts": {"personal_data_breach": "no"}}'),
    ("misuse", '{"evidence": []}'),
    ("misuse", '{"evidence": [], "debt": {"kind": "misuse"}}'),
    ("close", "{}"),
)
SENT: tuple[tuple[str, Json], ...] = (
    ("approve", {"plan": "p", "step": "retire", "seen": "", "until": 1_790_000_000, "reason": "", "name": "alice", "signature": "s"}),
    ("approve", {"plan": "p", "step": "", "reason": "looked", "source_closed": "vault://secret/a#b", "environment": "SUDO_USER=x"}),
    ("classify", {"facts": {"classified_at": 1.5e9, "classified_by": "kim", "classified_because": "", "personal_data_breach": None}}),
    ("misuse", {"debt": {"kind": "misuse", "about": "misuse", "why": "w", "todo": "t"}, "evidence": ["req_1"]}),
    ("close", {"reason": "seen", "debt": "", "accept_alive": {"mk_1": "another team's"}}),
    ("wake", {"yes": True, "accepts": {"accept_unreachable": {"aws-sm://x": "gone"}}, "facts": {"stores": {"a": {"left_out": True}}}}),
    ("contain", {"said": "contained", "facts": {"containment": {"at": 1.0}}}),
    ("abort", {}),
    ("of a later version", {"anything": [1, {"a": None}]}),
)


def row(kind: str, body: str, at: float = 2.0) -> Json:
    return {"id": 7, "incident": "INC-1", "kind": kind, "actor": "mallory", "at": at, "body": body}


@pytest.mark.parametrize(("kind", "body"), FORGED)
def test_what_no_person_could_have_sent_is_heard_as_that(kind: str, body: str) -> None:
    heard = signal_shape.read(row(kind, body))
    assert heard["kind"] == signal_shape.UNREADABLE and heard["body"]["why"].startswith(f"{kind}: ")
    assert (heard["id"], heard["actor"], heard["at"]) == (7, "mallory", 2.0), "who sent it, and when, is told all the same"


@pytest.mark.parametrize(("kind", "body"), SENT)
def test_what_commands_send_is_heard_as_it_was_sent(kind: str, body: Json) -> None:
    assert signal_shape.read(row(kind, json.dumps(body))) == {**row(kind, ""), "body": body}


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 1e300, -1e300])
def test_a_time_that_is_none_is_not_taken(at: float) -> None:
    heard = signal_shape.read(row("approve", "{}", at))
    assert (heard["kind"], heard["at"]) == (signal_shape.UNREADABLE, 0.0)


@given(
    st.sampled_from(["approve", "classify", "misuse", "close", "wake"]),
    st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists),
)
def test_all_that_is_heard_can_be_recorded(kind: str, value: object) -> None:
    for body in (value, {"facts": value, "until": value}):
        heard = signal_shape.read(row(kind, json.dumps(body)))
        assert isinstance(heard["body"], dict) and canonical(heard)
