"""The twin's table of permissions and the map of `ir permissions`: two tables, from other sources, and where they differ."""

import sys

import pytest

from ir.drill.twin.permissions import ACCEPTED
from ir.drill.twin.refusals import asked, recorded
from ir.permissions import permission_for
from ir.permissions.endpoint_map import rows
from ir.permissions.names import api_names, called

KNOWN = {
    # Stripe's reference names `connected_account_read`; refusals have named this one, which no list of names has.
    ("GET", "/v1/account"): ("accounts_kyc_basic_read", "connected_account_read"),
}
"""(method, path) → what the twin asks for, what the map says."""


def test_where_the_two_differ(capsys: pytest.CaptureFixture[str]) -> None:
    differ, lacking, own = {}, [], 0
    for (method, path), name in recorded().items():
        row = permission_for(method, path)
        if row is None:
            lacking.append(f"{method} {path}")
        elif name not in row.permissions:
            differ[method, path] = (name, ", ".join(row.permissions))
        else:
            own += row.source.name != "refusals-trufflehog"
    alone = len(recorded()) - own - len(differ) - len(lacking)
    told = [f"twin and map: {len(recorded())} endpoints in the twin's table, {len(rows())} in the map"]
    told += [f"  the same, by sources that are not the twin's: {own}; by the twin's source alone: {alone}"]
    told += [f"  {' '.join(call)}: the twin asks for {twin}, the map says {ours}" for call, (twin, ours) in differ.items()]
    told += [f"  {call}: in the twin's table alone" for call in lacking]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(told) + "\n")
    assert differ == KNOWN and lacking == ["POST /v1/account/login_links"]
    assert own > len(recorded()) / 2, "what only one source says cannot disagree"


def test_the_twins_names_are_those_of_the_key_api() -> None:
    assert api_names() == ACCEPTED
    assert {name for name in recorded().values() if called(f"rak_{name}") != name} == set()


def test_the_twin_asks_for_what_was_recorded_and_else_for_the_objects_own() -> None:
    assert asked("GET", "/v1/topups", "x") == "top_up_read" and asked("POST", "/v1/customers", "x") == "customer_write"
    assert asked("DELETE", "/v1/products", "x") == "product_write" and asked("GET", "/v1/refunds", "charge_read") == "charge_read"
