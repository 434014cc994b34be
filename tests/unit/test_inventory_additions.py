"""Rows added to an inventory that a person wrote: every byte of it stays, in whatever style it is, and a second time adds nothing."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir import inventory
from ir.core.errors import Refused
from ir.core.key_kind import Credential
from ir.core.key_search import FoundKey
from ir.core.model import KeyKind
from ir.core.name_shape import NameShape
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.inventory import additions
from ir.inventory.proposal import Named, NewKey, Proposal, Proposer
from ir.inventory.proposed_services import Reader
from tests.sizes import examples


def value(prefix: str = "sk_live") -> Secret:
    return Secret(f"{prefix}_{secrets.token_hex(24)}")


BLOCK = """\
# the shop's keys
version: 1
accounts:
  - {name: main, id: acct_1A, mode: live}   # the only one
keys:
  - name: payments      # asked for by the auditor
    account: main
    kind: secret
    stored_in:
      - vault://secret/payments#sk   # the first

      # a comment of ours
services:
    - name: shop
      uses: [payments]
      reads_from: vault://secret/payments#sk
      reload: {polls: 1m}
      verify: [{stripe_usage: true}]
# the end
"""
FLOW = """\
version: 1
accounts: [{name: main, id: acct_1A, mode: live}]
keys: [{name: payments, account: main, kind: secret, stored_in: ["vault://secret/payments#sk"]}]
"""
STYLES = {"block": BLOCK, "flow": FLOW, "no line end": FLOW.rstrip("\n"), "windows": BLOCK.replace("\n", "\r\n")}
OLD = parse("vault://secret/payments#sk")
NEW = parse("k8s://prod/payments/stripe#api_key")


def _proposal(text: str, found_keys: list[FoundKey], named: list[Named] | None = None, readers: list[Reader] | None = None) -> Proposal:
    return Proposer(found_keys, named or [], readers or [], {}, inventory.loads(text, "x")).proposal()


def _kept(before: str, after: str) -> bool:
    """Whether all that was written is there still, in its order."""
    rest = iter(after)
    return all(one in rest for one in before)


@pytest.mark.parametrize("style", STYLES)
def test_a_key_a_place_and_a_service_are_added_and_all_else_stays(style: str) -> None:
    text, same, other = STYLES[style], value(), value("rk_live")
    reload = {"rollout": {"context": "prod", "namespace": "ops", "deployment": "refunder"}}
    found_keys = [FoundKey(OLD, same), FoundKey(NEW, same), FoundKey(parse("k8s://prod/ops/refunds#key"), other)]
    readers = [Reader(parse("k8s://prod/ops/refunds#key"), "refunder", reload)]
    made = additions.added(text, "x", _proposal(text, found_keys, readers=readers))
    assert _kept(text, made)
    after = inventory.loads(made, "x")
    assert [str(ref) for ref in after.key("payments").stored_in] == [str(OLD), str(NEW)]
    assert after.key("refunds").account == "main" and after.key("refunds").kind == "restricted"
    assert after.services[-1].name == "refunder" and after.services[-1].uses == ["refunds"]
    assert len(after.accounts) == 1 and not any(one.reveal() in made for one in (same, other))
    assert _proposal(made, found_keys, readers=readers).empty, "a second time there is nothing new"


def test_the_same_text_comes_back_when_nothing_is_new() -> None:
    assert additions.added(BLOCK, "x", _proposal(BLOCK, [FoundKey(OLD, value())])) == BLOCK


def test_a_value_that_a_listed_key_is_known_to_have_is_a_place_of_it() -> None:
    same = value()
    found = Proposer([FoundKey(NEW, same)], listed=inventory.loads(BLOCK, "x"), held={same.fingerprint: "payments"}).proposal()
    assert found.keys == () and found.more == {"payments": (str(NEW),)}


def test_a_file_is_the_same_however_it_is_spelt() -> None:
    text = BLOCK.replace("vault://secret/payments#sk", "dotenv://shop/.env#SK")
    assert _proposal(text, [FoundKey(parse("dotenv://./shop/.env#SK"), value())]).empty


def test_a_key_of_another_mode_brings_its_account() -> None:
    made = additions.added(BLOCK, "x", _proposal(BLOCK, [FoundKey(NEW, value("sk_test"))]))
    after = inventory.loads(made, "x")
    assert [(row.name, row.mode) for row in after.accounts] == [("main", "live"), ("test", "test")] and "fill in" in made


def test_names_alone_are_keys_of_their_own_and_say_so() -> None:
    row = Named(parse("vercel://shop/STRIPE_SECRET_KEY"), NameShape(Credential.SECRET, None), "the host never tells its value")
    hook = Named(parse("vercel://shop/STRIPE_WEBHOOK_SECRET"), NameShape(Credential.WEBHOOK, None), "the host never tells its value")
    found = _proposal(BLOCK, [], [row, hook], [Reader(row.ref, "shop", {"vercel": {"project": "shop"}})])
    made = additions.added(BLOCK, "x", found)
    assert "by its name alone, mode assumed: the host never tells its value" in made
    assert [key.name for key in inventory.loads(made, "x").keys] == ["payments", "shop"]
    assert inventory.loads(made, "x").services[-1].name == "shop-2", "a name that is taken"
    again = _proposal(BLOCK, [FoundKey(OLD, value())], [], [Reader(OLD, "worker")])
    assert again.services == () and "the check of shop by stripe_usage allows no other" in again.remarks[-1]
    assert any("webhook signing secret at vercel://shop/STRIPE_WEBHOOK_SECRET" in line for line in found.remarks)


def test_what_cannot_be_put_in_is_refused() -> None:
    """Here a name that is taken; a list on one line may end with a comma of its own."""
    text, same = FLOW.replace('sk"]', 'sk", ]'), value()
    wrong = Proposal((), (NewKey("payments", "main", KeyKind.SECRET, {str(NEW): ""}),), (), {}, ())
    with pytest.raises(Refused, match="with the new rows it is wrong"):
        additions.added(text, "x", wrong)
    made = additions.added(text, "x", _proposal(text, [FoundKey(OLD, same), FoundKey(NEW, same)]))
    assert [str(ref) for ref in inventory.loads(made, "x").key("payments").stored_in] == [str(OLD), str(NEW)]


def test_a_row_that_would_end_in_another_key_is_refused() -> None:
    wrong = Proposal((), (), (), {"payments": (str(OLD),)}, ())
    with pytest.raises(Refused):
        additions.added(BLOCK, "x", wrong)


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def _usable(row: tuple[str, str]) -> bool:
    try:
        ref = Reference("k8s", "prod", f"{row[0]}/{row[1]}", "key")
        return parse(str(ref)) == ref
    except ValueError:
        return False


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS).filter(_usable), min_size=1, max_size=5, unique=True), TEXTS, st.sampled_from([BLOCK, FLOW]))
def test_whatever_others_call_things_it_is_an_inventory(rows: list[tuple[str, str]], remark: str, text: str) -> None:
    refs = [Reference("k8s", "prod", f"{space}/{name}", "key") for space, name in rows]
    named = [Named(ref, NameShape(Credential.SECRET, None), "why", (remark,)) for ref in refs]
    readers = [Reader(ref, remark, {}, remark) for ref in refs]
    found = _proposal(text, [], named, readers)
    after = inventory.loads(additions.added(text, "x", found), "x")
    assert {ref for key in after.keys for ref in key.stored_in} == {OLD, *refs}
