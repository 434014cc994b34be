"""What only Conjur has: no compare-and-set, tokens that run out, a companion by policy, settings in several files.

CyberArk's own SDK is the second client: what it writes we read, what we write it reads, and the stand-in serves both alike.
"""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from conjur_api import Client  # type: ignore[import-untyped]  # CyberArk's SDK has no types
from conjur_api.models import (  # type: ignore[import-untyped]  # as above
    ConjurConnectionInfo,
    CredentialsData,
    SslVerificationMode,
)
from conjur_api.providers import (  # type: ignore[import-untyped]  # as above
    AuthnAuthenticationStrategy,
    SimpleCredentialsProvider,
)

from ir.adapters.stores.conjur import settings as conjur_settings
from ir.adapters.stores.conjur.listing import ConjurLister
from ir.adapters.stores.conjur.store import ConjurStore
from ir.core.errors import Conflict, Denied, Missing, Rejected, Unknown
from ir.core.place import Place
from ir.core.reference import parse
from ir.core.secret import Secret
from tests.worlds.api_description import Description
from tests.worlds.conjur import ConjurWorld, settings
from tests.worlds.conjur_fake import ConjurFake, Variable
from tests.worlds.stores import key, unique
from tests.worlds.surroundings import environment

INCIDENT = "INC-20261123-ab12"
OTHER = "INC-20261122-zz99"


@pytest.fixture
def fake() -> Iterator[ConjurFake]:
    """One of our own: its clock and its faults are changed."""
    with ConjurFake() as made, environment(**settings(made)):
        yield made


def _sdk(fake: ConjurFake) -> Any:  # CyberArk's client has no types
    provider = SimpleCredentialsProvider()
    provider.save(CredentialsData(machine=fake.address, username="admin", api_key=fake.keys["admin"]))
    info = ConjurConnectionInfo(conjur_url=fake.address, account=fake.account)
    return Client(info, SslVerificationMode.INSECURE, AuthnAuthenticationStrategy(provider))


def test_the_vendors_own_client_sees_the_same_world(fake: ConjurFake) -> None:
    old, new = key(), key()
    name = "prod/" + unique()
    store = ConjurStore(parse(f"conjur://acme/{name}"))

    async def tour() -> None:
        client = _sdk(fake)
        await client.load_policy_file("root", str(policy))
        await client.set(name, old.reveal())
        held = store.read()
        assert held.value == old
        store.promote(INCIDENT, new, expected=held.version)
        assert await client.get(name) == new.reveal().encode()
        assert await client.get(name, "1") == old.reveal().encode()
        assert (await client.get_resource("variable", name))["secrets"][-1]["version"] == int(store.read().version)
        assert await client.check_privilege("variable", name, "update")
        assert (await client.whoami())["account"] == "acme"

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.yml"
        policy.write_text(f"- !variable {name}\n")
        asyncio.run(tour())


def test_calls_and_answers_are_those_of_the_published_api(fake: ConjurFake) -> None:
    """No Conjur server installs here: what is asked of the stand-in, and what it answers, is held to CyberArk's description."""
    described, old, new = Description("conjur"), key(), key()
    ref = ConjurWorld(fake, "api_key").place(old)
    store = ConjurStore(ref)
    assert store.check_write(INCIDENT).proven
    store.keep(INCIDENT, "old", old)
    store.stage(INCIDENT, new)
    store.promote(INCIDENT, new, expected=store.read().version)
    store.undo(INCIDENT, old, new)
    store.discard(INCIDENT)
    with pytest.raises(Missing):
        ConjurStore(parse(f"conjur://acme/{unique()}")).read()
    assert ConjurLister().names(Place("conjur", "acme", "")).rows
    kinds = set()
    for method, path, query, status in fake.answered:
        name = described.named(f"{method} {path}")
        assert name, f"{method} {path} is not described"
        assert query | {str(status)} <= set(described.objects[name]), (name, query, status)
        kinds.add(name)
    assert len(kinds) >= 5 and any(name.startswith("POST /secrets/") for name in kinds)
    for path, kind in ((f"/resources/acme/variable/{quote(ref.path, safe='')}", "Resource"), ("/whoami", "WhoAmI")):
        token = base64.b64encode(next(iter(fake.tokens)).encode()).decode()
        answer = urllib3.request("GET", fake.address + path, headers={"Authorization": f'Token token="{token}"'})
        assert list(described.undescribed(answer.json(), kind)) == []


def test_the_recipe_for_the_companion_works(fake: ConjurFake) -> None:
    world = ConjurWorld(fake, "", companion=False)
    ref = world.place(key())
    store = ConjurStore(ref)
    assert not store.custodian
    said = store.check_write(INCIDENT).said
    leaf = f"{ref.path.removeprefix('prod/')}-ir"
    assert f"policy branch `prod`: `- !variable {leaf}`" in said
    with pytest.raises(Rejected) as caught:
        store.keep(INCIDENT, "old", key())
    assert leaf in caught.value.next_step
    fake.variables[f"prod/{leaf}"] = Variable()
    fresh = ConjurStore(ref)
    assert fresh.custodian
    assert fresh.keep(INCIDENT, "old", key())


def test_a_neighbour_at_the_same_moment_is_merged(fake: ConjurFake) -> None:
    old, new = key(), key()
    world = ConjurWorld(fake, "api_key")
    ref = world.place(old)
    expected = ConjurStore(ref).read().version
    acts = [lambda: world.write_neighbour(ref, "theirs")]
    fake.before_put = lambda name: acts.pop()() if name == ref.path and acts else None
    version = ConjurStore(ref).promote(INCIDENT, new, expected=expected)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "theirs")
    assert ConjurStore(ref).read().version == version


@pytest.mark.parametrize("field", ["", "api_key"])
def test_a_stranger_at_the_same_moment_is_a_conflict_and_keeps_the_last_word(fake: ConjurFake, field: str) -> None:
    old, new, third = key(), key(), key()
    world = ConjurWorld(fake, field)
    ref = world.place(old)
    acts = [lambda: world.write(ref, third)]
    fake.before_put = lambda name: acts.pop()() if name == ref.path and acts else None
    with pytest.raises(Conflict):
        ConjurStore(ref).promote(INCIDENT, new, expected=ConjurStore(ref).read().version)
    assert world.seen(ref) == third.reveal()


def test_an_expected_version_that_conjur_dropped_is_known_to_custody(fake: ConjurFake) -> None:
    old, new = key(), key()
    world = ConjurWorld(fake, "api_key")
    ref = world.place(old)
    store = ConjurStore(ref)
    expected = store.read().version
    store.keep(INCIDENT, "old", old)
    for n in range(25):
        world.write_neighbour(ref, f"n{n}")
    store.promote(INCIDENT, new, expected=expected)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "n24")


def test_discard_pushes_the_history_out_and_spares_other_incidents(fake: ConjurFake) -> None:
    old, theirs = key(), key()
    ref = ConjurWorld(fake, "").place(old)
    store = ConjurStore(ref)
    store.keep(INCIDENT, "old", old)
    store.keep(OTHER, "old", theirs)
    store.discard(INCIDENT)
    history = b"".join(value for _, value in fake.variables[f"{ref.path}-ir"].versions)
    assert old.reveal().encode() not in history
    assert store.fetch(OTHER, "old") == theirs
    store.discard(OTHER)
    history = b"".join(value for _, value in fake.variables[f"{ref.path}-ir"].versions)
    assert theirs.reveal().encode() not in history


def test_incidents_that_keep_at_the_same_time_lose_nothing(fake: ConjurFake) -> None:
    ref = ConjurWorld(fake, "").place(key())
    values = {f"INC-20261123-{n:04d}": key() for n in range(3)}
    barrier = threading.Barrier(len(values))

    def keep(incident: str) -> None:
        barrier.wait()
        ConjurStore(ref).keep(incident, "old", values[incident])

    with ThreadPoolExecutor(len(values)) as pool:
        list(pool.map(keep, values))
    assert {incident: ConjurStore(ref).fetch(incident, "old") for incident in values} == values


def test_one_key_in_two_fields_of_one_variable_side_by_side(fake: ConjurFake) -> None:
    old, new = key(), key()
    name = unique()
    fake.variables[name] = Variable()
    fake.variables[name].put(json.dumps({"a": old.reveal(), "b": old.reveal(), "c": "x"}).encode())
    stores = [ConjurStore(parse(f"conjur://acme/{name}#{field}")) for field in ("a", "b")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda store: store.promote(INCIDENT, new, expected="1"), stores))
    assert json.loads(fake.variables[name].versions[-1][1]) == {"a": new.reveal(), "b": new.reveal(), "c": "x"}


# ── logins ────────────────────────────────────────────────────────────────────────────────────────────


def test_one_login_serves_many_calls_and_an_expired_token_is_renewed(fake: ConjurFake) -> None:
    ref = ConjurWorld(fake, "").place(key())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ConjurStore(ref).read(), range(16)))
    assert fake.logins == 1
    fake.tokens.clear()
    ConjurStore(ref).read()
    assert fake.logins == 2


def test_a_wrong_key_is_denied(fake: ConjurFake) -> None:
    ref = ConjurWorld(fake, "").place(key())
    with environment(CONJUR_AUTHN_API_KEY="wrong-" + unique()), pytest.raises(Denied, match="does not let admin in"):
        ConjurStore(ref).read()


def test_a_token_file_is_read_anew_each_time(fake: ConjurFake, tmp_path: Path) -> None:
    ref = ConjurWorld(fake, "").place(key())
    ConjurStore(ref).read()
    path = tmp_path / "token"
    path.write_text(next(iter(fake.tokens)))
    with environment(CONJUR_AUTHN_TOKEN_FILE=str(path), CONJUR_AUTHN_API_KEY=None):
        ConjurStore(ref).read()
        fake.tokens.clear()
        with pytest.raises(Denied):
            ConjurStore(ref).read()
    assert fake.logins == 1


def test_conjurrc_and_netrc(fake: ConjurFake, tmp_path: Path) -> None:
    value = key()
    ref = ConjurWorld(fake, "").place(value)
    (tmp_path / ".conjurrc").write_text(f"---\naccount: acme\nappliance_url: {fake.address}\n")
    (tmp_path / ".netrc").write_text(f"machine {fake.address}/authn\n login admin\n password {fake.keys['admin']}\n")
    unset = dict.fromkeys(settings(fake))
    with environment(**unset, HOME=str(tmp_path)):
        assert ConjurStore(ref).read().value == value
        (tmp_path / ".netrc").unlink()
        with pytest.raises(Denied, match="there is no login"):
            ConjurStore(ref).read()
        (tmp_path / ".conjurrc").unlink()
        with pytest.raises(Rejected, match="is not set"):
            ConjurStore(ref).read()


def test_keys_do_not_travel_in_the_clear_and_accounts_must_agree(fake: ConjurFake) -> None:
    env = {"CONJUR_APPLIANCE_URL": "http://conjur.example", "CONJUR_AUTHN_LOGIN": "admin", "CONJUR_AUTHN_API_KEY": "k" * 12}
    with pytest.raises(Rejected, match="must be https"):
        conjur_settings.settings("acme", env)
    assert conjur_settings.settings("acme", env, ["http://conjur.example"]).url == "http://conjur.example"
    for spelling in ("http://127.0.0.1@conjur.example", "HTTP://conjur.example", "http://conjur.example:80"):
        with pytest.raises(Rejected, match="must be https"):
            conjur_settings.settings("acme", env | {"CONJUR_APPLIANCE_URL": spelling}, ["http://conjur.example"])
    with pytest.raises(Rejected, match="account other"):
        conjur_settings.settings("acme", env | {"CONJUR_APPLIANCE_URL": "https://c.example", "CONJUR_ACCOUNT": "other"})
    with environment(CONJUR_CERT_FILE="/nowhere.pem"), pytest.raises(Rejected, match="certificate authority"):
        ConjurStore(parse("conjur://acme/x")).read()


# ── faults ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_unknown(fake: ConjurFake, status: int) -> None:
    ref = ConjurWorld(fake, "").place(key())
    ConjurStore(ref).read()
    fake.fails = status
    with pytest.raises(Unknown):
        ConjurStore(ref).read()
    assert ConjurStore(ref).custodian, "silence is no reason to forget what is kept there"


def test_a_variable_without_a_value_reads_as_nothing_and_can_be_filled(fake: ConjurFake) -> None:
    new, name = key(), unique()
    fake.variables[name] = Variable()
    for text in (f"conjur://acme/{name}", f"conjur://acme/{name}#api_key"):
        fake.variables[name] = Variable()
        store = ConjurStore(parse(text))
        assert (store.read().value, store.read().version) == (None, "0")
        store.promote(INCIDENT, new, expected="0")
        assert store.read().value == new


def test_who_may_write_but_not_see_the_version_is_told(fake: ConjurFake) -> None:
    ref = ConjurWorld(fake, "").place(key())
    fake.host("blind")
    with environment(**settings(fake, "host/blind")), pytest.raises(Missing, match="does not let us see it"):
        ConjurStore(ref).check_write(INCIDENT)


def test_binary_values_are_refused(fake: ConjurFake) -> None:
    name = unique()
    fake.variables[name] = Variable()
    fake.variables[name].put(base64.b64decode("//79"))
    with pytest.raises(Rejected, match="binary"):
        ConjurStore(parse(f"conjur://acme/{name}")).read()


def test_the_token_is_a_secret_too(fake: ConjurFake) -> None:
    from ir.core.secret import scrub

    ref = ConjurWorld(fake, "").place(key())
    ConjurStore(ref).read()
    token = base64.b64encode(next(iter(fake.tokens)).encode()).decode()
    assert token not in scrub(f"Authorization: Token token={token}")
    assert Secret(fake.keys["admin"]).fingerprint in scrub(fake.keys["admin"])


def test_a_note_that_cannot_be_taken_away_does_not_fail_a_promotion(fake: ConjurFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a hint: the key is in place, and what stays behind is found when all is discarded."""
    old, new = key(), key()
    store = ConjurStore(ConjurWorld(fake, "").place(old))
    store.stage(INCIDENT, new)

    def refused(*_args: object) -> int:
        raise Denied("the companion may only be read by now")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_note", refused)
        store.promote(INCIDENT, new, expected=store.read().version)
    assert store.read().value == new and store.left(INCIDENT).roles
