"""Inventories that are made and drawn: whatever stores are called, the text is right and the picture is one."""

import json
import secrets
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir import inventory
from ir.core.errors import ExitCode
from ir.core.key_search import FoundKey, assigned, in_text, keepers
from ir.core.model import Mode
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.inventory import graph as inventory_graph
from ir.inventory import skeleton
from tests.sizes import examples


def value(prefix: str = "sk", mode: str = "test", body: str = "") -> Secret:
    return Secret(f"{prefix}_{mode}_{body or secrets.token_hex(24)}")


PARTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(lambda t: t.isprintable())
REFS = st.builds(
    lambda scheme, host, path, field: Reference(scheme, host if scheme != "dotenv" else "", path, field or "X"),
    st.sampled_from(["aws-sm", "vault", "dotenv"]),
    PARTS,
    st.lists(PARTS, min_size=1, max_size=3).map("/".join),
    PARTS,
)


def usable(ref: Reference) -> bool:
    """What a store can be asked for at all; finders make no others."""
    try:
        return parse(str(ref)) == ref
    except ValueError:
        return False


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(
        st.tuples(REFS.filter(usable), st.integers(0, 3), st.lists(PARTS, max_size=2)), min_size=1, max_size=6, unique_by=lambda row: row[0]
    )
)
def test_whatever_places_are_called_the_text_is_an_inventory(rows: list[tuple[Reference, int, list[str]]]) -> None:
    values = [value(), value("rk"), value(mode="live"), value("rk", "live")]
    found_keys = [FoundKey(ref, values[which], tuple(kept)) for ref, which, kept in rows]
    text = skeleton.write(found_keys, ["x: \n- evil: y"])
    made = inventory.loads(text, "made.yaml")
    assert {ref for key in made.keys for ref in key.stored_in} == {ref for ref, _, _ in rows}
    assert len(made.keys) == len({which for _, which, _ in rows})
    assert not any(one.reveal() in text for one in values)
    drawn = inventory_graph.graph_of(made)
    assert ET.fromstring(inventory_graph.svg(drawn)).tag.endswith("svg")  # noqa: S314 - our own text
    assert len(inventory_graph.mermaid(drawn).splitlines()) == 1 + len(drawn.nodes) + len(drawn.lines)


def test_a_key_tells_its_account_and_each_mode_is_an_account_of_its_own() -> None:
    told = value(body="51" + "A1b2C3d4E5f6G7h" + "x" * 82)
    found_keys = [FoundKey(parse("vault://secret/a#k"), told), FoundKey(parse("vault://secret/b#k"), value(mode="live"))]
    made = inventory.loads(skeleton.write(found_keys, accounts={"live": "acct_1Live"}), "x")
    assert {(account.name, account.id, account.mode) for account in made.accounts} == {
        ("test", "acct_1A1b2C3d4E5f6G7h", Mode.TEST),
        ("live", "acct_1Live", Mode.LIVE),
    }


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"a": {"b/c": "KEY", "d~e": ["x", "KEY"]}, "f": "KEY ", "g": 5}', ["/a/b~1c", "/a/d~0e/1"]),
        ("KEY\n", [""]),
        ("prefix KEY", []),
        ('["KEY"]', []),
        ("[" * 50_000, []),
    ],
)
def test_fields_are_found_wherever_they_stand(text: str, fields: list[str]) -> None:
    one = value()
    found = list(in_text(text.replace("KEY", one.reveal())))
    assert [field for field, _ in found] == fields and all(held == one for _, held in found)


def test_variables_are_found_by_what_they_hold() -> None:
    one = value().reveal()
    text = f"\ufeffA={one}\nexport B = '{one}'\n#C={one}\nD=x{one}\n  E=\"{one}\" # live\r\nF=development\n"
    assert assigned(text) == {"A", "B", "E"}


def test_tags_tell_who_writes_a_place() -> None:
    assert keepers({"Managed-By": "external-secrets", "team": "payments"}) == ("managed by external-secrets",)
    assert keepers({"aws:cloudformation:stack-name": "shop"}) == ("CloudFormation stack shop",)
    assert keepers({"owner": "alice"}) == ()


GRAPH = """
version: 1
accounts: [{name: main, id: acct_1A, mode: test}]
keys: [{name: payments, account: main, kind: secret, stored_in: ["vault://secret/a%23\\"<b>#k", "manual://heroku"]}]
services: [{name: shop, uses: [payments], reads_from: "vault://secret/a%23\\"<b>#k", reload: {polls: 1s}, verify: [{http: "http://127.0.0.1/x"}]}]
"""


def test_a_graph_has_a_line_from_key_to_store_to_service(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from ir.cli import run

    file = tmp_path_factory.mktemp("graph") / "keys.yaml"
    file.write_text(GRAPH)
    file.chmod(0o600)
    assert run(["inventory", "graph", str(file), "--format", "mermaid"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("flowchart LR\n") and "key0 --> store1" in told and "store1 --> service2" in told and "#quot;#lt;b#gt;" in told
    assert run(["inventory", "graph", str(file), "--format", "svg"]) == 0
    picture = ET.fromstring(capsys.readouterr().out)  # noqa: S314 - our own text
    boxes = picture.findall("{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == 4 and len(picture.findall("{http://www.w3.org/2000/svg}path")) == 3
    assert run(["inventory", "graph", str(file)]) == 0
    assert "shop (wave main)" in capsys.readouterr().out
    assert run(["inventory", "graph", str(file), "--format", "dot"]) == ExitCode.USAGE


def test_check_says_what_a_made_inventory_still_lacks(capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    from ir.cli import run

    found_keys = [FoundKey(parse("vault://secret/pay#key"), value(mode="live"))]
    found_keys.append(FoundKey(parse("vault://secret/hook#key"), Secret(f"whsec_{secrets.token_hex(16)}")))
    file = tmp_path_factory.mktemp("made") / "keys.yaml"
    text = skeleton.write(found_keys)
    assert "list it under `webhooks:` with its endpoint's url: webhook signing secret at vault://secret/hook#key" in text
    file.write_text(text)
    file.chmod(0o600)
    assert run(["inventory", "check", str(file), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["missing"]
    assert first.startswith("the id of account `live`") and second.startswith("services that use pay;")
    assert run(["inventory", "check", str(file)]) == 0
    assert "still missing: services that use pay" in capsys.readouterr().err
